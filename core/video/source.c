#include "core/video/source.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/devices/devices.h"

#define NEXT_TIMEOUT_MS 100
#define STALL_US 2000000
#define RETRY_US 1000000
#define PLACEHOLDER_FPS 5

struct source {
	source_camera_fn on_camera;
	void *data;
	char *id;
	struct camera_wish wish;
	const struct camera_driver *driver;
	struct camera *camera;
	char words[128];
	int64_t retry_us, last_us;
	bool was_lost, told_failed;
};

struct source *source_new(const char *camera, const struct camera_wish *wish, source_camera_fn on_camera,
			  void *data)
{
	struct source *source = g_new0(struct source, 1);
	source->id = g_strdup(camera);
	source->wish = *wish;
	source->on_camera = on_camera;
	source->data = data;
	return source;
}

void source_free(struct source *source)
{
	source_close(source);
	g_free(source->id);
	g_free(source);
}

void source_close(struct source *source)
{
	if (source->camera)
		source->driver->close(source->camera);
	source->camera = NULL;
	source->words[0] = '\0';
	source->retry_us = 0;
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

/* At most once a second. */
static void camera_try(struct source *source)
{
	int64_t now = g_get_monotonic_time();
	char why[512] = "";
	const char *address;
	if (now < source->retry_us)
		return;
	source->retry_us = now + RETRY_US;
	source->driver = camera_find(source->id, &address, why, sizeof(why));
	if (source->driver &&
	    source->driver->open(address, &source->wish, &source->camera, why, sizeof(why)) == 0) {
		source->driver->describe(source->camera, source->words, sizeof(source->words));
		told(source, source->was_lost ? "back" : "opened", source->words);
		source->was_lost = source->told_failed = false;
		source->last_us = g_get_monotonic_time();
		return;
	}
	source->camera = NULL;
	if (!source->told_failed && !source->was_lost)
		told(source, "failed", why[0] ? why : "camera cannot be opened");
	source->told_failed = true;
}

static void camera_lost(struct source *source, const char *why)
{
	g_autofree char *text = g_strdup_printf("camera %s: %s", source->id, why);
	source_close(source);
	source->was_lost = true;
	told(source, "lost", text);
}

static int placeholder(struct source *source, struct frame **ret_frame)
{
	struct picture picture;
	g_usleep(1000000 / PLACEHOLDER_FPS);
	int r = frame_new(FRAME_I420, source->wish.width & ~1, source->wish.height & ~1, ret_frame);
	if (r < 0)
		return -EAGAIN;
	frame_picture(*ret_frame, &picture);
	picture_fill(&picture, 96, 128, 128);
	(*ret_frame)->capture_us = g_get_monotonic_time();
	return 0;
}

int source_next(struct source *source, struct frame **ret_frame)
{
	if (!source->camera)
		camera_try(source);
	if (!source->camera)
		return placeholder(source, ret_frame);
	int r = source->driver->next(source->camera, NEXT_TIMEOUT_MS, ret_frame);
	int64_t now = g_get_monotonic_time();
	if (r == 0)
		source->last_us = now;
	else if (r != -ETIMEDOUT && r != -EAGAIN)
		camera_lost(source, r == -ENODEV ? "unplugged" : g_strerror(-r));
	else if (now - source->last_us > STALL_US && !source->driver->may_rest)
		camera_lost(source, "gives no pictures");
	return r == 0 ? 0 : -EAGAIN;
}

bool source_is_live(const struct source *source)
{
	return source->camera != NULL;
}

const char *source_describe(const struct source *source)
{
	return source->words;
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
	source->wish = *wish;
	if (!same)
		source_close(source);
}
