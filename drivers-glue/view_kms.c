/* view_kms: the remote picture full screen and the own one as its inset, on one screen without a desktop.
 *
 *   render thread  ─ show ─► newest main  ┐
 *   capture thread ─ show ─► newest inset ┴─► screen thread: one scene, one flip ─► next
 *
 * Both views of a process share the screen, which is opened when the first picture is there and closed with the
 * last view. The freshest picture wins; show never waits. While another program is the screen's master pictures
 * wait, only the newest of each view held. When one view is closed the screen stands still for a moment: the other is
 * likely to follow, and nobody shall see half a picture.
 *
 * Address: words between commas: inset, mirror, size=PERCENT, output=auto|CARD|CARD:CONNECTOR,
 * mode=preferred|WIDTHxHEIGHT[@HERTZ]. */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/log.h"
#include "drivers-glue/display_kms.h"
#include "drivers-glue/drivers.h"

#define INSET_PERCENT 25
#define RETRY_MS 30
#define LINGER_MS 100
#define FREEZE_US 300000

enum layer { LAYER_MAIN, LAYER_INSET, LAYERS };

struct wish {
	enum layer layer;
	bool mirror;
	int percent;
	char output[256], mode[32];
};

/* The screen of this process; one while views are open. */
struct screen {
	GThread *thread;
	int views, wake;
	char output[256], mode[32];
	atomic_bool wants_memory;

	pthread_mutex_t lock; /* protects what follows */
	struct frame *newest[LAYERS];
	struct wish wishes[LAYERS];
	bool is_new, stop;
	int64_t frozen_until_us; /* one view was closed: perhaps the other will be */

	/* the thread's own */
	struct display *display;
};

struct view {
	struct screen *screen;
	enum layer layer;
};

static pthread_mutex_t screen_lock = PTHREAD_MUTEX_INITIALIZER;
static struct screen *the_screen; /* under screen_lock */

/* ---- address ---- */

static int word_take(const char *word, struct wish *wish, char *why, size_t why_bytes)
{
	char *end;
	if (word[0] == '\0')
		return 0;
	if (strcmp(word, "inset") == 0)
		wish->layer = LAYER_INSET;
	else if (strcmp(word, "mirror") == 0)
		wish->mirror = true;
	else if (g_str_has_prefix(word, "output="))
		g_strlcpy(wish->output, word + 7, sizeof(wish->output));
	else if (g_str_has_prefix(word, "mode="))
		g_strlcpy(wish->mode, word + 5, sizeof(wish->mode));
	else if (g_str_has_prefix(word, "size=") && (wish->percent = (int)strtol(word + 5, &end, 10)) >= 5 &&
		 wish->percent <= 100 && end > word + 5 && *end == '\0')
		return 0;
	else {
		snprintf(why, why_bytes, "conf: view kms: \"%s\": there are inset, mirror, size=5..100, output=, mode=",
			 word);
		return -EINVAL;
	}
	return 0;
}

static int wish_parse(const char *address, struct wish *wish, char *why, size_t why_bytes)
{
	*wish = (struct wish){ .percent = INSET_PERCENT, .output = "auto", .mode = "preferred" };
	g_auto(GStrv) words = g_strsplit(address, ",", -1);
	int r = 0;
	for (char **word = words; *word && r == 0; word++)
		r = word_take(*word, wish, why, why_bytes);
	return r == 0 ? display_check(wish->output, wish->mode, why, why_bytes) : r;
}

/* ---- the screen's thread ---- */

static void screen_try(struct screen *screen)
{
	char why[512] = "", text[512];
	int r = display_open(screen->output, screen->mode, &screen->display, why, sizeof(why));
	if (r == 0) {
		display_describe(screen->display, text, sizeof(text));
		log_info("view kms: %s", text);
		return;
	}
	screen->display = NULL;
	if (r != -EBUSY)
		log_once(LOG_LEVEL_ERROR, "view kms: %s", why);
}

/* The newest pictures, counted for the caller; false: nothing is new. */
static bool scene_take(struct screen *screen, struct display_scene *ret_scene)
{
	pthread_mutex_lock(&screen->lock);
	bool is_new = screen->is_new && g_get_monotonic_time() >= screen->frozen_until_us;
	struct frame *main = screen->newest[LAYER_MAIN], *inset = screen->newest[LAYER_INSET];
	*ret_scene = (struct display_scene){
		.main_mirror = screen->wishes[LAYER_MAIN].mirror, .inset_mirror = screen->wishes[LAYER_INSET].mirror,
		.inset_percent = screen->wishes[LAYER_INSET].percent,
	};
	if (is_new) {
		ret_scene->main = main ? frame_hold(main) : NULL;
		ret_scene->inset = inset ? frame_hold(inset) : NULL;
	}
	screen->is_new &= !is_new;
	pthread_mutex_unlock(&screen->lock);
	return is_new;
}

static void repeat(struct screen *screen)
{
	pthread_mutex_lock(&screen->lock);
	screen->is_new = true;
	pthread_mutex_unlock(&screen->lock);
}

static void screen_show(struct screen *screen)
{
	struct display_scene scene;
	if (!display_is_ready(screen->display) || !scene_take(screen, &scene))
		return;
	int r = display_show(screen->display, &scene);
	if (r == -EACCES)
		display_take(screen->display);
	else if (r == -EAGAIN || r == -EBUSY)
		repeat(screen);
	else if (r < 0 && r != -ENODEV && r != -EBADMSG)
		log_once(LOG_LEVEL_ERROR, "driver: view kms: %s", g_strerror(-r));
	atomic_store(&screen->wants_memory, display_wants_memory(screen->display));
	frame_release(scene.main);
	frame_release(scene.inset);
}

static bool screen_goes_on(struct screen *screen, bool *ret_waits)
{
	pthread_mutex_lock(&screen->lock);
	bool go_on = !screen->stop;
	*ret_waits = screen->is_new;
	pthread_mutex_unlock(&screen->lock);
	return go_on;
}

static void screen_wait(struct screen *screen, bool picture_waits)
{
	struct pollfd fds[] = {
		{ .fd = screen->wake, .events = POLLIN },
		{ .fd = screen->display ? display_fd(screen->display) : -1, .events = POLLIN },
		{ .fd = screen->display ? display_hotplug_fd(screen->display) : -1, .events = POLLIN },
	};
	uint64_t count;
	poll(fds, G_N_ELEMENTS(fds), picture_waits ? RETRY_MS : 1000);
	if (fds[0].revents && read(screen->wake, &count, sizeof(count)) < 0)
		return; /* somebody else's wake-up: nothing to do */
}

static void *screen_thread(void *data)
{
	struct screen *screen = data;
	bool waits;
	while (screen_goes_on(screen, &waits)) {
		if (!screen->display && waits)
			screen_try(screen);
		if (screen->display) {
			if (display_dispatch(screen->display))
				repeat(screen);
			screen_show(screen);
		}
		screen_wait(screen, waits);
	}
	display_close(screen->display, LINGER_MS);
	return NULL;
}

/* ---- the process's screen ---- */

static struct screen *screen_start(const struct wish *wish)
{
	struct screen *screen = g_new0(struct screen, 1);
	screen->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (screen->wake < 0) {
		g_free(screen);
		return NULL;
	}
	g_strlcpy(screen->output, wish->output, sizeof(screen->output));
	g_strlcpy(screen->mode, wish->mode, sizeof(screen->mode));
	pthread_mutex_init(&screen->lock, NULL);
	screen->thread = g_thread_new("screen", screen_thread, screen);
	return screen;
}

static void screen_wake(struct screen *screen)
{
	const uint64_t one = 1;
	if (write(screen->wake, &one, sizeof(one)) < 0)
		return; /* it is awake */
}

static void screen_end(struct screen *screen)
{
	pthread_mutex_lock(&screen->lock);
	screen->stop = true;
	pthread_mutex_unlock(&screen->lock);
	screen_wake(screen);
	g_thread_join(screen->thread);
	close(screen->wake);
	pthread_mutex_destroy(&screen->lock);
	g_free(screen);
}

/* Puts a layer's newest frame, or takes it away (NULL). The frame is held. */
static void screen_put(struct screen *screen, enum layer layer, struct frame *frame)
{
	pthread_mutex_lock(&screen->lock);
	struct frame *old = screen->newest[layer];
	screen->newest[layer] = frame ? frame_hold(frame) : NULL;
	screen->is_new = true;
	if (!frame)
		screen->frozen_until_us = g_get_monotonic_time() + FREEZE_US;
	pthread_mutex_unlock(&screen->lock);
	frame_release(old);
	screen_wake(screen);
}

/* ---- the view ---- */

static int kms_open(const char *address, struct view **ret_view, char *why, size_t why_bytes)
{
	struct wish wish;
	int r = wish_parse(address, &wish, why, why_bytes);
	if (r < 0)
		return r;
	struct view *view = g_new0(struct view, 1);
	pthread_mutex_lock(&screen_lock);
	if (!the_screen)
		the_screen = screen_start(&wish);
	view->screen = the_screen;
	if (view->screen)
		view->screen->views++;
	pthread_mutex_unlock(&screen_lock);
	if (!view->screen) {
		g_free(view);
		snprintf(why, why_bytes, "kernel: no eventfd for a screen");
		return -EMFILE;
	}
	view->layer = wish.layer;
	pthread_mutex_lock(&view->screen->lock);
	view->screen->wishes[wish.layer] = wish;
	pthread_mutex_unlock(&view->screen->lock);
	*ret_view = view;
	return 0;
}

/* Memory or dma-buf are fetched here, on the thread that has the frame: the screen's thread only reads. */
static int kms_show(struct view *view, struct frame *frame)
{
	if (frame->format == FRAME_H264)
		return -ENOTSUP;
	bool exported = view->layer == LAYER_MAIN && frame_export(frame) == 0 && frame->buffer != 0;
	if (!exported || atomic_load(&view->screen->wants_memory)) {
		int r = frame_map(frame);
		if (r < 0)
			return r;
	}
	screen_put(view->screen, view->layer, frame);
	return 0;
}

static void kms_close(struct view *view)
{
	struct screen *screen = view->screen;
	screen_put(screen, view->layer, NULL);
	pthread_mutex_lock(&screen_lock);
	bool last = --screen->views == 0;
	if (last)
		the_screen = NULL;
	pthread_mutex_unlock(&screen_lock);
	if (last)
		screen_end(screen);
	g_free(view);
}

const struct view_driver view_kms = { .name = "kms", .open = kms_open, .show = kms_show, .close = kms_close };
