#include "core/media/twcc.h"

#include <errno.h>
#include <string.h>

#define TICK_US 250
#define REFERENCE_TICKS 256	/* 64 ms */
#define TOLD_MAX 440		/* statuses in a feedback of ours */
#define HEADER_BYTES 20
#define RUN_MAX 8191

enum status { LOST, SMALL, LARGE, RESERVED };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* ---- the header extension ---- */

void twcc_write_extension(uint8_t bytes[TWCC_EXTENSION_BYTES], int id, uint16_t sequence)
{
	put16(bytes, 0xbede);
	put16(bytes + 2, 1);
	bytes[4] = (uint8_t)(id << 4 | 1); /* two bytes of data */
	put16(bytes + 5, sequence);
	bytes[7] = 0;
}

int twcc_read_extension(uint16_t profile, const uint8_t *body, size_t bytes, int id)
{
	bool two = (profile & 0xfff0) == 0x1000;
	if (!two && profile != 0xbede)
		return -1;
	for (size_t at = 0; at < bytes;) {
		if (body[at] == 0) { /* padding */
			at++;
			continue;
		}
		if (two && at + 1 >= bytes)
			return -1;
		int one = two ? body[at] : body[at] >> 4;
		size_t length = two ? body[at + 1] : (size_t)(body[at] & 15) + 1;
		at += two ? 2 : 1;
		if (length > bytes - at || (!two && one == 15))
			return -1;
		if (one == id)
			return length >= 2 ? get16(body + at) : -1;
		at += length;
	}
	return -1;
}

/* ---- what came ---- */

static int64_t *slot(struct twcc_arrivals *arrivals, int64_t number)
{
	return &arrivals->ticks[number & (TWCC_WINDOW - 1)];
}

static void begin(struct twcc_arrivals *arrivals, int64_t number)
{
	arrivals->started = true;
	arrivals->next = arrivals->end = number;
}

void twcc_arrived(struct twcc_arrivals *arrivals, uint16_t sequence, int64_t now_us)
{
	if (!arrivals->started)
		begin(arrivals, 65536 + sequence);
	int64_t newest = arrivals->end - 1, number = newest + (int16_t)(sequence - (uint16_t)newest);
	if (number - arrivals->end >= TWCC_WINDOW)
		begin(arrivals, number);
	if (number < arrivals->end - TWCC_WINDOW || (number < arrivals->end && *slot(arrivals, number)))
		return; /* too late, or twice */
	for (; arrivals->end <= number; arrivals->end++)
		*slot(arrivals, arrivals->end) = 0;
	*slot(arrivals, number) = now_us / TICK_US;
	if (number < arrivals->next) /* told as lost before: it is told again */
		arrivals->next = number;
	if (arrivals->next < arrivals->end - TWCC_WINDOW)
		arrivals->next = arrivals->end - TWCC_WINDOW;
}

/* ---- feedback, written ---- */

/* Statuses from here on that one chunk takes; the chunk itself in *ret_chunk. */
static int chunk_of(const uint8_t *statuses, int count, uint16_t *ret_chunk)
{
	int run = 1, ones = 0;
	while (run < count && run < RUN_MAX && statuses[run] == statuses[0])
		run++;
	while (ones < count && ones < 14 && statuses[ones] != LARGE)
		ones++;
	int wide = count < 7 ? count : 7;
	if (run > ones && run >= wide) {
		*ret_chunk = (uint16_t)(statuses[0] << 13 | run);
		return run;
	}
	unsigned int chunk = 0x8000;
	if (ones == 14 || ones == count) {
		for (int i = 0; i < ones; i++)
			chunk |= (unsigned int)statuses[i] << (13 - i);
		*ret_chunk = (uint16_t)chunk;
		return ones;
	}
	chunk |= 0x4000;
	for (int i = 0; i < wide; i++)
		chunk |= (unsigned int)statuses[i] << (12 - 2 * i);
	*ret_chunk = (uint16_t)chunk;
	return wide;
}

struct told {
	uint8_t statuses[TOLD_MAX], deltas[2 * TOLD_MAX];
	int count;
	size_t delta_bytes;
	int64_t reference; /* 64 ms */
};

/* The statuses from next on, as many as one feedback can say. */
static void collect(struct twcc_arrivals *arrivals, struct told *told)
{
	int64_t first = arrivals->next;
	while (!*slot(arrivals, first)) /* the newest did come */
		first++;
	told->count = 0;
	told->delta_bytes = 0;
	told->reference = *slot(arrivals, first) / REFERENCE_TICKS;
	int64_t before = told->reference * REFERENCE_TICKS;
	for (; arrivals->next < arrivals->end && told->count < TOLD_MAX; arrivals->next++) {
		int64_t ticks = *slot(arrivals, arrivals->next), delta = ticks - before;
		if (!ticks) {
			told->statuses[told->count++] = LOST;
			continue;
		}
		if (delta != (int16_t)delta)
			break; /* the next feedback has its own reference */
		bool small = delta >= 0 && delta <= 255;
		told->statuses[told->count++] = small ? SMALL : LARGE;
		if (!small)
			told->deltas[told->delta_bytes++] = (uint8_t)((uint64_t)delta >> 8);
		told->deltas[told->delta_bytes++] = (uint8_t)delta;
		before = ticks;
	}
}

size_t twcc_write(struct twcc_arrivals *arrivals, uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc)
{
	struct told told;
	if (!arrivals->started || arrivals->next >= arrivals->end)
		return at;
	uint16_t base = (uint16_t)arrivals->next, chunk;
	collect(arrivals, &told);
	uint8_t *p = bytes + at;
	size_t length = HEADER_BYTES;
	for (int i = 0; i < told.count; length += 2) {
		i += chunk_of(told.statuses + i, told.count - i, &chunk);
		put16(p + length, chunk);
	}
	memcpy(p + length, told.deltas, told.delta_bytes);
	length += told.delta_bytes;
	size_t padding = -length & 3;
	memset(p + length, 0, padding);
	length += padding;
	if (padding)
		p[length - 1] = (uint8_t)padding;
	p[0] = (uint8_t)(0x80 | (padding ? 0x20 : 0) | TWCC_FORMAT);
	p[1] = 205;
	put16(p + 2, (unsigned int)(length / 4 - 1));
	put32(p + 4, from);
	put32(p + 8, ssrc);
	put16(p + 12, base);
	put16(p + 14, (unsigned int)told.count);
	put32(p + 16, (uint32_t)(told.reference & 0xffffff) << 8 | arrivals->feedbacks++);
	return at + length;
}

/* ---- feedback, read ---- */

/* Status i of a chunk, and how many it holds. */
static int chunk_count(uint16_t chunk)
{
	return !(chunk & 0x8000) ? chunk & RUN_MAX : chunk & 0x4000 ? 7 : 14;
}

static enum status chunk_status(uint16_t chunk, int i)
{
	if (!(chunk & 0x8000))
		return (enum status)(chunk >> 13 & 3);
	if (chunk & 0x4000)
		return (enum status)(chunk >> (12 - 2 * i) & 3);
	return chunk >> (13 - i) & 1 ? SMALL : LOST;
}

struct layout {
	size_t deltas; /* where they begin */
	size_t delta_bytes;
};

static int layout_of(const uint8_t *p, size_t length, int count, struct layout *ret_layout)
{
	size_t at = HEADER_BYTES, delta_bytes = 0;
	for (int told = 0; told < count; at += 2) {
		if (at + 2 > length)
			return -EBADMSG;
		uint16_t chunk = get16(p + at);
		int here = chunk_count(chunk);
		if (here == 0)
			return -EBADMSG;
		for (int i = 0; i < here && told < count; i++, told++) {
			enum status status = chunk_status(chunk, i);
			if (status == RESERVED)
				return -EBADMSG;
			delta_bytes += status == LARGE ? 2 : status == SMALL;
		}
	}
	if (delta_bytes > length - at)
		return -EBADMSG;
	*ret_layout = (struct layout){ at, delta_bytes };
	return 0;
}

static int64_t clock_take(struct twcc_clock *clock, uint32_t reference)
{
	int64_t ahead = ((int64_t)reference - clock->reference) & 0xffffff;
	if (ahead & 0x800000)
		ahead -= 0x1000000;
	clock->reference = clock->started ? clock->reference + ahead : 0x1000000 + reference;
	clock->started = true;
	return clock->reference * REFERENCE_TICKS;
}

static int delta_take(const uint8_t **delta, enum status status)
{
	int value = status == SMALL ? (*delta)[0] : (int16_t)get16(*delta);
	*delta += status == SMALL ? 1 : 2;
	return value;
}

int twcc_parse(const uint8_t *p, size_t length, struct twcc_clock *clock, twcc_status_fn told, void *data)
{
	struct layout layout;
	if (length < HEADER_BYTES)
		return -EBADMSG;
	if (p[0] & 0x20) {
		if (p[length - 1] == 0 || p[length - 1] > length - HEADER_BYTES)
			return -EBADMSG;
		length -= p[length - 1];
	}
	uint16_t sequence = get16(p + 12), chunk;
	int count = get16(p + 14);
	if (count == 0 || count > TWCC_STATUSES_MAX || layout_of(p, length, count, &layout) < 0)
		return -EBADMSG;
	int64_t ticks = clock_take(clock, (uint32_t)p[16] << 16 | get16(p + 17));
	const uint8_t *delta = p + layout.deltas;
	for (size_t at = HEADER_BYTES; count > 0; at += 2) {
		chunk = get16(p + at);
		for (int i = 0; i < chunk_count(chunk) && count > 0; i++, count--, sequence++) {
			enum status status = chunk_status(chunk, i);
			ticks += status == LOST ? 0 : delta_take(&delta, status);
			told(sequence, status != LOST, status == LOST ? 0 : ticks * TICK_US, data);
		}
	}
	return 0;
}
