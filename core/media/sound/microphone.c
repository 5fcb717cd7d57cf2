#include "core/media/sound/microphone.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <opus.h>
#include <pthread.h>
#include <speex/speex_preprocess.h>
#include <string.h>

#include "core/base/log.h"
#include "core/media/sound/gain.h"

#define GAIN_UNIT 1024 /* the gain, atomic, as a whole number */

struct microphone {
	GThread *thread;
	struct port *port;
	struct echo *echo;
	microphone_packet_fn packet;
	void *data;
	int stop, gate, muted, enabled, loss_percent, bitrate_bps, gain; /* atomic */
	pthread_mutex_t lock; /* protects the counters */
	uint64_t captured, encoded;

	/* the thread's own */
	SpeexPreprocessState *cleaner; /* noise; NULL: not wished for */
	bool evens;
	struct gain even;
	OpusEncoder *encoder;
	int16_t samples[PORT_SAMPLES]; /* of a packet */
	int encoder_loss, encoder_bitrate;
	uint32_t rtp_time;
	bool paused;
};

static int get(const int *flag)
{
	return g_atomic_int_get(flag);
}

/* number: of the block among those that were read last. */
static void clean(struct microphone *m, unsigned int number, int16_t block[SOUND_BLOCK])
{
	struct sound_state state;
	if (!port_is_live(m->port))
		return; /* a tone or a file needs no cleaning */
	int gain = get(&m->gain);
	for (int i = 0; gain != GAIN_UNIT && i < SOUND_BLOCK; i++)
		block[i] = (int16_t)CLAMP((int64_t)block[i] * gain / GAIN_UNIT, -32768, 32767);
	unsigned int serial = port_state(m->port, number, &state);
	bool far = m->echo && echo_cancel(m->echo, serial, &state, block);
	if (m->cleaner)
		speex_preprocess_run(m->cleaner, block);
	if (m->evens)
		gain_run(&m->even, block, far);
}

static void encoder_tune(struct microphone *m)
{
	int loss = get(&m->loss_percent), bitrate = get(&m->bitrate_bps);
	if (loss != m->encoder_loss)
		opus_encoder_ctl(m->encoder, OPUS_SET_PACKET_LOSS_PERC(loss));
	if (bitrate != m->encoder_bitrate)
		opus_encoder_ctl(m->encoder, OPUS_SET_BITRATE(bitrate));
	m->encoder_loss = loss;
	m->encoder_bitrate = bitrate;
}

static void encode(struct microphone *m, int64_t capture_us)
{
	uint8_t packet[1275];
	encoder_tune(m);
	opus_int32 n = opus_encode(m->encoder, m->samples, PORT_SAMPLES, packet, sizeof(packet));
	if (n <= 0) {
		log_once(LOG_LEVEL_ERROR, "opus: %s", opus_strerror(n));
		return;
	}
	m->packet(packet, (size_t)n, m->rtp_time, m->paused, capture_us, m->data);
	m->paused = false;
	pthread_mutex_lock(&m->lock);
	m->encoded++;
	pthread_mutex_unlock(&m->lock);
}

/* The mute is looked at last, so that nothing said before it waits in a buffer behind it. */
static void packet_make(struct microphone *m)
{
	if (get(&m->muted))
		memset(m->samples, 0, sizeof(m->samples));
	if (get(&m->gate) && get(&m->enabled))
		encode(m, g_get_monotonic_time() - PORT_BLOCKS * SOUND_BLOCK_MS * 1000);
	else
		m->paused = true;
	m->rtp_time += PORT_SAMPLES;
}

static void *microphone_run(void *data)
{
	struct microphone *m = data;
	port_hurry();
	while (!get(&m->stop)) {
		port_move(m->port, m->samples, get(&m->enabled));
		for (unsigned int i = 0; i < PORT_BLOCKS; i++) {
			clean(m, i, m->samples + i * SOUND_BLOCK);
			port_level(m->port, m->samples + i * SOUND_BLOCK);
		}
		packet_make(m);
		pthread_mutex_lock(&m->lock);
		m->captured += PORT_BLOCKS;
		pthread_mutex_unlock(&m->lock);
	}
	port_close(m->port);
	return NULL;
}

/* ---- verbs ---- */

static void cleaner_init(struct microphone *m, const struct microphone_settings *settings)
{
	int yes = 1, no = 0;
	m->evens = settings->gain_control;
	gain_init(&m->even);
	if (!settings->noise_suppress)
		return;
	m->cleaner = speex_preprocess_state_init(SOUND_BLOCK, SOUND_RATE);
	speex_preprocess_ctl(m->cleaner, SPEEX_PREPROCESS_SET_DENOISE, &yes);
	speex_preprocess_ctl(m->cleaner, SPEEX_PREPROCESS_SET_AGC, &no);
}

static void microphone_free(struct microphone *m)
{
	port_destroy(m->port);
	if (m->encoder)
		opus_encoder_destroy(m->encoder);
	if (m->cleaner)
		speex_preprocess_state_destroy(m->cleaner);
	pthread_mutex_destroy(&m->lock);
	g_free(m);
}

int microphone_start(const struct microphone_settings *settings, struct echo *echo, microphone_packet_fn packet,
		     const struct port_tell *tell, struct microphone **ret_microphone)
{
	int error = 0;
	struct microphone *m = g_new0(struct microphone, 1);
	m->echo = echo;
	m->packet = packet;
	m->data = tell->data;
	m->enabled = 1;
	m->paused = true;
	m->gain = GAIN_UNIT;
	m->bitrate_bps = settings->bitrate_bps;
	pthread_mutex_init(&m->lock, NULL);
	m->encoder = opus_encoder_create(SOUND_RATE, 1, OPUS_APPLICATION_VOIP, &error);
	int r = m->encoder ? port_create("microphone", true, settings->wish, tell, &m->port) : -ENOMEM;
	if (r < 0) {
		microphone_free(m);
		return r;
	}
	opus_encoder_ctl(m->encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(m->encoder, OPUS_SET_DTX(0));
	cleaner_init(m, settings);
	m->thread = g_thread_new("microphone", microphone_run, m);
	*ret_microphone = m;
	return 0;
}

void microphone_stop(struct microphone *m)
{
	if (!m)
		return;
	g_atomic_int_set(&m->stop, 1);
	g_thread_join(m->thread);
	microphone_free(m);
}

void microphone_gate(struct microphone *m, bool open)
{
	g_atomic_int_set(&m->gate, open);
}

void microphone_mute(struct microphone *m, bool on)
{
	g_atomic_int_set(&m->muted, on);
}

void microphone_enable(struct microphone *m, bool on)
{
	g_atomic_int_set(&m->enabled, on);
}

void microphone_wish(struct microphone *m, const char *wish)
{
	port_wish(m->port, wish);
}

void microphone_network(struct microphone *m, int loss_percent, int bitrate_bps)
{
	g_atomic_int_set(&m->loss_percent, loss_percent);
	g_atomic_int_set(&m->bitrate_bps, bitrate_bps);
}

void microphone_gain(struct microphone *m, double gain)
{
	g_atomic_int_set(&m->gain, (int)lrint(gain * GAIN_UNIT));
}

void microphone_stats(struct microphone *m, struct port_stats *ret_port, uint64_t *ret_captured,
		      uint64_t *ret_encoded)
{
	port_stats(m->port, ret_port);
	pthread_mutex_lock(&m->lock);
	*ret_captured = m->captured;
	*ret_encoded = m->encoded;
	pthread_mutex_unlock(&m->lock);
}
