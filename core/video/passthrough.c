#include "core/video/passthrough.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "core/devices/devices.h"

/* A camera that makes no key frame for longer than that gives no picture to look at. */
#define UNITS_MAX 600
#define BYTES_MAX (8 * 1024 * 1024)
#define PROFILE_BASELINE 66

struct passthrough {
	pthread_mutex_t lock; /* protects what follows, to the decoder */
	GQueue pending;	      /* GBytes that were not decoded yet, from a key frame on or after what was decoded */
	size_t bytes;
	bool broken; /* nothing can be decoded before the next key frame */
	struct frame *picture;
	int64_t capture_us;
	const struct decoder_driver *driver;
	struct decoder *decoder;

	bool baseline;
	int level; /* times ten */
	int64_t since_us;
	size_t counted;
	int bps;
};

struct passthrough *passthrough_new(void)
{
	struct passthrough *p = g_new0(struct passthrough, 1);
	pthread_mutex_init(&p->lock, NULL);
	p->broken = true;
	return p;
}

static void forget(struct passthrough *p)
{
	g_queue_clear_full(&p->pending, (GDestroyNotify)g_bytes_unref);
	p->bytes = 0;
}

void passthrough_free(struct passthrough *p)
{
	if (!p)
		return;
	forget(p);
	frame_release(p->picture);
	if (p->decoder)
		p->driver->close(p->decoder);
	pthread_mutex_destroy(&p->lock);
	g_free(p);
}

/* Profile and level stand in the first and third byte after the SPS's type. */
static void sps_read(struct passthrough *p, const uint8_t *bytes, size_t size)
{
	p->baseline = false;
	for (size_t i = 0; i + 6 < size; i++)
		if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1 && (bytes[i + 3] & 31) == 7) {
			p->baseline = bytes[i + 4] == PROFILE_BASELINE;
			p->level = bytes[i + 6];
			return;
		}
}

static void count(struct passthrough *p, size_t bytes, int64_t now)
{
	p->counted += bytes;
	if (now - p->since_us < 1000000)
		return;
	p->bps = p->since_us ? (int)((double)p->counted * 8e6 / (double)(now - p->since_us)) : 0;
	p->since_us = now;
	p->counted = 0;
}

void passthrough_put(struct passthrough *p, const struct frame *unit)
{
	if (unit->keyframe)
		sps_read(p, unit->planes[0], unit->bytes);
	count(p, unit->bytes, g_get_monotonic_time());
	pthread_mutex_lock(&p->lock);
	if (unit->keyframe || p->pending.length >= UNITS_MAX || p->bytes + unit->bytes > BYTES_MAX) {
		forget(p);
		p->broken = !unit->keyframe;
	}
	if (!p->broken) {
		g_queue_push_tail(&p->pending, g_bytes_new(unit->planes[0], unit->bytes));
		p->bytes += unit->bytes;
		p->capture_us = unit->capture_us;
	}
	pthread_mutex_unlock(&p->lock);
}

/* In software: it is a picture now and then. */
static int decoder_open(struct passthrough *p)
{
	char why[128];
	for (const struct decoder_driver *const *d = decoder_drivers; !p->decoder && *d; d++)
		if (!(*d)->hardware && (*d)->codec == VIDEO_H264 &&
		    (*d)->open("", &p->decoder, why, sizeof(why)) == 0)
			p->driver = *d;
	return p->decoder ? 0 : -EAGAIN;
}

static int decode_pending(struct passthrough *p)
{
	int r = decoder_open(p);
	if (r < 0)
		return r;
	while (r == 0 && !g_queue_is_empty(&p->pending)) {
		g_autoptr(GBytes) unit = g_queue_pop_head(&p->pending);
		struct frame *frame;
		gsize size;
		const uint8_t *bytes = g_bytes_get_data(unit, &size);
		p->bytes -= size;
		r = p->driver->decode(p->decoder, bytes, size, &frame);
		if (r == 0) {
			frame_release(p->picture);
			p->picture = frame;
			frame->capture_us = p->capture_us;
		} else if (r == -EAGAIN) {
			r = 0;
		}
	}
	if (r == 0)
		return p->picture ? 0 : -EAGAIN;
	forget(p);
	p->broken = true;
	if (r != -EBADMSG) {
		p->driver->close(p->decoder);
		p->decoder = NULL;
	}
	return -EBADMSG;
}

int passthrough_picture(struct passthrough *p, struct frame **ret_frame)
{
	pthread_mutex_lock(&p->lock);
	int r = decode_pending(p);
	if (r == 0)
		*ret_frame = frame_hold(p->picture);
	pthread_mutex_unlock(&p->lock);
	return r;
}

bool passthrough_is_for(const struct passthrough *p, int level)
{
	return p->baseline && (level == 0 || p->level <= level);
}

int passthrough_bps(const struct passthrough *p)
{
	return p->bps;
}
