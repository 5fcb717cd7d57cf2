#include "core/video/capture.h"

#include <errno.h>
#include <glib.h>
#include <libyuv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/devices.h"

#define NEXT_TIMEOUT_MS 100
#define STALL_MS 2000
#define RETRY_US 1000000
#define PLACEHOLDER_FPS 5

struct capture {
	GThread *thread;
	capture_camera_fn on_camera;
	void *data;
	struct capture_wish wish;

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t idle;
	struct unit_channel *units;
	struct picture newest;
	char *camera_name, *view_name; /* as wished now */
	bool stop, muted, enabled, camera_changed, view_changed, idr;
	int bitrate_bps;
	struct capture_stats stats;

	/* the thread's own */
	const struct camera_driver *driver;
	struct camera *camera;
	const struct view_driver *view_driver;
	struct view *view;
	struct encoder *encoder;
	struct encoder_wish encoder_wish;
	struct picture raw, scaled;
	int64_t retry_us, last_us;
	bool was_lost, told_failed;
};

static void camera_told(struct capture *capture, const char *state, const char *message)
{
	capture->on_camera(capture->wish.camera, state, message, capture->data);
}

static void camera_close(struct capture *capture)
{
	if (capture->camera)
		capture->driver->close(capture->camera);
	capture->camera = NULL;
}

static void camera_opened(struct capture *capture)
{
	char text[128];
	capture->driver->describe(capture->camera, text, sizeof(text));
	pthread_mutex_lock(&capture->lock);
	g_strlcpy(capture->stats.camera, text, sizeof(capture->stats.camera));
	pthread_mutex_unlock(&capture->lock);
	camera_told(capture, capture->was_lost ? "back" : "opened", text);
	capture->was_lost = capture->told_failed = false;
	capture->last_us = g_get_monotonic_time();
}

/* At most once a second. */
static void camera_try(struct capture *capture)
{
	int64_t now = g_get_monotonic_time();
	char why[512] = "";
	const char *address;
	if (now < capture->retry_us)
		return;
	capture->retry_us = now + RETRY_US;
	const struct camera_wish wish = { capture->wish.width, capture->wish.height, capture->wish.fps };
	capture->driver = camera_find(capture->wish.camera, &address, why, sizeof(why));
	if (capture->driver &&
	    capture->driver->open(address, &wish, &capture->camera, why, sizeof(why)) == 0) {
		camera_opened(capture);
		return;
	}
	capture->camera = NULL;
	if (!capture->told_failed && !capture->was_lost)
		camera_told(capture, "failed", why[0] ? why : "camera cannot be opened");
	capture->told_failed = true;
}

static void camera_lost(struct capture *capture, const char *why)
{
	g_autofree char *text = g_strdup_printf("camera %s: %s", capture->wish.camera, why);
	camera_close(capture);
	capture->was_lost = true;
	capture->retry_us = 0;
	camera_told(capture, "lost", text);
}

/* A grey picture in place of the camera's, a few times a second. */
static int placeholder(struct capture *capture)
{
	g_usleep(1000000 / PLACEHOLDER_FPS);
	if (capture->raw.width != capture->wish.width || capture->raw.height != capture->wish.height) {
		picture_finish(&capture->raw);
		int r = picture_init(&capture->raw, capture->wish.width & ~1, capture->wish.height & ~1);
		if (r < 0)
			return r;
	}
	picture_fill(&capture->raw, 96, 128, 128);
	capture->raw.capture_us = g_get_monotonic_time();
	return 0;
}

static int next_picture(struct capture *capture)
{
	if (!capture->camera)
		camera_try(capture);
	if (!capture->camera)
		return placeholder(capture);
	int r = capture->driver->next(capture->camera, NEXT_TIMEOUT_MS, &capture->raw);
	int64_t now = g_get_monotonic_time();
	if (r == 0) {
		capture->last_us = now;
	} else if (r != -ETIMEDOUT && r != -EAGAIN) {
		camera_lost(capture, r == -ENODEV ? "unplugged" : g_strerror(-r));
	} else if (now - capture->last_us > STALL_MS * 1000 && capture->driver != camera_drivers[2]) {
		camera_lost(capture, "gives no pictures");
	}
	return r;
}

/* The largest size within the wish that keeps the camera's aspect; never enlarges. */
static void fit(const struct capture *capture, int *ret_width, int *ret_height)
{
	int w = capture->raw.width, h = capture->raw.height;
	if (w > capture->wish.width) {
		h = h * capture->wish.width / w;
		w = capture->wish.width;
	}
	if (h > capture->wish.height) {
		w = w * capture->wish.height / h;
		h = capture->wish.height;
	}
	*ret_width = MAX(w & ~1, 16);
	*ret_height = MAX(h & ~1, 16);
}

static const struct picture *scale(struct capture *capture)
{
	int w, h;
	struct picture *raw = &capture->raw, *to = &capture->scaled;
	fit(capture, &w, &h);
	if (w == raw->width && h == raw->height)
		return raw;
	if (to->width != w || to->height != h) {
		picture_finish(to);
		if (picture_init(to, w, h) < 0)
			return raw;
	}
	I420Scale(raw->planes[0], raw->strides[0], raw->planes[1], raw->strides[1], raw->planes[2],
		  raw->strides[2], raw->width, raw->height, to->planes[0], to->strides[0], to->planes[1],
		  to->strides[1], to->planes[2], to->strides[2], w, h, kFilterBox);
	to->capture_us = raw->capture_us;
	return to;
}

static void encoder_close(struct capture *capture)
{
	if (capture->encoder)
		encoder_drivers[0]->close(capture->encoder);
	capture->encoder = NULL;
}

static bool encoder_fits(const struct capture *capture, const struct picture *picture)
{
	return capture->encoder && capture->encoder_wish.width == picture->width &&
	       capture->encoder_wish.height == picture->height;
}

static int encoder_ready(struct capture *capture, const struct picture *picture, int bitrate_bps)
{
	if (!encoder_fits(capture, picture)) {
		encoder_close(capture);
		capture->encoder_wish = (struct encoder_wish){ picture->width, picture->height,
							       capture->wish.fps, bitrate_bps };
		return encoder_drivers[0]->open(&capture->encoder_wish, &capture->encoder);
	}
	if (capture->encoder_wish.bitrate_bps != bitrate_bps) {
		capture->encoder_wish.bitrate_bps = bitrate_bps;
		return encoder_drivers[0]->set_rate(capture->encoder, bitrate_bps, capture->wish.fps);
	}
	return 0;
}

static void unit_send(struct capture *capture, const struct picture *picture, const struct encoded *encoded,
		      double spent_ms)
{
	const struct unit unit = {
		.bytes = encoded->bytes, .size = encoded->size, .capture_us = picture->capture_us,
		.rtp_time = (uint32_t)(picture->capture_us * 9 / 100), .keyframe = encoded->keyframe,
	};
	pthread_mutex_lock(&capture->lock);
	struct capture_stats *s = &capture->stats;
	int r = capture->units ? unit_channel_send(capture->units, &unit) : -EPIPE;
	s->encoded++;
	s->keyframes += encoded->keyframe;
	s->sent += r == 0;
	s->bytes += r == 0 ? encoded->size : 0;
	s->dropped += r < 0;
	s->encode_ms += (spent_ms - s->encode_ms) / (double)MIN(s->encoded, 100);
	if (r < 0)
		capture->idr = true; /* what follows a lost unit cannot be decoded */
	pthread_mutex_unlock(&capture->lock);
}

static void encode(struct capture *capture, const struct picture *picture)
{
	struct encoded encoded = { 0 };
	pthread_mutex_lock(&capture->lock);
	bool wanted = capture->units && !capture->muted, idr = capture->idr;
	int bitrate_bps = capture->bitrate_bps;
	if (wanted)
		capture->idr = false;
	capture->stats.width = picture->width;
	capture->stats.height = picture->height;
	pthread_mutex_unlock(&capture->lock);
	if (!wanted)
		return;
	int64_t start = g_get_monotonic_time();
	int r = encoder_ready(capture, picture, bitrate_bps);
	if (r == 0)
		r = encoder_drivers[0]->encode(capture->encoder, picture, idr, &encoded);
	if (r < 0) {
		log_once(LOG_LEVEL_ERROR, "encoder %s: %s", encoder_drivers[0]->name, g_strerror(-r));
		encoder_close(capture);
		return;
	}
	if (encoded.size > 0) {
		unit_send(capture, picture, &encoded, (double)(g_get_monotonic_time() - start) / 1000);
		return;
	}
	pthread_mutex_lock(&capture->lock);
	capture->stats.skipped++;
	capture->idr |= idr;
	pthread_mutex_unlock(&capture->lock);
}

static void view_close(struct capture *capture)
{
	if (capture->view)
		capture->view_driver->close(capture->view);
	capture->view = NULL;
}

static void view_open(struct capture *capture)
{
	char why[512] = "";
	const char *address;
	view_close(capture);
	capture->view_driver = view_find(capture->wish.view, &address, why, sizeof(why));
	if (!capture->view_driver ||
	    capture->view_driver->open(address, &capture->view, why, sizeof(why)) < 0) {
		capture->view = NULL;
		log_error("%s", why);
	}
}

/* Takes over what other threads wished. False: stop. */
static bool take_wishes(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	while (!capture->enabled && !capture->stop) {
		pthread_mutex_unlock(&capture->lock);
		camera_close(capture);
		pthread_mutex_lock(&capture->lock);
		if (!capture->enabled && !capture->stop)
			pthread_cond_wait(&capture->idle, &capture->lock);
		capture->retry_us = 0;
		capture->idr = true;
	}
	bool camera_changed = capture->camera_changed, view_changed = capture->view_changed;
	if (camera_changed) {
		g_free(capture->wish.camera);
		capture->wish.camera = g_strdup(capture->camera_name);
	}
	if (view_changed) {
		g_free(capture->wish.view);
		capture->wish.view = g_strdup(capture->view_name);
	}
	capture->camera_changed = capture->view_changed = false;
	bool go_on = !capture->stop;
	pthread_mutex_unlock(&capture->lock);
	if (camera_changed) {
		camera_close(capture);
		capture->retry_us = 0;
		capture->told_failed = capture->was_lost = false;
	}
	if (go_on && view_changed)
		view_open(capture);
	return go_on;
}

static void *capture_thread(void *data)
{
	struct capture *capture = data;
	while (take_wishes(capture)) {
		if (next_picture(capture) < 0)
			continue;
		const struct picture *picture = scale(capture);
		pthread_mutex_lock(&capture->lock);
		capture->stats.captured += capture->camera != NULL;
		picture_copy(&capture->newest, picture);
		pthread_mutex_unlock(&capture->lock);
		if (capture->view)
			capture->view_driver->show(capture->view, picture);
		encode(capture, picture);
	}
	camera_close(capture);
	encoder_close(capture);
	view_close(capture);
	return NULL;
}

int capture_start(const struct capture_wish *wish, capture_camera_fn on_camera, void *data,
		  struct capture **ret_capture)
{
	struct capture *capture = g_new0(struct capture, 1);
	capture->on_camera = on_camera;
	capture->data = data;
	capture->wish = *wish;
	capture->wish.camera = g_strdup(wish->camera);
	capture->wish.view = g_strdup(wish->view);
	capture->view_name = g_strdup(wish->view);
	capture->view_changed = true;
	capture->bitrate_bps = wish->bitrate_bps;
	capture->enabled = capture->idr = true;
	capture->stats.encoder = encoder_drivers[0]->name;
	pthread_mutex_init(&capture->lock, NULL);
	pthread_cond_init(&capture->idle, NULL);
	capture->thread = g_thread_new("capture", capture_thread, capture);
	*ret_capture = capture;
	return 0;
}

void capture_stop(struct capture *capture)
{
	if (!capture)
		return;
	pthread_mutex_lock(&capture->lock);
	capture->stop = true;
	pthread_cond_signal(&capture->idle);
	pthread_mutex_unlock(&capture->lock);
	g_thread_join(capture->thread);
	picture_finish(&capture->raw);
	picture_finish(&capture->scaled);
	picture_finish(&capture->newest);
	g_free(capture->wish.camera);
	g_free(capture->wish.view);
	g_free(capture->camera_name);
	g_free(capture->view_name);
	pthread_mutex_destroy(&capture->lock);
	pthread_cond_destroy(&capture->idle);
	g_free(capture);
}

void capture_units(struct capture *capture, struct unit_channel *units)
{
	pthread_mutex_lock(&capture->lock);
	capture->units = units;
	capture->idr = true;
	pthread_mutex_unlock(&capture->lock);
}

void capture_request_idr(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	capture->idr = true;
	pthread_mutex_unlock(&capture->lock);
}

void capture_set_rate(struct capture *capture, int bitrate_bps)
{
	pthread_mutex_lock(&capture->lock);
	capture->bitrate_bps = CLAMP(bitrate_bps, 30000, capture->wish.bitrate_bps);
	capture->stats.bitrate_bps = capture->bitrate_bps;
	pthread_mutex_unlock(&capture->lock);
}

void capture_mute(struct capture *capture, bool on)
{
	pthread_mutex_lock(&capture->lock);
	capture->muted = on;
	capture->idr |= !on;
	pthread_mutex_unlock(&capture->lock);
}

void capture_enable(struct capture *capture, bool on)
{
	pthread_mutex_lock(&capture->lock);
	capture->enabled = on;
	pthread_cond_signal(&capture->idle);
	pthread_mutex_unlock(&capture->lock);
}

void capture_switch(struct capture *capture, const char *camera)
{
	pthread_mutex_lock(&capture->lock);
	g_free(capture->camera_name);
	capture->camera_name = g_strdup(camera);
	capture->camera_changed = true;
	pthread_mutex_unlock(&capture->lock);
}

void capture_view(struct capture *capture, const char *view)
{
	pthread_mutex_lock(&capture->lock);
	g_free(capture->view_name);
	capture->view_name = g_strdup(view);
	capture->view_changed = true;
	pthread_mutex_unlock(&capture->lock);
}

int capture_snapshot(struct capture *capture, struct picture *picture)
{
	pthread_mutex_lock(&capture->lock);
	int r = capture->newest.width ? picture_copy(picture, &capture->newest) : -ENODATA;
	pthread_mutex_unlock(&capture->lock);
	return r;
}

void capture_stats(struct capture *capture, struct capture_stats *ret_stats)
{
	pthread_mutex_lock(&capture->lock);
	*ret_stats = capture->stats;
	pthread_mutex_unlock(&capture->lock);
}
