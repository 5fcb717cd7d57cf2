#include "core/video/decoding.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/devices.h"
#include "core/devices/h264_stream.h"
#include "core/devices/vp8_frame.h"
#include "core/video/scout.h"

#define FIRST_WAIT_MS 300
#define DAMAGED_MAX 3 /* good units in a row that hardware calls damaged: it is the hardware */

struct attempt {
	enum video_codec codec;
	const char *name, *address;
	const struct decoder_driver *driver;
	struct decoder *decoder;
	char why[256];
};

struct decoding {
	struct hardware_rules rules;
	char *name, *address;
	bool wants_hardware;
	struct hardware hardware;
	struct scout *scout;
	struct attempt *attempt;
	const struct decoder_driver *driver;
	struct decoder *decoder;
	enum video_codec codec; /* of the last unit */
	struct h264_watch watch;
	unsigned int damaged, refused;
	bool ready; /* the scout came back with hardware; an IDR is awaited */
	char words[64], reason[320];
};

static int attempt_go(void *data)
{
	struct attempt *a = data;
	int r = -ENODEV;
	for (const struct decoder_driver *const *d = decoder_drivers; *d; d++) {
		bool named = a->name ? g_str_equal((*d)->name, a->name) : !(*d)->by_name;
		if (!(*d)->hardware || (*d)->codec != a->codec || !named)
			continue;
		a->driver = *d;
		r = (*d)->open(a->address, &a->decoder, a->why, sizeof(a->why));
		if (r == 0)
			return 0;
	}
	a->decoder = NULL;
	return r;
}

static void scout_go(struct decoding *d)
{
	d->attempt = g_new0(struct attempt, 1);
	d->attempt->codec = d->codec;
	d->attempt->name = d->name;
	d->attempt->address = d->address;
	d->scout = scout_send(attempt_go, d->attempt);
}

static void decoder_close(struct decoding *d)
{
	if (d->decoder)
		d->driver->close(d->decoder);
	d->decoder = NULL;
}

static void decoder_take(struct decoding *d, const struct decoder_driver *driver, struct decoder *decoder,
			 const char *reason)
{
	decoder_close(d);
	d->driver = driver;
	d->decoder = decoder;
	d->damaged = 0;
	if (g_str_equal(driver->name, d->words))
		return;
	d->hardware.switches += d->words[0] != '\0';
	g_strlcpy(d->words, driver->name, sizeof(d->words));
	log_info("decoder %s: %s", d->words, reason);
	if (d->rules.changed)
		d->rules.changed(d->words, reason, d->rules.data);
}

static void scout_heed(struct decoding *d)
{
	struct attempt *a = d->attempt;
	int r = scout_end(d->scout);
	d->scout = NULL;
	d->attempt = NULL;
	if (r == 0 && a->codec != d->codec) {
		a->driver->close(a->decoder);
	} else if (r == 0) {
		decoder_take(d, a->driver, a->decoder,
			     d->hardware.failures > 0 ? "hardware is tried again" : "hardware is there");
	} else {
		hardware_refused(&d->hardware, g_get_monotonic_time());
		g_snprintf(d->reason, sizeof(d->reason), "%s: %s", a->driver ? a->driver->name : "hardware",
			   a->why[0] ? a->why : g_strerror(-r));
		log_once(LOG_LEVEL_WARNING, "decoder %s", d->reason);
	}
	g_free(a);
}

/* Of a codec that no hardware decodes, none is looked for. */
static bool wants_hardware(const struct decoding *d)
{
	for (const struct decoder_driver *const *driver = decoder_drivers; d->wants_hardware && *driver; driver++)
		if ((*driver)->hardware && (*driver)->codec == d->codec)
			return true;
	return false;
}

static int software_open(struct decoding *d)
{
	char why[256] = "";
	for (const struct decoder_driver *const *driver = decoder_drivers; *driver; driver++) {
		struct decoder *decoder;
		if ((*driver)->hardware || (*driver)->codec != d->codec)
			continue;
		if ((*driver)->open("", &decoder, why, sizeof(why)) == 0) {
			bool lacks = d->wants_hardware && !wants_hardware(d);
			decoder_take(d, *driver, decoder, lacks ? "no hardware takes this stream" : d->reason);
			return 0;
		}
		log_once(LOG_LEVEL_ERROR, "decoder %s: %s", (*driver)->name, why);
	}
	return -EBADMSG;
}

static void codec_set(struct decoding *d, enum video_codec codec)
{
	if (d->codec == codec)
		return;
	decoder_close(d);
	d->codec = codec;
	d->watch = (struct h264_watch){ 0 };
}

/* As h264_watch_unit(). */
static int vp8_look(const uint8_t *bytes, size_t size)
{
	struct vp8_frame frame;
	int r = vp8_frame_read(bytes, size, &frame);
	if (r < 0 || !frame.keyframe)
		return r;
	bool fits = MIN(frame.width, frame.height) >= 16 && MAX(frame.width, frame.height) <= PICTURE_SIDE_MAX;
	return fits ? 0 : -ENOTSUP;
}

/* Before a keyframe whoever shall decode may change. */
static int ready(struct decoding *d, bool keyframe)
{
	bool wants = wants_hardware(d), lacking = wants && (!d->decoder || !d->driver->hardware);
	if (lacking && !d->scout && hardware_may(&d->hardware, g_get_monotonic_time()))
		scout_go(d);
	if (d->scout && scout_wait(d->scout, d->decoder || !wants ? 0 : FIRST_WAIT_MS)) {
		d->ready = wants && d->attempt->decoder != NULL && !keyframe;
		if (!d->ready)
			scout_heed(d);
	}
	return d->decoder ? 0 : software_open(d);
}

static int give_up(struct decoding *d, int error)
{
	hardware_failed(&d->hardware, error, g_get_monotonic_time());
	g_snprintf(d->reason, sizeof(d->reason), "%s %s", d->driver->name,
		   error == -ETIMEDOUT ? "hangs" : error == -ENOTSUP ? "does not take this stream" : "failed");
	log_warning("decoder %s", d->reason);
	decoder_close(d);
	return software_open(d);
}

int decoding_decode(struct decoding *d, enum video_codec codec, const uint8_t *bytes, size_t size, bool keyframe,
		    struct frame **ret_frame)
{
	codec_set(d, codec);
	int whole = codec == VIDEO_VP8 ? vp8_look(bytes, size) : h264_watch_unit(&d->watch, bytes, size);
	int r = ready(d, keyframe);
	if (whole == -ENOTSUP) {
		d->refused++;
		log_once(LOG_LEVEL_WARNING, "peer: a picture larger or of another kind than is decoded here");
		return -EBADMSG;
	}
	if (r < 0)
		return r;
	if (!d->driver->hardware)
		return d->driver->decode(d->decoder, bytes, size, ret_frame);
	if (whole < 0)
		return whole;
	r = d->driver->decode(d->decoder, bytes, size, ret_frame);
	d->damaged = r == -EBADMSG ? d->damaged + 1 : 0;
	if (r == 0 || r == -EAGAIN || (r == -EBADMSG && d->damaged < DAMAGED_MAX))
		return r;
	if (give_up(d, r) < 0 || !keyframe)
		return -EBADMSG;
	return d->driver->decode(d->decoder, bytes, size, ret_frame);
}

/* Hardware of the codec that most peers speak; for another one the scout goes again. */
void decoding_expect(struct decoding *d)
{
	codec_set(d, VIDEO_H264);
	if (wants_hardware(d) && !d->decoder && !d->scout && hardware_may(&d->hardware, g_get_monotonic_time()))
		scout_go(d);
}

bool decoding_wants_idr(const struct decoding *d)
{
	return d->ready;
}

const char *decoding_describe(const struct decoding *d)
{
	return d->words;
}

void decoding_stats(const struct decoding *d, struct decoding_stats *ret_stats)
{
	*ret_stats = (struct decoding_stats){ d->hardware.failures, d->hardware.switches, d->refused };
}

struct decoding *decoding_new(const struct hardware_rules *rules)
{
	struct decoding *d = g_new0(struct decoding, 1);
	const char *wish = rules->name ? rules->name : "auto", *colon = strchr(wish, ':');
	d->rules = *rules;
	d->wants_hardware = !g_str_equal(wish, "software");
	if (!g_str_equal(wish, "auto"))
		d->name = colon ? g_strndup(wish, (size_t)(colon - wish)) : g_strdup(wish);
	d->address = g_strdup(colon ? colon + 1 : "");
	g_strlcpy(d->reason, d->wants_hardware ? "hardware is not there yet" : "chosen", sizeof(d->reason));
	hardware_init(&d->hardware, rules, g_get_monotonic_time());
	return d;
}

void decoding_free(struct decoding *d)
{
	if (!d)
		return;
	if (d->scout) {
		if (scout_end(d->scout) == 0)
			d->attempt->driver->close(d->attempt->decoder);
		g_free(d->attempt);
	}
	decoder_close(d);
	g_free(d->name);
	g_free(d->address);
	g_free(d);
}
