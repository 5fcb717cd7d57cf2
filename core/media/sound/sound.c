#include "core/media/sound/sound.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <opus.h>
#include <pthread.h>
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/sound_device.h"
#include "core/media/sound/jitter.h"

#define PACKET_BLOCKS 2 /* 20 ms */
#define PACKET_SAMPLES (PACKET_BLOCKS * SOUND_BLOCK)
#define ECHO_TAIL (SOUND_RATE / 5)
#define RETRY_US 1000000
#define SILENCE_DBFS (-96.0)
#define BEEP_BLOCKS 25
#define BEEP_HZ 880.0
#define BEEP_LEVEL 6000.0

/* One direction's device. The thread's own but for wished, which the lock protects. */
struct port {
	const char *kind;
	bool capture;
	char *wished, *id;
	bool changed;
	const struct sound_driver *driver;
	struct sound_stream *stream;
	struct sound_stream *silence; /* paces while there is no device */
	int64_t retry_us;
	bool was_lost, told_failed;
	double energy;
	unsigned int xruns;
	double dbfs;
};

struct sound {
	const struct sound_ops *ops;
	void *data;
	bool clean_noise, clean_gain, clean_echo;
	GThread *microphone_thread, *speaker_thread;
	pthread_mutex_t lock; /* protects ports' wishes, jitter, stats */
	struct port microphone, speaker;
	struct jitter *jitter;
	struct sound_stats stats;

	int beep_blocks; /* atomic: blocks of the beep still to play */
	int stop, gate, muted, enabled, playout_muted, loss_percent, bitrate_bps; /* atomic */
	int cleaning; /* atomic: the microphone hears a room, so the speaker's sound is its echo */

	/* the microphone thread's own */
	OpusEncoder *encoder;
	int16_t pending[PACKET_SAMPLES];
	int pending_blocks, encoder_loss, encoder_bitrate;
	uint32_t rtp_time;
	bool paused;

	pthread_mutex_t echo_lock; /* speexdsp's echo state is fed by both threads */
	SpeexEchoState *echo;
	SpeexPreprocessState *cleaner;
};

static int get(const int *flag)
{
	return g_atomic_int_get(flag);
}

/* ---- devices ---- */

static void device_told(struct sound *sound, struct port *port, const char *state, const char *text)
{
	sound->ops->device(port->kind, port->id, state, text, sound->data);
}

static void port_close(struct port *port)
{
	if (port->stream)
		port->driver->close(port->stream);
	port->stream = NULL;
}

static void port_try(struct sound *sound, struct port *port)
{
	char why[512] = "";
	const char *address;
	int64_t now = g_get_monotonic_time();
	if (now < port->retry_us)
		return;
	port->retry_us = now + RETRY_US;
	port->driver = sound_driver_find(port->id, &address, why, sizeof(why));
	if (port->driver &&
	    port->driver->open(address, port->capture, &port->stream, why, sizeof(why)) == 0) {
		device_told(sound, port, port->was_lost ? "back" : "opened", port->id);
		port->was_lost = port->told_failed = false;
		return;
	}
	port->stream = NULL;
	if (!port->told_failed && !port->was_lost)
		device_told(sound, port, "failed", why[0] ? why : "cannot be opened");
	port->told_failed = true;
}

static void port_lost(struct sound *sound, struct port *port, int r)
{
	g_autofree char *text = g_strdup_printf("%s %s: %s", port->kind, port->id,
						r == -ENODEV ? "unplugged" : g_strerror(-r));
	port_close(port);
	port->was_lost = true;
	port->retry_us = g_get_monotonic_time() + RETRY_US / 2;
	device_told(sound, port, "lost", text);
}

static void port_wishes(struct sound *sound, struct port *port)
{
	pthread_mutex_lock(&sound->lock);
	bool changed = port->changed;
	if (changed) {
		g_free(port->id);
		port->id = g_strdup(port->wished);
		port->changed = false;
	}
	pthread_mutex_unlock(&sound->lock);
	if (!changed)
		return;
	port_close(port);
	port->retry_us = 0;
	port->was_lost = port->told_failed = false;
}

static void level_note(struct sound *sound, struct port *port, const int16_t *block)
{
	double sum = 0;
	for (int i = 0; i < SOUND_BLOCK; i++)
		sum += (double)block[i] * block[i];
	port->energy += (sum / SOUND_BLOCK - port->energy) * 0.1;
	pthread_mutex_lock(&sound->lock);
	port->dbfs = port->energy < 1 ? SILENCE_DBFS : 10 * log10(port->energy / (32768.0 * 32768.0));
	if (port->stream)
		port->xruns = port->driver->xruns(port->stream);
	pthread_mutex_unlock(&sound->lock);
}

/* A block of the device, or of silence while there is none. */
static void port_move(struct sound *sound, struct port *port, int16_t block[SOUND_BLOCK])
{
	bool wanted = !port->capture || get(&sound->enabled);
	port_wishes(sound, port);
	if (!wanted)
		port_close(port);
	else if (!port->stream)
		port_try(sound, port);
	if (port->stream) {
		int r = port->capture ? port->driver->read(port->stream, block)
				      : port->driver->write(port->stream, block);
		if (r == 0)
			return;
		port_lost(sound, port, r);
	}
	if (port->capture)
		sound_drivers[3]->read(port->silence, block);
	else
		sound_drivers[3]->write(port->silence, block);
}

/* ---- microphone ---- */

static void clean(struct sound *sound, int16_t block[SOUND_BLOCK])
{
	int16_t without_echo[SOUND_BLOCK];
	bool live = sound->microphone.stream && sound->microphone.driver->live;
	g_atomic_int_set(&sound->cleaning, live);
	if (!live)
		return; /* a tone or a file needs no cleaning */
	if (sound->echo) {
		pthread_mutex_lock(&sound->echo_lock);
		speex_echo_capture(sound->echo, block, without_echo);
		pthread_mutex_unlock(&sound->echo_lock);
		memcpy(block, without_echo, sizeof(without_echo));
	}
	if (sound->cleaner)
		speex_preprocess_run(sound->cleaner, block);
}

static void encoder_tune(struct sound *sound)
{
	int loss = get(&sound->loss_percent), bitrate = get(&sound->bitrate_bps);
	if (loss != sound->encoder_loss)
		opus_encoder_ctl(sound->encoder, OPUS_SET_PACKET_LOSS_PERC(loss));
	if (bitrate != sound->encoder_bitrate)
		opus_encoder_ctl(sound->encoder, OPUS_SET_BITRATE(bitrate));
	sound->encoder_loss = loss;
	sound->encoder_bitrate = bitrate;
}

static void encode(struct sound *sound, int64_t capture_us)
{
	uint8_t packet[1275];
	encoder_tune(sound);
	opus_int32 n = opus_encode(sound->encoder, sound->pending, PACKET_SAMPLES, packet, sizeof(packet));
	if (n <= 0) {
		log_once(LOG_LEVEL_ERROR, "opus: %s", opus_strerror(n));
		return;
	}
	sound->ops->packet(packet, (size_t)n, sound->rtp_time, sound->paused, capture_us, sound->data);
	sound->paused = false;
	pthread_mutex_lock(&sound->lock);
	sound->stats.encoded++;
	pthread_mutex_unlock(&sound->lock);
}

/* The mute is looked at last, so that nothing said before it waits in a buffer behind it. */
static void packet_put(struct sound *sound, const int16_t *block)
{
	memcpy(sound->pending + sound->pending_blocks * SOUND_BLOCK, block, SOUND_BLOCK * sizeof(block[0]));
	if (++sound->pending_blocks < PACKET_BLOCKS)
		return;
	sound->pending_blocks = 0;
	if (get(&sound->muted))
		memset(sound->pending, 0, sizeof(sound->pending));
	if (get(&sound->gate) && get(&sound->enabled))
		encode(sound, g_get_monotonic_time() - 2 * SOUND_BLOCK_MS * 1000);
	else
		sound->paused = true;
	sound->rtp_time += PACKET_SAMPLES;
}

static void *microphone_run(void *data)
{
	struct sound *sound = data;
	int16_t block[SOUND_BLOCK];
	while (!get(&sound->stop)) {
		port_move(sound, &sound->microphone, block);
		clean(sound, block);
		level_note(sound, &sound->microphone, block);
		packet_put(sound, block);
		pthread_mutex_lock(&sound->lock);
		sound->stats.captured++;
		pthread_mutex_unlock(&sound->lock);
	}
	port_close(&sound->microphone);
	return NULL;
}

/* ---- speaker ---- */

/* Laid over the block, swelling and fading so that it does not click. */
static void beep_mix(struct sound *sound, int16_t block[SOUND_BLOCK])
{
	int left = get(&sound->beep_blocks);
	if (left <= 0)
		return;
	g_atomic_int_add(&sound->beep_blocks, -1);
	for (int i = 0; i < SOUND_BLOCK; i++) {
		double at = (BEEP_BLOCKS - left) * SOUND_BLOCK + i;
		double swell = sin(G_PI * at / (BEEP_BLOCKS * SOUND_BLOCK));
		double sample = block[i] + BEEP_LEVEL * swell * sin(2 * G_PI * BEEP_HZ * at / SOUND_RATE);
		block[i] = (int16_t)CLAMP(sample, -32768, 32767);
	}
}

static void *speaker_run(void *data)
{
	struct sound *sound = data;
	int16_t samples[JITTER_SAMPLES_MAX + SOUND_BLOCK], block[SOUND_BLOCK];
	int have = 0;
	while (!get(&sound->stop)) {
		if (have < SOUND_BLOCK) {
			pthread_mutex_lock(&sound->lock);
			have += jitter_take(sound->jitter, samples + have);
			pthread_mutex_unlock(&sound->lock);
		}
		memset(block, 0, sizeof(block));
		int n = MIN(have, SOUND_BLOCK);
		if (!get(&sound->playout_muted))
			memcpy(block, samples, (size_t)n * sizeof(block[0]));
		beep_mix(sound, block);
		have -= n;
		memmove(samples, samples + n, (size_t)have * sizeof(samples[0]));
		level_note(sound, &sound->speaker, block);
		if (sound->echo && get(&sound->cleaning)) {
			pthread_mutex_lock(&sound->echo_lock);
			speex_echo_playback(sound->echo, block);
			pthread_mutex_unlock(&sound->echo_lock);
		}
		port_move(sound, &sound->speaker, block);
	}
	port_close(&sound->speaker);
	return NULL;
}

/* ---- verbs ---- */

static int port_init(struct port *port, const char *kind, bool capture, const char *id)
{
	char why[64];
	port->kind = kind;
	port->capture = capture;
	port->id = g_strdup(id);
	port->wished = g_strdup(id);
	port->dbfs = SILENCE_DBFS;
	return sound_drivers[3]->open("", capture, &port->silence, why, sizeof(why));
}

static void port_finish(struct port *port)
{
	if (port->silence)
		sound_drivers[3]->close(port->silence);
	g_free(port->id);
	g_free(port->wished);
}

static void cleaners_init(struct sound *sound, const struct sound_settings *settings)
{
	int rate = SOUND_RATE, yes = 1, no = 0;
	if (settings->echo_cancel) {
		sound->echo = speex_echo_state_init(SOUND_BLOCK, ECHO_TAIL);
		speex_echo_ctl(sound->echo, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	}
	if (!settings->echo_cancel && !settings->noise_suppress && !settings->gain_control)
		return;
	sound->cleaner = speex_preprocess_state_init(SOUND_BLOCK, SOUND_RATE);
	speex_preprocess_ctl(sound->cleaner, SPEEX_PREPROCESS_SET_DENOISE, settings->noise_suppress ? &yes : &no);
	speex_preprocess_ctl(sound->cleaner, SPEEX_PREPROCESS_SET_AGC, settings->gain_control ? &yes : &no);
	if (sound->echo)
		speex_preprocess_ctl(sound->cleaner, SPEEX_PREPROCESS_SET_ECHO_STATE, sound->echo);
}

static void sound_free(struct sound *sound)
{
	port_finish(&sound->microphone);
	port_finish(&sound->speaker);
	if (sound->encoder)
		opus_encoder_destroy(sound->encoder);
	if (sound->cleaner)
		speex_preprocess_state_destroy(sound->cleaner);
	if (sound->echo)
		speex_echo_state_destroy(sound->echo);
	jitter_destroy(sound->jitter);
	pthread_mutex_destroy(&sound->lock);
	pthread_mutex_destroy(&sound->echo_lock);
	g_free(sound);
}

int sound_start(const struct sound_settings *settings, const struct sound_ops *ops, void *data,
		struct sound **ret_sound)
{
	int error = 0;
	struct sound *sound = g_new0(struct sound, 1);
	sound->ops = ops;
	sound->data = data;
	sound->enabled = 1;
	sound->paused = true;
	sound->bitrate_bps = CLAMP(settings->bitrate_bps, 6000, 128000);
	pthread_mutex_init(&sound->lock, NULL);
	pthread_mutex_init(&sound->echo_lock, NULL);
	sound->encoder = opus_encoder_create(SOUND_RATE, 1, OPUS_APPLICATION_VOIP, &error);
	int r = sound->encoder ? jitter_create(&sound->jitter) : -ENOMEM;
	if (r == 0)
		r = port_init(&sound->microphone, "microphone", true, settings->microphone);
	if (r == 0)
		r = port_init(&sound->speaker, "speaker", false, settings->speaker);
	if (r < 0) {
		sound_free(sound);
		return r;
	}
	opus_encoder_ctl(sound->encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(sound->encoder, OPUS_SET_DTX(0));
	cleaners_init(sound, settings);
	sound->microphone_thread = g_thread_new("microphone", microphone_run, sound);
	sound->speaker_thread = g_thread_new("speaker", speaker_run, sound);
	*ret_sound = sound;
	return 0;
}

void sound_stop(struct sound *sound)
{
	if (!sound)
		return;
	g_atomic_int_set(&sound->stop, 1);
	g_thread_join(sound->microphone_thread);
	g_thread_join(sound->speaker_thread);
	sound_free(sound);
}

void sound_receive(struct sound *sound, const uint8_t *opus, size_t bytes, uint16_t sequence,
		   uint32_t rtp_time, int64_t arrival_us)
{
	pthread_mutex_lock(&sound->lock);
	jitter_put(sound->jitter, opus, bytes, sequence, rtp_time, arrival_us);
	pthread_mutex_unlock(&sound->lock);
}

void sound_gate(struct sound *sound, bool open)
{
	g_atomic_int_set(&sound->gate, open);
}

void sound_mute(struct sound *sound, bool on)
{
	g_atomic_int_set(&sound->muted, on);
}

void sound_enable(struct sound *sound, bool on)
{
	g_atomic_int_set(&sound->enabled, on);
}

void sound_beep(struct sound *sound)
{
	g_atomic_int_set(&sound->beep_blocks, BEEP_BLOCKS);
}

void sound_playout_mute(struct sound *sound, bool on)
{
	g_atomic_int_set(&sound->playout_muted, on);
}

void sound_switch(struct sound *sound, const char *kind, const char *id)
{
	struct port *port = g_str_equal(kind, "speaker") ? &sound->speaker : &sound->microphone;
	pthread_mutex_lock(&sound->lock);
	g_free(port->wished);
	port->wished = g_strdup(id);
	port->changed = true;
	pthread_mutex_unlock(&sound->lock);
}

void sound_network(struct sound *sound, int loss_percent, int bitrate_bps)
{
	g_atomic_int_set(&sound->loss_percent, CLAMP(loss_percent, 0, 50));
	g_atomic_int_set(&sound->bitrate_bps, CLAMP(bitrate_bps, 6000, 128000));
}

void sound_stats(struct sound *sound, struct sound_stats *ret_stats)
{
	struct jitter_stats j;
	pthread_mutex_lock(&sound->lock);
	jitter_stats(sound->jitter, &j);
	*ret_stats = sound->stats;
	ret_stats->microphone_dbfs = sound->microphone.dbfs;
	ret_stats->speaker_dbfs = sound->speaker.dbfs;
	ret_stats->microphone_xruns = sound->microphone.xruns;
	ret_stats->speaker_xruns = sound->speaker.xruns;
	g_strlcpy(ret_stats->microphone, sound->microphone.wished, sizeof(ret_stats->microphone));
	g_strlcpy(ret_stats->speaker, sound->speaker.wished, sizeof(ret_stats->speaker));
	pthread_mutex_unlock(&sound->lock);
	ret_stats->received = j.received;
	ret_stats->decoded = j.decoded;
	ret_stats->concealed = j.concealed;
	ret_stats->fec = j.fec;
	ret_stats->late = j.late;
	ret_stats->discarded = j.discarded;
	ret_stats->jitter_ms = j.jitter_ms;
	ret_stats->delay_ms = j.delay_ms;
}
