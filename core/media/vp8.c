#include "core/media/vp8.h"

#include <errno.h>
#include <string.h>

#include "core/devices/vp8_frame.h"

/* The first octet of a descriptor, and the second when EXTENDED is set. */
enum { EXTENDED = 0x80, START = 0x10, PARTITION = 0x07, HAS_PICTURE = 0x80, HAS_TL0 = 0x40, HAS_TID_OR_KEY = 0x30 };

#define OWN_DESCRIPTOR 4
#define PICTURE_MASK 0x7fff

static int vp8_cut(struct payload_sender *sender, const uint8_t *unit, size_t size, payload_put put, void *data)
{
	uint8_t payload[PAYLOAD_MAX];
	uint16_t picture = sender->picture & PICTURE_MASK;
	if (size == 0)
		return -EBADMSG;
	for (size_t at = 0; at < size;) {
		size_t n = size - at < PAYLOAD_MAX - OWN_DESCRIPTOR ? size - at : PAYLOAD_MAX - OWN_DESCRIPTOR;
		payload[0] = EXTENDED | (at == 0 ? START : 0);
		payload[1] = HAS_PICTURE;
		payload[2] = (uint8_t)(0x80 | picture >> 8);
		payload[3] = (uint8_t)picture;
		memcpy(payload + OWN_DESCRIPTOR, unit + at, n);
		at += n;
		put(payload, n + OWN_DESCRIPTOR, at == size, data);
	}
	sender->picture = (picture + 1) & PICTURE_MASK;
	return 0;
}

int vp8_descriptor_read(const uint8_t *payload, size_t bytes, struct vp8_descriptor *ret_descriptor)
{
	size_t at = 1;
	if (bytes < 2)
		return -EBADMSG;
	struct vp8_descriptor d = { .start = payload[0] & START, .partition = payload[0] & PARTITION, .picture = -1 };
	uint8_t more = payload[0] & EXTENDED ? payload[at++] : 0;
	if (more & HAS_PICTURE) {
		if (at + 1 >= bytes)
			return -EBADMSG;
		d.picture = payload[at] & 0x7f;
		if (payload[at++] & 0x80)
			d.picture = d.picture << 8 | payload[at++];
	}
	at += (more & HAS_TL0 ? 1 : 0) + (more & HAS_TID_OR_KEY ? 1 : 0);
	if (at >= bytes)
		return -EBADMSG;
	d.bytes = at;
	*ret_descriptor = d;
	return 0;
}

static int vp8_join(struct payload_unit *unit, const uint8_t *payload, size_t bytes)
{
	struct vp8_descriptor d;
	int r = vp8_descriptor_read(payload, bytes, &d);
	if (r < 0)
		return r;
	bool first = unit->size == 0;
	if (first && (!d.start || d.partition != 0))
		return -EBADMSG;
	if (!first && d.picture + 1 != unit->picture)
		return -EBADMSG;
	if (bytes - d.bytes > unit->capacity - unit->size)
		return -EMSGSIZE;
	unit->picture = d.picture + 1;
	memcpy(unit->bytes + unit->size, payload + d.bytes, bytes - d.bytes);
	unit->size += bytes - d.bytes;
	return 0;
}

static int vp8_finish(const struct payload_unit *unit, bool *ret_keyframe)
{
	struct vp8_frame frame;
	int r = vp8_frame_read(unit->bytes, unit->size, &frame);
	if (r == 0)
		*ret_keyframe = frame.keyframe;
	return r;
}

const struct payload_format payload_vp8 = { vp8_cut, vp8_join, vp8_finish };
