#include "core/video/render.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/devices.h"
#include "core/video/capture.h"
#include "core/video/decoding.h"
#include "drivers-glue/pattern.h"

#define IDR_INTERVAL_US 300000
#define LATENCIES 1024
#define PATTERN_TRY 30

struct render {
	GThread *thread;
	GMainContext *context;
	GMainLoop *loop;
	void (*on_shown)(void *data);
	void *data;

	/* the thread's own */
	struct unit_channel *units;
	struct capture *capture;
	struct decoding *decoding;
	const struct view_driver *view_driver;
	struct view *view;
	bool wants_keyframe;
	int64_t asked_us;
	int64_t shown_us; /* the last picture; 0: none since the channel came */

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t done;
	void (*errand)(struct render *render, void *argument); /* NULL: none */
	void *errand_argument;
	struct frame *newest;
	struct render_stats stats;
	float latencies[LATENCIES];
	unsigned int latency_count;
};

/* Runs the errand that stands under the lock, on the render thread. */
static gboolean errand_run(void *data)
{
	struct render *render = data;
	pthread_mutex_lock(&render->lock);
	void (*run)(struct render *, void *) = render->errand;
	void *argument = render->errand_argument;
	pthread_mutex_unlock(&render->lock);
	run(render, argument);
	pthread_mutex_lock(&render->lock);
	render->errand = NULL;
	pthread_cond_signal(&render->done);
	pthread_mutex_unlock(&render->lock);
	return G_SOURCE_REMOVE;
}

/* Has the render thread do something and waits until it is done. */
static void send_errand(struct render *render, void (*run)(struct render *, void *), void *argument)
{
	GSource *source = g_idle_source_new();
	g_source_set_priority(source, G_PRIORITY_HIGH);
	g_source_set_callback(source, errand_run, render, NULL);
	pthread_mutex_lock(&render->lock);
	render->errand = run;
	render->errand_argument = argument;
	g_source_attach(source, render->context);
	while (render->errand)
		pthread_cond_wait(&render->done, &render->lock);
	pthread_mutex_unlock(&render->lock);
	g_source_unref(source);
}

static void ask_idr(struct render *render)
{
	int64_t now = g_get_monotonic_time();
	if (now - render->asked_us < IDR_INTERVAL_US || !render->units)
		return;
	render->asked_us = now;
	unit_channel_request_idr(render->units);
	pthread_mutex_lock(&render->lock);
	render->stats.idr_requests++;
	pthread_mutex_unlock(&render->lock);
}

/* Under the lock. A frame that is not in memory is fetched there only where a pattern is likely. */
static void pattern_note(struct render *render, struct frame *frame)
{
	struct pattern_mark mark;
	struct render_stats *s = &render->stats;
	bool likely = frame->planes[0] || s->pattern_frames > 0 || s->shown % PATTERN_TRY == 1;
	if (!likely || (frame->format != FRAME_I420 && frame->format != FRAME_NV12) || frame_map(frame) < 0)
		return;
	const struct picture luma = { .width = frame->width, .height = frame->height,
				      .planes = { frame->planes[0] }, .strides = { frame->strides[0] } };
	if (pattern_read(&luma, &mark) < 0)
		return;
	if (s->pattern_frames++ > 0 && mark.number > s->pattern_number + 1)
		s->pattern_gaps += mark.number - s->pattern_number - 1;
	s->pattern_number = mark.number;
	uint32_t now = (uint32_t)(g_get_monotonic_time() / 1000);
	uint32_t age = (now - mark.time_ms) & PATTERN_TIME_MASK;
	render->latencies[render->latency_count++ % LATENCIES] = (float)age;
}

static void show(struct render *render, struct frame *frame)
{
	int r = render->view ? render->view_driver->show(render->view, frame) : 0;
	if (r < 0)
		log_once(LOG_LEVEL_ERROR, "remote view: %s", g_strerror(-r));
	pthread_mutex_lock(&render->lock);
	bool first = render->stats.shown++ == 0;
	int64_t now = g_get_monotonic_time();
	if (render->shown_us)
		render->stats.longest_freeze_ms = MAX(render->stats.longest_freeze_ms,
						      (double)(now - render->shown_us) / 1000);
	render->shown_us = now;
	struct frame *old = render->newest;
	render->newest = frame_hold(frame);
	render->stats.width = frame->width;
	render->stats.height = frame->height;
	pattern_note(render, frame);
	pthread_mutex_unlock(&render->lock);
	frame_release(old);
	if (first)
		render->on_shown(render->data);
}

static void decoder_note(struct render *render, enum video_codec codec)
{
	struct decoding_stats decoding;
	decoding_stats(render->decoding, &decoding);
	pthread_mutex_lock(&render->lock);
	struct render_stats *s = &render->stats;
	s->decoder_failures = decoding.failures;
	s->decoder_switches = decoding.switches;
	s->units_refused = decoding.refused;
	s->codec = codec;
	g_strlcpy(s->decoder, decoding_describe(render->decoding), sizeof(s->decoder));
	pthread_mutex_unlock(&render->lock);
}

static void on_unit(const struct unit *unit, void *data)
{
	struct render *render = data;
	struct frame *frame;
	pthread_mutex_lock(&render->lock);
	render->stats.received++;
	render->stats.bytes += unit->size;
	pthread_mutex_unlock(&render->lock);
	if (render->wants_keyframe && !unit->keyframe) {
		ask_idr(render);
		return;
	}
	int r = decoding_decode(render->decoding, unit->codec, unit->bytes, unit->size, unit->keyframe, &frame);
	decoder_note(render, unit->codec);
	if (r == -EAGAIN)
		return;
	render->wants_keyframe = r < 0;
	pthread_mutex_lock(&render->lock);
	render->stats.errors += r < 0;
	render->stats.decoded += r == 0;
	pthread_mutex_unlock(&render->lock);
	if (r < 0) {
		ask_idr(render);
		return;
	}
	show(render, frame);
	frame_release(frame);
	if (decoding_wants_idr(render->decoding))
		ask_idr(render);
}

static void on_request_idr(void *data)
{
	struct render *render = data;
	if (render->capture)
		capture_request_idr(render->capture);
}

static void on_set_rate(int bits_per_second, int level, void *data)
{
	struct render *render = data;
	if (render->capture)
		capture_set_rate(render->capture, bits_per_second, level);
}

static void units_drop(struct render *render)
{
	if (render->capture)
		capture_units(render->capture, NULL);
	unit_channel_close(render->units);
	render->units = NULL;
}

static void on_closed(void *data)
{
	(void)data; /* a new one comes from callboxd, or the end does */
}

static void on_set_codec(enum video_codec codec, int slice_bytes, void *data)
{
	struct render *render = data;
	if (render->capture)
		capture_set_codec(render->capture, codec, slice_bytes);
}

static const struct unit_channel_ops ops = { on_unit, on_request_idr, on_set_rate, on_closed, on_set_codec };

/* The peer's first picture is still on its way. */
static gboolean expect(void *data)
{
	struct render *render = data;
	if (render->units && !decoding_describe(render->decoding)[0])
		decoding_expect(render->decoding);
	return G_SOURCE_REMOVE;
}

static void expect_soon(struct render *render)
{
	GSource *source = g_idle_source_new();
	g_source_set_callback(source, expect, render, NULL);
	g_source_attach(source, render->context);
	g_source_unref(source);
}

struct units_errand {
	int fd;
	struct capture *capture;
};

static void units_take(struct render *render, void *argument)
{
	struct units_errand *e = argument;
	units_drop(render);
	render->capture = e->capture;
	render->wants_keyframe = true;
	render->shown_us = 0;
	int r = e->fd < 0 ? -EBADF : unit_channel_open(e->fd, render->context, &ops, render, &render->units);
	if (r < 0 && e->fd >= 0) {
		render->units = NULL;
		log_error("unit channel: %s", g_strerror(-r));
	}
	if (r == 0 && render->capture)
		capture_units(render->capture, render->units);
	if (r == 0)
		expect_soon(render);
}

void render_units(struct render *render, int fd, struct capture *capture)
{
	struct units_errand e = { fd, capture };
	send_errand(render, units_take, &e);
}

static void view_take(struct render *render, void *argument)
{
	char why[512] = "";
	const char *address;
	if (render->view)
		render->view_driver->close(render->view);
	render->view = NULL;
	if (!argument)
		return;
	render->view_driver = view_find(argument, &address, why, sizeof(why));
	if (!render->view_driver ||
	    render->view_driver->open(address, &render->view, why, sizeof(why)) < 0) {
		render->view = NULL;
		log_error("%s", why);
	}
}

void render_view(struct render *render, const char *view)
{
	send_errand(render, view_take, (void *)view);
}

static void *render_thread(void *data)
{
	struct render *render = data;
	g_main_context_push_thread_default(render->context);
	g_main_loop_run(render->loop);
	units_drop(render);
	view_take(render, NULL);
	g_main_context_pop_thread_default(render->context);
	return NULL;
}

struct render *render_start(const char *view, const struct hardware_rules *decoder, void (*on_shown)(void *data),
			    void *data)
{
	struct render *render = g_new0(struct render, 1);
	render->decoding = decoding_new(decoder);
	render->on_shown = on_shown;
	render->data = data;
	render->wants_keyframe = true;
	pthread_mutex_init(&render->lock, NULL);
	pthread_cond_init(&render->done, NULL);
	render->context = g_main_context_new();
	render->loop = g_main_loop_new(render->context, FALSE);
	render->thread = g_thread_new("render", render_thread, render);
	render_view(render, view);
	return render;
}

static void quit(struct render *render, void *unused)
{
	(void)unused;
	g_main_loop_quit(render->loop);
}

void render_stop(struct render *render)
{
	if (!render)
		return;
	send_errand(render, quit, NULL);
	g_thread_join(render->thread);
	frame_release(render->newest);
	decoding_free(render->decoding);
	g_main_loop_unref(render->loop);
	g_main_context_unref(render->context);
	pthread_mutex_destroy(&render->lock);
	pthread_cond_destroy(&render->done);
	g_free(render);
}

struct frame *render_newest(struct render *render)
{
	pthread_mutex_lock(&render->lock);
	struct frame *frame = render->newest ? frame_hold(render->newest) : NULL;
	pthread_mutex_unlock(&render->lock);
	return frame;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

void render_stats(struct render *render, struct render_stats *ret_stats)
{
	float sorted[LATENCIES];
	pthread_mutex_lock(&render->lock);
	*ret_stats = render->stats;
	unsigned int n = MIN(render->latency_count, LATENCIES);
	memcpy(sorted, render->latencies, n * sizeof(sorted[0]));
	pthread_mutex_unlock(&render->lock);
	if (n == 0)
		return;
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	ret_stats->latency_p50_ms = (double)sorted[n / 2];
	ret_stats->latency_p99_ms = (double)sorted[n * 99 / 100];
}
