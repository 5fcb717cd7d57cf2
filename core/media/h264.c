#include "core/media/h264.h"

#include <errno.h>
#include <string.h>

#include "core/devices/h264_stream.h"

enum { NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9, NAL_STAP_A = 24, NAL_FU_A = 28 };

static const uint8_t start_code[4] = { 0, 0, 0, 1 };

struct cutter {
	payload_put put;
	void *data;
	uint8_t stap[PAYLOAD_MAX];
	size_t stap_bytes; /* 0: none open */
	uint8_t held[PAYLOAD_MAX]; /* the last payload waits to learn whether it is the last */
	size_t held_bytes;
};

/* The NAL unit after *at; NULL at the end. *at moves behind it. */
static const uint8_t *next_nal(const uint8_t *unit, size_t size, size_t *at, size_t *ret_bytes)
{
	size_t start = h264_start_code(unit, size, *at);
	if (start == size)
		return NULL;
	start += 3;
	size_t end = h264_start_code(unit, size, start);
	*at = end;
	while (end > start && unit[end - 1] == 0) /* zeros belong to the next start code */
		end--;
	*ret_bytes = end - start;
	return unit + start;
}

static void hold(struct cutter *c, const uint8_t *payload, size_t bytes)
{
	if (c->held_bytes)
		c->put(c->held, c->held_bytes, false, c->data);
	memcpy(c->held, payload, bytes);
	c->held_bytes = bytes;
}

static void stap_flush(struct cutter *c)
{
	if (c->stap_bytes == 0)
		return;
	size_t first = (size_t)c->stap[1] << 8 | c->stap[2];
	if (c->stap_bytes == first + 3) /* only one: no need of an aggregate */
		hold(c, c->stap + 3, first);
	else
		hold(c, c->stap, c->stap_bytes);
	c->stap_bytes = 0;
}

static void stap_add(struct cutter *c, const uint8_t *nal, size_t bytes)
{
	if (c->stap_bytes == 0)
		c->stap_bytes = 1;
	if ((nal[0] & 0x60) > (c->stap[0] & 0x60) || c->stap_bytes == 1)
		c->stap[0] = (uint8_t)((nal[0] & 0x60) | NAL_STAP_A);
	uint8_t *at = c->stap + c->stap_bytes;
	at[0] = (uint8_t)(bytes >> 8);
	at[1] = (uint8_t)bytes;
	memcpy(at + 2, nal, bytes);
	c->stap_bytes += bytes + 2;
}

static void fragment_put(struct cutter *c, const uint8_t *nal, size_t bytes)
{
	uint8_t payload[PAYLOAD_MAX];
	uint8_t header = nal[0];
	size_t left = bytes - 1, room = PAYLOAD_MAX - 2;
	const uint8_t *at = nal + 1;
	for (bool first = true; left > 0; first = false) {
		size_t n = left < room ? left : room;
		payload[0] = (uint8_t)((header & 0xe0) | NAL_FU_A);
		payload[1] = (uint8_t)(first << 7 | (n == left) << 6 | (header & 31));
		memcpy(payload + 2, at, n);
		hold(c, payload, n + 2);
		at += n;
		left -= n;
	}
}

static void nal_put(struct cutter *c, const uint8_t *nal, size_t bytes)
{
	int type = nal[0] & 31;
	if (type == NAL_AUD)
		return;
	if ((type == NAL_SPS || type == NAL_PPS) && c->stap_bytes + bytes + 3 <= PAYLOAD_MAX) {
		stap_add(c, nal, bytes);
		return;
	}
	stap_flush(c);
	if (bytes <= PAYLOAD_MAX)
		hold(c, nal, bytes);
	else
		fragment_put(c, nal, bytes);
}

int h264_cut(const uint8_t *unit, size_t size, payload_put put, void *data)
{
	struct cutter c = { .put = put, .data = data };
	size_t at = 0, bytes = 0;
	for (const uint8_t *nal; (nal = next_nal(unit, size, &at, &bytes));)
		if (bytes > 0)
			nal_put(&c, nal, bytes);
	stap_flush(&c);
	if (c.held_bytes == 0)
		return -EBADMSG;
	c.put(c.held, c.held_bytes, true, c.data);
	return 0;
}

int h264_cut_single(const uint8_t *unit, size_t size, payload_put put, void *data)
{
	struct cutter c = { .put = put, .data = data };
	size_t at = 0, bytes = 0;
	for (const uint8_t *nal; (nal = next_nal(unit, size, &at, &bytes));)
		if (bytes > PAYLOAD_MAX)
			return -EMSGSIZE;
	at = 0;
	for (const uint8_t *nal; (nal = next_nal(unit, size, &at, &bytes));)
		if (bytes > 0 && (nal[0] & 31) != NAL_AUD)
			hold(&c, nal, bytes);
	if (c.held_bytes == 0)
		return -EBADMSG;
	c.put(c.held, c.held_bytes, true, c.data);
	return 0;
}

static int append(uint8_t *unit, size_t *size, size_t capacity, const uint8_t *bytes, size_t count)
{
	if (count > capacity - *size)
		return -EMSGSIZE;
	memcpy(unit + *size, bytes, count);
	*size += count;
	return 0;
}

static int append_nal(uint8_t *unit, size_t *size, size_t capacity, const uint8_t *nal, size_t bytes)
{
	int r = append(unit, size, capacity, start_code, sizeof(start_code));
	return r < 0 ? r : append(unit, size, capacity, nal, bytes);
}

static int join_stap(const uint8_t *payload, size_t bytes, uint8_t *unit, size_t *size, size_t capacity)
{
	for (size_t at = 1; at < bytes;) {
		if (bytes - at < 3)
			return -EBADMSG;
		size_t n = (size_t)payload[at] << 8 | payload[at + 1];
		if (n == 0 || n > bytes - at - 2)
			return -EBADMSG;
		int r = append_nal(unit, size, capacity, payload + at + 2, n);
		if (r < 0)
			return r;
		at += 2 + n;
	}
	return 0;
}

static int join_fu(const uint8_t *payload, size_t bytes, uint8_t *unit, size_t *size, size_t capacity, bool *fragment)
{
	if (bytes < 3)
		return -EBADMSG;
	bool first = payload[1] >> 7, last = payload[1] >> 6 & 1;
	if (first == *fragment)
		return -EBADMSG;
	if (first) {
		uint8_t header = (uint8_t)((payload[0] & 0xe0) | (payload[1] & 31));
		int r = append_nal(unit, size, capacity, &header, 1);
		if (r < 0)
			return r;
	}
	*fragment = !last;
	return append(unit, size, capacity, payload + 2, bytes - 2);
}

int h264_join(const uint8_t *payload, size_t bytes, uint8_t *unit, size_t *size, size_t capacity, bool *fragment)
{
	if (bytes == 0 || payload[0] & 0x80)
		return -EBADMSG;
	int type = payload[0] & 31;
	if (type == NAL_FU_A)
		return join_fu(payload, bytes, unit, size, capacity, fragment);
	if (*fragment)
		return -EBADMSG;
	if (type == NAL_STAP_A)
		return join_stap(payload, bytes, unit, size, capacity);
	if (type == 0 || type > 23)
		return -EBADMSG;
	return append_nal(unit, size, capacity, payload, bytes);
}

bool h264_is_keyframe(const uint8_t *unit, size_t size)
{
	size_t at = 0, bytes = 0;
	for (const uint8_t *nal; (nal = next_nal(unit, size, &at, &bytes));)
		if (bytes > 0 && (nal[0] & 31) == NAL_IDR)
			return true;
	return false;
}

static int cut(struct payload_sender *sender, const uint8_t *unit, size_t size, payload_put put, void *data)
{
	return sender->single_nal ? h264_cut_single(unit, size, put, data) : h264_cut(unit, size, put, data);
}

static int join(struct payload_unit *unit, const uint8_t *payload, size_t bytes)
{
	return h264_join(payload, bytes, unit->bytes, &unit->size, unit->capacity, &unit->open);
}

static int finish(const struct payload_unit *unit, bool *ret_keyframe)
{
	if (unit->open)
		return -EBADMSG;
	*ret_keyframe = h264_is_keyframe(unit->bytes, unit->size);
	return 0;
}

const struct payload_format payload_h264 = { cut, join, finish };
