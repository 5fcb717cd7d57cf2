#include "core/video/source.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/devices/devices.h"
#include "core/video/placeholder.h"

#define NEXT_TIMEOUT_MS 100
#define PATIENCE_MS 2000
#define DAMAGED_US 1000000
#define RETRY_FIRST_US 100000
#define RETRY_LAST_US 1000000
#define PLACEHOLDER_US 200000
#define HASTE 6		  /* the first placeholders come faster, as an encoder may leave out some */
#define HASTE_US 40000
#define AWAY_US 400000
#define CHANGES 5 /* of format, one after the other, before a picture comes */

struct source {
	source_camera_fn on_camera;
	void *data;
	char *id, *controls;
	struct camera_wish wish;
	struct source_counts counts;
	const struct camera_driver *driver;
	struct camera *camera; /* NULL: none is open */
	char words[128];
	bool handed;	  /* the frame that went out last is the camera's, and nobody found it damaged */
	bool live;	  /* it has given a good picture since it was opened */
	bool damaged;	  /* what came since the last good picture was damaged */
	int restarts;	  /* since the last good picture */
	int waited_ms;	  /* in vain, since the last good picture */
	int64_t good_us;  /* when the last good picture came, or the camera was opened or begun anew */
	int64_t shown_us; /* when the last frame went out */
	int64_t retry_us, retry_step_us;
	unsigned int stood_in; /* placeholders since the last picture */
	int watch; /* for cameras that come, -1: none */
	bool was_lost, told_failed;
};

struct source *source_new(const char *camera, const struct camera_wish *wish, const char *controls,
			  source_camera_fn on_camera, void *data)
{
	struct source *source = g_new0(struct source, 1);
	source->id = g_strdup(camera);
	source->controls = g_strdup(controls ? controls : "");
	source->wish = *wish;
	source->wish.counts = &source->counts.camera;
	source->on_camera = on_camera;
	source->data = data;
	source->watch = -1;
	source->retry_step_us = RETRY_FIRST_US;
	return source;
}

void source_free(struct source *source)
{
	source_close(source);
	g_free(source->id);
	g_free(source->controls);
	g_free(source);
}

static void watch_close(struct source *source)
{
	if (source->watch >= 0)
		close(source->watch);
	source->watch = -1;
}

static void camera_close(struct source *source)
{
	if (source->camera)
		source->driver->close(source->camera);
	source->camera = NULL;
	source->words[0] = '\0';
	source->live = source->damaged = source->handed = false;
	source->restarts = 0;
}

void source_close(struct source *source)
{
	camera_close(source);
	watch_close(source);
	source->retry_us = 0;
	source->retry_step_us = RETRY_FIRST_US;
}

void source_switch(struct source *source, const char *camera)
{
	source_close(source);
	g_free(source->id);
	source->id = g_strdup(camera);
	source->told_failed = source->was_lost = false;
}

static void told(struct source *source, const char *state, const char *message)
{
	source->on_camera(source->id, state, message, source->data);
}

/* ---- controls ---- */

static int controls_set(struct source *source, const char *words, char **ret_why)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);
	int r = 0;
	for (char **w = list; r == 0 && *w; w++) {
		struct control_word word;
		char why[1024] = "";
		if (!**w)
			continue;
		r = control_word_parse(*w, &word);
		if (r == 0)
			r = source->driver->control_set(source->camera, word.name, word.value, why, sizeof(why));
		if (r < 0)
			*ret_why = g_strdup(why[0] ? why : "CONTROL=VALUE is needed");
	}
	return r;
}

int source_control(struct source *source, const char *words, char **ret_why)
{
	if (!source->camera || !source->driver->control_set) {
		*ret_why = g_strdup(source->camera ? "this camera has no controls" : "no camera is open");
		return -ENODEV;
	}
	int r = controls_set(source, words, ret_why);
	if (r == 0) {
		char *all = control_words_merge(source->controls, words);
		g_free(source->controls);
		source->controls = all;
	}
	return r;
}

bool source_control_each(struct source *source, void (*each)(const struct camera_control *control, void *data),
			 void *data)
{
	bool there = source->camera && source->driver->control_each;
	if (there)
		source->driver->control_each(source->camera, each, data);
	return there;
}

static void retry_later(struct source *source)
{
	source->retry_us = g_get_monotonic_time() + source->retry_step_us;
	source->retry_step_us = MIN(source->retry_step_us * 2, RETRY_LAST_US);
}

/* At an opening each word is tried: what this camera lacks another may have. */
static void controls_apply(struct source *source)
{
	g_auto(GStrv) list = g_strsplit(source->controls, " ", -1);
	for (char **w = list; source->driver->control_set && *w; w++) {
		g_autofree char *why = NULL;
		if (controls_set(source, *w, &why) < 0)
			log_warning("camera %s: camera_controls: %s", source->id, why);
	}
}

/* ---- no camera ---- */

static void camera_try(struct source *source)
{
	int64_t now = g_get_monotonic_time();
	char why[512] = "";
	const char *address;
	if (now < source->retry_us)
		return;
	source->driver = camera_find(source->id, &address, why, sizeof(why));
	if (source->driver && source->watch < 0 && source->driver->watch)
		source->watch = source->driver->watch(); /* before the try: what comes after it is told */
	if (source->driver &&
	    source->driver->open(address, &source->wish, &source->camera, why, sizeof(why)) == 0) {
		source->driver->describe(source->camera, source->words, sizeof(source->words));
		controls_apply(source);
		source->good_us = g_get_monotonic_time();
		source->waited_ms = 0;
		return;
	}
	source->camera = NULL;
	retry_later(source);
	if (!source->told_failed && !source->was_lost)
		told(source, "failed", why[0] ? why : "camera cannot be opened");
	source->told_failed = true;
}

/* Until a camera comes, or until it is time. */
static void wait_for_camera(struct source *source, int64_t until_us)
{
	int64_t left_us = MIN(until_us, MAX(source->retry_us, 1)) - g_get_monotonic_time();
	struct pollfd p = { .fd = source->watch, .events = POLLIN };
	if (left_us <= 0)
		return;
	if (poll(&p, 1, (int)(left_us / 1000) + 1) > 0 && source->driver->came(source->watch)) {
		source->retry_us = 0; /* its node may be there before its permissions are */
		source->retry_step_us = RETRY_FIRST_US;
	}
}

static int64_t placeholder_us(const struct source *source)
{
	return source->shown_us + (source->stood_in < HASTE ? HASTE_US : PLACEHOLDER_US);
}

static int placeholder(struct source *source, struct frame **ret_frame)
{
	int64_t now = g_get_monotonic_time();
	if (now < placeholder_us(source) ||
	    placeholder_draw(source->wish.width & ~1, source->wish.height & ~1, ret_frame) < 0)
		return -EAGAIN;
	source->shown_us = now;
	source->stood_in++;
	source->counts.placeholders++;
	return 0;
}

static int next_without(struct source *source, struct frame **ret_frame)
{
	int r = placeholder(source, ret_frame);
	if (r < 0)
		wait_for_camera(source, placeholder_us(source));
	return r;
}

/* ---- a camera ---- */

static void camera_lost(struct source *source, const char *why)
{
	g_autofree char *text = g_strdup_printf("camera %s: %s", source->id, why);
	if (source->live) {
		source->retry_us = 0;
		source->retry_step_us = RETRY_FIRST_US;
	} else {
		retry_later(source); /* it can be opened, but that is all */
	}
	camera_close(source);
	source->counts.lost++;
	if (!source->was_lost)
		told(source, "lost", text);
	source->was_lost = true;
}

/* Anew, so often between two good pictures; then the camera is given up. */
static void trouble(struct source *source, const char *why, int tries)
{
	int r = source->restarts >= tries || !source->driver->restart ? -EIO : 0;
	if (r == 0) {
		if (!source->was_lost)
			log_warning("camera %s: %s: the stream is begun anew", source->id, why);
		r = source->driver->restart(source->camera);
	}
	if (r < 0) {
		camera_lost(source, r == -ENOLINK ? "no signal" : why);
		return;
	}
	source->driver->describe(source->camera, source->words, sizeof(source->words));
	source->restarts++;
	source->damaged = false;
	source->waited_ms = 0;
	source->good_us = g_get_monotonic_time();
}

static const char *explain(int r)
{
	switch (-r) {
	case ENODEV: return "unplugged";
	case ENOLINK: return "no signal";
	default: return g_strerror(-r);
	}
}

/* The frame that went out last was good. Whether it was is known when the next is asked for. */
static void good(struct source *source)
{
	source->handed = source->damaged = false;
	source->restarts = source->waited_ms = 0;
	source->good_us = source->shown_us;
	source->stood_in = 0;
	if (source->live)
		return;
	source->live = true;
	watch_close(source);
	told(source, source->was_lost ? "back" : "opened", source->words);
	source->was_lost = source->told_failed = false;
}

/* Both by the clock and by waiting: when the whole machine stood still, the camera is not to blame. */
static bool is_stalled(const struct source *source, int64_t since_us)
{
	const struct camera_driver *driver = source->driver;
	int patience_ms = driver->patience_ms ? driver->patience_ms(source->camera) : PATIENCE_MS;
	return !driver->may_rest && since_us > patience_ms * 1000LL && source->waited_ms > patience_ms / 4 * 3;
}

static void nothing_came(struct source *source, int r)
{
	int64_t waited = g_get_monotonic_time() - source->good_us;
	source->damaged |= r == -EAGAIN;
	source->waited_ms += r == -ETIMEDOUT ? NEXT_TIMEOUT_MS : 0;
	if (r == -ESTALE)
		trouble(source, "its format has changed", CHANGES);
	else if (r == -EIO)
		trouble(source, "its stream broke", 1);
	else if (r != -ETIMEDOUT && r != -EAGAIN)
		camera_lost(source, explain(r));
	else if (source->damaged && waited > DAMAGED_US)
		trouble(source, "gives only damaged pictures", 1);
	else if (is_stalled(source, waited))
		trouble(source, "gives no pictures", 1);
}

void source_damaged(struct source *source)
{
	source->counts.camera.damaged++;
	source->handed = false;
	source->damaged = true;
}

int source_next(struct source *source, struct frame **ret_frame)
{
	if (source->handed)
		good(source);
	if (!source->camera)
		camera_try(source);
	if (!source->camera)
		return next_without(source, ret_frame);
	int r = source->driver->next(source->camera, NEXT_TIMEOUT_MS, ret_frame);
	if (r == 0) {
		source->handed = true;
		source->shown_us = g_get_monotonic_time();
	}
	if (r < 0 || source->damaged)
		nothing_came(source, r < 0 ? r : -EAGAIN);
	if (r == 0)
		return 0;
	/* One that is being waited for, after it was lost or while it warms up, is stood in for. */
	bool away = !source->camera || source->restarts > 0 || !source->live;
	int64_t silent_us = g_get_monotonic_time() - MAX(source->shown_us, source->good_us);
	return away && silent_us > AWAY_US ? placeholder(source, ret_frame) : -EAGAIN;
}

bool source_is_live(const struct source *source)
{
	return source->handed;
}

const char *source_describe(const struct source *source)
{
	return source->words;
}

void source_counts(const struct source *source, struct source_counts *ret_counts)
{
	*ret_counts = source->counts;
}

int source_request_idr(struct source *source)
{
	return source->camera && source->driver->request_idr ? source->driver->request_idr(source->camera)
							       : -ENOTSUP;
}

int source_set_rate(struct source *source, int bitrate_bps)
{
	source->wish.bitrate_bps = bitrate_bps;
	return source->camera && source->driver->set_rate ? source->driver->set_rate(source->camera, bitrate_bps)
							   : -ENOTSUP;
}

void source_wish(struct source *source, const struct camera_wish *wish)
{
	bool same = source->wish.width == wish->width && source->wish.height == wish->height &&
		    source->wish.fps == wish->fps;
	source->wish.width = wish->width;
	source->wish.height = wish->height;
	source->wish.fps = wish->fps;
	source->wish.bitrate_bps = wish->bitrate_bps;
	if (!same)
		source_close(source);
}
