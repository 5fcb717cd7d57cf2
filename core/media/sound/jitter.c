#include "core/media/sound/jitter.h"

#include <errno.h>
#include <math.h>
#include <opus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define PACKET_SAMPLES 960
#define TARGET_MIN 1
#define TARGET_MAX 10
#define CONCEAL_MAX 25	  /* packets concealed in a row; then it starts anew */
#define FULL_WINDOW 50	  /* takes over which the least level is looked at */
#define JUMP_SEQUENCE 3000

struct slot {
	bool used;
	uint16_t sequence;
	size_t bytes;
	uint8_t data[JITTER_PACKET_BYTES];
};

struct jitter {
	OpusDecoder *decoder;
	struct slot slots[JITTER_SLOTS];
	int level; /* used slots */
	bool playing;
	uint16_t next;
	int concealing, target;
	int least, looked; /* least level of this window */
	bool timed;
	int64_t last_arrival_us;
	uint32_t last_rtp;
	double jitter_us;
	struct jitter_stats stats;
};

int jitter_create(struct jitter **ret_jitter)
{
	int error;
	struct jitter *jitter = calloc(1, sizeof(*jitter));
	if (!jitter)
		return -ENOMEM;
	jitter->decoder = opus_decoder_create(RATE, 1, &error);
	if (!jitter->decoder) {
		free(jitter);
		return -ENOMEM;
	}
	jitter->target = TARGET_MIN;
	jitter->least = JITTER_SLOTS;
	*ret_jitter = jitter;
	return 0;
}

void jitter_destroy(struct jitter *jitter)
{
	if (!jitter)
		return;
	opus_decoder_destroy(jitter->decoder);
	free(jitter);
}

static void clear(struct jitter *jitter)
{
	for (int i = 0; i < JITTER_SLOTS; i++)
		jitter->slots[i].used = false;
	jitter->level = 0;
	jitter->playing = false;
	jitter->concealing = 0;
}

/* RFC 3550 §6.4.1 interarrival jitter; the wished delay covers four times its mean. */
static void measure(struct jitter *jitter, uint32_t rtp_time, int64_t arrival_us)
{
	if (jitter->timed) {
		double sent_us = (double)(int32_t)(rtp_time - jitter->last_rtp) * 1e6 / RATE;
		double d = fabs((double)(arrival_us - jitter->last_arrival_us) - sent_us);
		jitter->jitter_us += ((d < 500000 ? d : 500000) - jitter->jitter_us) / 16;
	}
	jitter->timed = true;
	jitter->last_arrival_us = arrival_us;
	jitter->last_rtp = rtp_time;
	int target = TARGET_MIN + (int)(jitter->jitter_us * 4 / 20000);
	jitter->target = target < TARGET_MAX ? target : TARGET_MAX;
}

void jitter_put(struct jitter *jitter, const uint8_t *opus, size_t bytes, uint16_t sequence, uint32_t rtp_time,
		int64_t arrival_us)
{
	jitter->stats.received++;
	if (bytes == 0 || bytes > JITTER_PACKET_BYTES)
		return;
	measure(jitter, rtp_time, arrival_us);
	int ahead = (int16_t)(sequence - jitter->next);
	if (jitter->playing && (ahead > JUMP_SEQUENCE || ahead < -JUMP_SEQUENCE || ahead >= JITTER_SLOTS)) {
		clear(jitter);
		ahead = 0;
	}
	if (jitter->playing && ahead < 0) {
		jitter->stats.late++;
		return;
	}
	struct slot *slot = &jitter->slots[sequence % JITTER_SLOTS];
	if (slot->used && slot->sequence == sequence)
		return;
	jitter->level += !slot->used;
	slot->used = true;
	slot->sequence = sequence;
	slot->bytes = bytes;
	memcpy(slot->data, opus, bytes);
}

static struct slot *slot_of(struct jitter *jitter, uint16_t sequence)
{
	struct slot *slot = &jitter->slots[sequence % JITTER_SLOTS];
	return slot->used && slot->sequence == sequence ? slot : NULL;
}

static bool start(struct jitter *jitter)
{
	if (jitter->level < jitter->target)
		return false;
	bool found = false;
	for (int i = 0; i < JITTER_SLOTS; i++) {
		const struct slot *slot = &jitter->slots[i];
		if (slot->used && (!found || (int16_t)(slot->sequence - jitter->next) < 0)) {
			jitter->next = slot->sequence;
			found = true;
		}
	}
	jitter->playing = found;
	return found;
}

static int conceal(struct jitter *jitter, int16_t *samples)
{
	jitter->stats.concealed++;
	if (++jitter->concealing > CONCEAL_MAX)
		clear(jitter);
	return opus_decode(jitter->decoder, NULL, 0, samples, PACKET_SAMPLES, 0);
}

static int lost(struct jitter *jitter, int16_t *samples)
{
	if (jitter->level == 0)
		return conceal(jitter, samples); /* it may only be late: next stays */
	const struct slot *after = slot_of(jitter, (uint16_t)(jitter->next + 1));
	jitter->next++;
	if (!after)
		return conceal(jitter, samples);
	jitter->stats.fec++;
	return opus_decode(jitter->decoder, after->data, (opus_int32)after->bytes, samples, PACKET_SAMPLES, 1);
}

/* A buffer that never was as empty as wished for a second holds sound back for nothing. */
static bool is_too_full(struct jitter *jitter)
{
	if (jitter->level < jitter->least)
		jitter->least = jitter->level;
	if (++jitter->looked < FULL_WINDOW)
		return false;
	bool full = jitter->least > jitter->target + 1;
	jitter->looked = 0;
	jitter->least = JITTER_SLOTS;
	return full;
}

static int play(struct jitter *jitter, int16_t *samples)
{
	struct slot *slot = slot_of(jitter, jitter->next);
	if (!slot)
		return lost(jitter, samples);
	jitter->next++;
	jitter->level--;
	jitter->concealing = 0;
	slot->used = false;
	jitter->stats.decoded++;
	return opus_decode(jitter->decoder, slot->data, (opus_int32)slot->bytes, samples, JITTER_SAMPLES_MAX, 0);
}

int jitter_take(struct jitter *jitter, int16_t samples[JITTER_SAMPLES_MAX])
{
	if (!jitter->playing && !start(jitter))
		return 0;
	if (is_too_full(jitter)) {
		jitter->stats.discarded++;
		play(jitter, samples);
	}
	int n = play(jitter, samples);
	return n > 0 ? n : conceal(jitter, samples);
}

int jitter_skip(struct jitter *jitter)
{
	int16_t samples[JITTER_SAMPLES_MAX];
	if (!jitter->playing || jitter->level <= jitter->target)
		return 0;
	jitter->stats.discarded++;
	int n = play(jitter, samples);
	return n > 0 ? n : 0;
}

void jitter_stats(const struct jitter *jitter, struct jitter_stats *ret_stats)
{
	*ret_stats = jitter->stats;
	ret_stats->jitter_ms = jitter->jitter_us / 1000;
	ret_stats->delay_ms = jitter->level * 20;
}
