#include "core/video/ladder.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/convert.h"
#include "core/devices/devices.h"
#include "core/video/scout.h"

#define FIRST_WAIT_MS 300

/* What a scout goes for; its own until it is back. */
struct attempt {
	const char *name; /* NULL: any */
	const char *address;
	struct encoder_wish wish;
	const struct encoder_driver *driver;
	struct encoder *encoder;
	char why[256];
};

struct ladder {
	struct hardware_rules rules;
	char *name, *address; /* name NULL: the table's order */
	bool wants_hardware;
	struct hardware hardware;
	struct converter *converter;
	struct scout *scout;
	struct attempt *attempt;
	const struct encoder_driver *driver;
	struct encoder *encoder;
	struct encoder_wish wish; /* the newest */
	int width, height;	  /* of what the encoder makes */
	int slice_bytes;
	bool fresh; /* the encoder has made nothing yet */
	char words[192], reason[320];
};

static int64_t now_us(void)
{
	return g_get_monotonic_time();
}

static bool fits(const struct encoder_driver *driver, const struct encoder_wish *wish)
{
	return driver->codec == wish->codec && (wish->slice_bytes == 0 || driver->slices);
}

static bool same_stream(const struct encoder_wish *a, const struct encoder_wish *b)
{
	return a->codec == b->codec && a->slice_bytes == b->slice_bytes;
}

/* Of a stream that no hardware makes, none is looked for. */
static bool wants_hardware(const struct ladder *ladder)
{
	for (const struct encoder_driver *const *d = encoder_drivers; ladder->wants_hardware && *d; d++)
		if ((*d)->hardware && fits(*d, &ladder->wish))
			return true;
	return false;
}

/* ---- hardware, on the scout's thread ---- */

static int attempt_go(void *data)
{
	struct attempt *a = data;
	int r = -ENODEV;
	for (const struct encoder_driver *const *d = encoder_drivers; *d; d++) {
		bool named = a->name ? g_str_equal((*d)->name, a->name) : !(*d)->by_name;
		if (!(*d)->hardware || !fits(*d, &a->wish) || !named)
			continue;
		r = (*d)->open(a->address, &a->wish, &a->encoder, a->why, sizeof(a->why));
		a->driver = *d;
		if (r == 0)
			return 0;
	}
	a->encoder = NULL;
	return r;
}

static void scout_go(struct ladder *ladder)
{
	struct attempt *a = g_new0(struct attempt, 1);
	*a = (struct attempt){ .name = ladder->name, .address = ladder->address, .wish = ladder->wish };
	ladder->attempt = a;
	ladder->scout = scout_send(attempt_go, a);
}

/* ---- who encodes ---- */

static void encoder_close(struct ladder *ladder)
{
	if (ladder->encoder)
		ladder->driver->close(ladder->encoder);
	ladder->encoder = NULL;
}

static void encoder_take(struct ladder *ladder, const struct encoder_driver *driver, struct encoder *encoder,
			 const char *reason)
{
	char words[sizeof(ladder->words)];
	encoder_close(ladder);
	ladder->driver = driver;
	ladder->encoder = encoder;
	ladder->width = ladder->wish.width;
	ladder->height = ladder->wish.height;
	ladder->slice_bytes = ladder->wish.slice_bytes;
	ladder->fresh = true;
	g_strlcpy(words, driver->name, sizeof(words));
	if (driver->describe)
		driver->describe(encoder, words, sizeof(words));
	if (g_str_equal(words, ladder->words))
		return;
	ladder->hardware.switches += ladder->words[0] != '\0';
	g_strlcpy(ladder->words, words, sizeof(ladder->words));
	log_info("encoder %s: %s", words, reason);
	if (ladder->rules.changed)
		ladder->rules.changed(words, reason, ladder->rules.data);
}

/* The scout is back: what it found takes over, if it still fits. */
static void scout_heed(struct ladder *ladder)
{
	struct attempt *a = ladder->attempt;
	int r = scout_end(ladder->scout);
	ladder->scout = NULL;
	ladder->attempt = NULL;
	if (r < 0) {
		hardware_refused(&ladder->hardware, now_us());
		g_snprintf(ladder->reason, sizeof(ladder->reason), "%s: %s", a->driver ? a->driver->name : "hardware",
			   a->why[0] ? a->why : g_strerror(-r));
		log_once(LOG_LEVEL_WARNING, "encoder %s", ladder->reason);
	} else if (a->wish.width != ladder->wish.width || a->wish.height != ladder->wish.height ||
		   !same_stream(&a->wish, &ladder->wish)) {
		a->driver->close(a->encoder);
	} else {
		encoder_take(ladder, a->driver, a->encoder,
			     ladder->hardware.failures > 0 ? "hardware is tried again" : "hardware is there");
		ladder->driver->set_rate(ladder->encoder, ladder->wish.bitrate_bps, ladder->wish.fps);
	}
	g_free(a);
}

static int software_open(struct ladder *ladder)
{
	char why[256] = "";
	for (const struct encoder_driver *const *d = encoder_drivers; *d; d++) {
		struct encoder *encoder;
		if ((*d)->hardware || !fits(*d, &ladder->wish))
			continue;
		int r = (*d)->open("", &ladder->wish, &encoder, why, sizeof(why));
		if (r == 0) {
			bool lacks = ladder->wants_hardware && !wants_hardware(ladder);
			encoder_take(ladder, *d, encoder, lacks ? "no hardware makes this stream" : ladder->reason);
			return 0;
		}
		log_once(LOG_LEVEL_ERROR, "encoder %s: %s", (*d)->name, why[0] ? why : g_strerror(-r));
	}
	return -EAGAIN;
}

static bool is_of_size(const struct ladder *ladder)
{
	return ladder->width == ladder->wish.width && ladder->height == ladder->wish.height;
}

/* Whether pictures may go on in the encoder's size for a moment: hardware does, in the same shape. */
static bool may_wait(const struct ladder *ladder)
{
	int64_t a = (int64_t)ladder->width * ladder->wish.height, b = (int64_t)ladder->height * ladder->wish.width;
	return ladder->driver->hardware && wants_hardware(ladder) && llabs(a - b) * 50 < a;
}

/* Hardware is looked for whenever it may be; a stream that nobody encodes yet waits a little for it. */
static int ready(struct ladder *ladder, const struct encoder_wish *wish)
{
	bool rated = ladder->wish.bitrate_bps != wish->bitrate_bps || ladder->wish.fps != wish->fps;
	ladder->wish = *wish;
	if (ladder->encoder && (ladder->driver->codec != wish->codec || ladder->slice_bytes != wish->slice_bytes))
		encoder_close(ladder);
	if (ladder->scout && scout_wait(ladder->scout, 0))
		scout_heed(ladder);
	if (ladder->encoder && !is_of_size(ladder) &&
	    (!may_wait(ladder) || !hardware_may(&ladder->hardware, now_us())))
		encoder_close(ladder);
	bool lacking = wants_hardware(ladder) && (!ladder->encoder || !ladder->driver->hardware || !is_of_size(ladder));
	if (lacking && !ladder->scout && hardware_may(&ladder->hardware, now_us()))
		scout_go(ladder);
	if (!ladder->encoder && ladder->scout && wants_hardware(ladder) && scout_wait(ladder->scout, FIRST_WAIT_MS))
		scout_heed(ladder);
	if (!ladder->encoder)
		return software_open(ladder);
	return rated ? ladder->driver->set_rate(ladder->encoder, wish->bitrate_bps, wish->fps) : 0;
}

/* ---- one picture ---- */

static int encode_once(struct ladder *ladder, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	struct frame *fit = NULL;
	if (!ladder->driver->takes || !ladder->driver->takes(ladder->encoder, frame)) {
		int r = convert(ladder->converter, frame, ladder->width, ladder->height, &fit);
		if (r < 0)
			return r == -EBADMSG ? r : -EAGAIN;
		frame = fit;
	}
	int r = ladder->driver->encode(ladder->encoder, frame, idr || ladder->fresh, ret_encoded);
	frame_release(fit);
	if (r == 0 && ret_encoded->size > 0)
		ladder->fresh = false;
	return r;
}

static void give_up(struct ladder *ladder, int error)
{
	if (ladder->driver->hardware)
		hardware_failed(&ladder->hardware, error, now_us());
	g_snprintf(ladder->reason, sizeof(ladder->reason), "%s %s", ladder->driver->name,
		   error == -ETIMEDOUT ? "hangs" : "failed");
	log_warning("encoder %s: %s", ladder->words, error == -ETIMEDOUT ? "driver: hangs" : g_strerror(-error));
	encoder_close(ladder);
}

int ladder_encode(struct ladder *ladder, const struct encoder_wish *wish, struct frame *frame, bool idr,
		  struct encoded *ret_encoded)
{
	int r = ready(ladder, wish);
	if (r == 0)
		r = encode_once(ladder, frame, idr, ret_encoded);
	if (r == 0 || r == -EBADMSG || r == -EAGAIN || !ladder->encoder)
		return r;
	bool hardware = ladder->driver->hardware;
	give_up(ladder, r);
	if (!hardware || software_open(ladder) < 0)
		return -EAGAIN;
	r = encode_once(ladder, frame, true, ret_encoded);
	return r == 0 || r == -EBADMSG ? r : -EAGAIN;
}

const char *ladder_describe(const struct ladder *ladder)
{
	return ladder->words;
}

void ladder_stats(const struct ladder *ladder, struct ladder_stats *ret_stats)
{
	*ret_stats = (struct ladder_stats){ ladder->hardware.failures, ladder->hardware.switches };
}

static bool is_hardware(const char *name)
{
	for (const struct encoder_driver *const *d = encoder_drivers; *d; d++)
		if (g_str_equal((*d)->name, name))
			return (*d)->hardware;
	return false;
}

struct ladder *ladder_new(const struct hardware_rules *rules)
{
	struct ladder *ladder = g_new0(struct ladder, 1);
	const char *wish = rules->name ? rules->name : "auto", *colon = strchr(wish, ':');
	ladder->rules = *rules;
	if (!g_str_equal(wish, "auto"))
		ladder->name = colon ? g_strndup(wish, (size_t)(colon - wish)) : g_strdup(wish);
	ladder->address = g_strdup(colon ? colon + 1 : "");
	ladder->wants_hardware = !ladder->name || is_hardware(ladder->name);
	ladder->converter = converter_new();
	g_strlcpy(ladder->reason, ladder->wants_hardware ? "hardware is not there yet" : "chosen",
		  sizeof(ladder->reason));
	hardware_init(&ladder->hardware, rules, now_us());
	return ladder;
}

void ladder_free(struct ladder *ladder)
{
	if (ladder->scout) {
		if (scout_end(ladder->scout) == 0)
			ladder->attempt->driver->close(ladder->attempt->encoder);
		g_free(ladder->attempt);
	}
	encoder_close(ladder);
	converter_free(ladder->converter);
	g_free(ladder->name);
	g_free(ladder->address);
	g_free(ladder);
}
