#include "core/media/sound/speaker.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#define DEBT_MOVES 25 /* so long is made up for an xrun; then the jitter buffer itself does */

struct speaker {
	GThread *thread;
	struct port *port;
	struct echo *echo;
	int stop, muted; /* atomic */
	pthread_mutex_t lock; /* protects jitter, tone, gain */
	struct jitter *jitter;
	struct tone *tone;
	double gain;

	/* the thread's own */
	int16_t samples[JITTER_SAMPLES_MAX + SOUND_BLOCK];
	int have;
	int64_t debt; /* samples whose time went by in an xrun */
	int debt_moves;
	uint64_t missed;
	unsigned int serial;
};

static void samples_drop(struct speaker *speaker, int n)
{
	speaker->have -= n;
	memmove(speaker->samples, speaker->samples + n, (size_t)speaker->have * sizeof(speaker->samples[0]));
}

/* The other side's next block; silence where it has none. */
static void block_next(struct speaker *speaker, int16_t block[SOUND_BLOCK])
{
	memset(block, 0, SOUND_BLOCK * sizeof(block[0]));
	pthread_mutex_lock(&speaker->lock);
	if (speaker->have < SOUND_BLOCK)
		speaker->have += jitter_take(speaker->jitter, speaker->samples + speaker->have);
	double gain = speaker->gain;
	pthread_mutex_unlock(&speaker->lock);
	int n = MIN(speaker->have, SOUND_BLOCK);
	if (!g_atomic_int_get(&speaker->muted))
		memcpy(block, speaker->samples, (size_t)n * sizeof(block[0]));
	samples_drop(speaker, n);
	for (int i = 0; gain != 1 && i < n; i++)
		block[i] = (int16_t)CLAMP(block[i] * gain, -32768, 32767);
}

/* What should have been heard in the time that an xrun took is not heard later: the delay stays what it was.
 * Packets of that time may still be on their way in this process. */
static void debt_pay(struct speaker *speaker)
{
	if (speaker->debt <= 0 || ++speaker->debt_moves > DEBT_MOVES) {
		speaker->debt = 0;
		speaker->debt_moves = 0;
		return;
	}
	pthread_mutex_lock(&speaker->lock);
	for (int n; speaker->debt > 0 && (n = jitter_skip(speaker->jitter)) > 0;)
		speaker->debt -= n;
	pthread_mutex_unlock(&speaker->lock);
}

static void tone_lay(struct speaker *speaker, int16_t block[SOUND_BLOCK])
{
	pthread_mutex_lock(&speaker->lock);
	if (speaker->tone && !tone_mix(speaker->tone, block)) {
		tone_destroy(speaker->tone);
		speaker->tone = NULL;
	}
	pthread_mutex_unlock(&speaker->lock);
}

static void heard(struct speaker *speaker, const int16_t samples[PORT_SAMPLES])
{
	struct sound_state state;
	if (!speaker->echo || !port_is_live(speaker->port))
		return;
	for (unsigned int i = 0; i < PORT_BLOCKS; i++) {
		unsigned int serial = port_state(speaker->port, i, &state);
		echo_played(speaker->echo, serial, &state, samples + i * SOUND_BLOCK);
	}
}

static void played(struct speaker *speaker, const int16_t samples[PORT_SAMPLES])
{
	struct sound_state state;
	unsigned int serial = port_state(speaker->port, PORT_BLOCKS - 1, &state);
	if (serial != speaker->serial)
		speaker->missed = 0;
	speaker->serial = serial;
	if (serial == 0)
		return;
	if (state.missed > speaker->missed)
		speaker->debt_moves = 0;
	speaker->debt += (int64_t)(state.missed - speaker->missed);
	speaker->missed = state.missed;
	heard(speaker, samples);
}

static void *speaker_run(void *data)
{
	struct speaker *speaker = data;
	int16_t samples[PORT_SAMPLES];
	port_hurry();
	while (!g_atomic_int_get(&speaker->stop)) {
		debt_pay(speaker);
		for (int16_t *block = samples; block < samples + PORT_SAMPLES; block += SOUND_BLOCK) {
			block_next(speaker, block);
			tone_lay(speaker, block);
			port_level(speaker->port, block);
		}
		port_move(speaker->port, samples, true);
		played(speaker, samples);
	}
	port_close(speaker->port);
	return NULL;
}

static void speaker_free(struct speaker *speaker)
{
	port_destroy(speaker->port);
	jitter_destroy(speaker->jitter);
	tone_destroy(speaker->tone);
	pthread_mutex_destroy(&speaker->lock);
	g_free(speaker);
}

int speaker_start(const char *wish, struct echo *echo, const struct port_tell *tell, struct speaker **ret_speaker)
{
	struct speaker *speaker = g_new0(struct speaker, 1);
	speaker->echo = echo;
	speaker->gain = 1;
	pthread_mutex_init(&speaker->lock, NULL);
	int r = jitter_create(&speaker->jitter);
	if (r == 0)
		r = port_create("speaker", false, wish, tell, &speaker->port);
	if (r < 0) {
		speaker_free(speaker);
		return r;
	}
	speaker->thread = g_thread_new("speaker", speaker_run, speaker);
	*ret_speaker = speaker;
	return 0;
}

void speaker_stop(struct speaker *speaker)
{
	if (!speaker)
		return;
	g_atomic_int_set(&speaker->stop, 1);
	g_thread_join(speaker->thread);
	speaker_free(speaker);
}

void speaker_receive(struct speaker *speaker, const uint8_t *opus, size_t bytes, uint16_t sequence,
		     uint32_t rtp_time, int64_t arrival_us)
{
	pthread_mutex_lock(&speaker->lock);
	jitter_put(speaker->jitter, opus, bytes, sequence, rtp_time, arrival_us);
	pthread_mutex_unlock(&speaker->lock);
}

void speaker_mute(struct speaker *speaker, bool on)
{
	g_atomic_int_set(&speaker->muted, on);
}

void speaker_wish(struct speaker *speaker, const char *wish)
{
	port_wish(speaker->port, wish);
}

void speaker_tone(struct speaker *speaker, struct tone *tone)
{
	pthread_mutex_lock(&speaker->lock);
	struct tone *before = speaker->tone;
	speaker->tone = tone;
	pthread_mutex_unlock(&speaker->lock);
	tone_destroy(before);
}

bool speaker_has_tone(struct speaker *speaker)
{
	pthread_mutex_lock(&speaker->lock);
	bool has = speaker->tone != NULL;
	pthread_mutex_unlock(&speaker->lock);
	return has;
}

void speaker_gain(struct speaker *speaker, double gain)
{
	pthread_mutex_lock(&speaker->lock);
	speaker->gain = gain;
	pthread_mutex_unlock(&speaker->lock);
}

void speaker_stats(struct speaker *speaker, struct port_stats *ret_port, struct jitter_stats *ret_jitter)
{
	port_stats(speaker->port, ret_port);
	pthread_mutex_lock(&speaker->lock);
	jitter_stats(speaker->jitter, ret_jitter);
	pthread_mutex_unlock(&speaker->lock);
}
