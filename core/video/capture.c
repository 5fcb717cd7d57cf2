#include "core/video/capture.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/convert.h"
#include "core/devices/devices.h"
#include "core/video/adapt.h"
#include "core/video/ladder.h"
#include "core/video/passthrough.h"

#define IDR_US 500000
#define BITRATE_LEAST 10000
#define IDR_PATIENCE_US 1000000 /* after that a camera makes none when it is asked */

/* What somebody wants to know of the camera's controls, or to change. */
struct question {
	int id;
	char *words;
	capture_control_fn told;
	void *data;
};

struct capture {
	GThread *thread;
	struct capture_wish wish;

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t idle;
	struct unit_channel *units;
	struct frame *newest;
	char *camera_name, *view_name; /* as wished now */
	struct camera_wish profile;    /* as wished now */
	bool stop, muted, enabled, camera_changed, view_changed, profile_changed, idr;
	int asked_bps;	 /* what the network carries; it may come before the profile that makes use of it */
	int bitrate_bps; /* that, but no more than the profile's */
	int level, slice_bytes;
	enum video_codec codec;
	struct capture_stats stats;
	GQueue questions;
	bool coded; /* the newest frame is an access unit: its picture is passthrough's */

	/* the thread's own */
	struct source *source;
	struct ladder *ladder;
	struct passthrough *passthrough;
	bool direct;	      /* the camera's own access units are being sent */
	int told_bps;	      /* to the camera's encoder */
	bool follows;	      /* it does what it is told */
	int64_t asked_idr_us; /* of it */
	int64_t owed_idr_us;  /* since when the peer waits for one, 0: it does not */
	struct adapt adapt;
	const struct view_driver *view_driver;
	struct view *view;
};

static void unit_send(struct capture *capture, const struct frame *frame, enum video_codec codec,
		      const struct encoded *encoded, double spent_ms)
{
	const struct unit unit = {
		.codec = codec, .bytes = encoded->bytes, .size = encoded->size, .capture_us = frame->capture_us,
		.rtp_time = (uint32_t)(frame->capture_us * 9 / 100), .keyframe = encoded->keyframe,
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

/* Nothing came of this frame: what was asked of it is asked of the next. */
static void frame_failed(struct capture *capture, bool idr, uint64_t *count)
{
	pthread_mutex_lock(&capture->lock);
	(*count)++;
	capture->idr |= idr;
	pthread_mutex_unlock(&capture->lock);
}

/* How this frame is to be encoded; false: not at all. */
static bool encode_wish(struct capture *capture, const struct frame *frame, struct encoder_wish *ret_wish,
			bool *ret_idr)
{
	pthread_mutex_lock(&capture->lock);
	bool wanted = capture->units && !capture->muted && capture->codec != VIDEO_NONE;
	int bitrate_bps = capture->bitrate_bps;
	adapt_set_level(&capture->adapt, capture->level);
	capture->stats.steps += wanted && adapt_look(&capture->adapt, g_get_monotonic_time(), bitrate_bps);
	wanted = wanted && adapt_takes(&capture->adapt, frame->capture_us);
	const struct adapt_step *step = adapt_now(&capture->adapt);
	*ret_wish = (struct encoder_wish){ .fps = step->fps, .bitrate_bps = bitrate_bps, .codec = capture->codec,
					   .slice_bytes = capture->slice_bytes };
	convert_fit(frame, step->width, step->height, &ret_wish->width, &ret_wish->height);
	*ret_idr = capture->idr;
	if (wanted)
		capture->idr = false;
	capture->stats.width = ret_wish->width;
	capture->stats.height = ret_wish->height;
	capture->stats.fps = step->fps;
	capture->stats.codec = capture->codec;
	pthread_mutex_unlock(&capture->lock);
	return wanted;
}

static void encode(struct capture *capture, struct frame *frame)
{
	struct encoded encoded = { 0 };
	struct encoder_wish wish;
	bool idr;
	if (!encode_wish(capture, frame, &wish, &idr))
		return;
	int64_t start = g_get_monotonic_time(), spent;
	int r = ladder_encode(capture->ladder, &wish, frame, idr, &encoded);
	struct ladder_stats ladder;
	ladder_stats(capture->ladder, &ladder);
	spent = g_get_monotonic_time() - start;
	if (r == 0 && ladder.switches == capture->stats.encoder_switches)
		adapt_spent(&capture->adapt, spent);
	pthread_mutex_lock(&capture->lock);
	capture->stats.encoder_failures = ladder.failures;
	capture->stats.encoder_switches = ladder.switches;
	g_strlcpy(capture->stats.encoder, ladder_describe(capture->ladder), sizeof(capture->stats.encoder));
	pthread_mutex_unlock(&capture->lock);
	if (r == -EBADMSG)
		source_damaged(capture->source);
	if (r < 0)
		frame_failed(capture, idr, r == -EBADMSG ? &capture->stats.damaged : &capture->stats.failed);
	else if (encoded.size == 0)
		frame_failed(capture, idr, &capture->stats.skipped);
	else
		unit_send(capture, frame, wish.codec, &encoded, (double)spent / 1000);
}

/* ---- a camera that encodes by itself ---- */

/* The peer gets a key frame when it asked for one; the camera is not asked too often. */
static void idr_ask(struct capture *capture)
{
	int64_t now = g_get_monotonic_time();
	if (now - capture->asked_idr_us < IDR_US)
		return;
	capture->asked_idr_us = now;
	source_request_idr(capture->source);
}

static void rate_tell(struct capture *capture, int bitrate_bps)
{
	if (capture->told_bps == bitrate_bps)
		return;
	capture->told_bps = bitrate_bps;
	capture->follows = source_set_rate(capture->source, bitrate_bps) == 0;
}

/* Whether this access unit can be sent as it is. What begins, begins with a key frame. */
static bool unit_fits(struct capture *capture, const struct frame *unit)
{
	pthread_mutex_lock(&capture->lock);
	int bitrate_bps = capture->bitrate_bps, level = capture->level;
	bool fits = capture->codec == VIDEO_H264 && capture->slice_bytes == 0 &&
		    unit->width <= capture->wish.width && unit->height <= capture->wish.height;
	pthread_mutex_unlock(&capture->lock);
	rate_tell(capture, bitrate_bps);
	fits = fits && passthrough_is_for(capture->passthrough, level) &&
	       (capture->follows || passthrough_bps(capture->passthrough) <= bitrate_bps / 4 * 5);
	if (fits && !capture->direct && !unit->keyframe)
		idr_ask(capture);
	if (capture->owed_idr_us && !unit->keyframe &&
	    g_get_monotonic_time() - capture->owed_idr_us > IDR_PATIENCE_US)
		fits = false; /* our own encoder makes one, until the camera's next */
	return fits && (capture->direct || unit->keyframe);
}

static void unit_pass(struct capture *capture, const struct frame *unit)
{
	const struct encoded encoded = { .bytes = unit->planes[0], .size = unit->bytes, .keyframe = unit->keyframe };
	pthread_mutex_lock(&capture->lock);
	bool wanted = capture->units && !capture->muted, idr = wanted && capture->idr;
	if (wanted && unit->keyframe)
		capture->idr = false;
	capture->stats.width = unit->width;
	capture->stats.height = unit->height;
	capture->stats.fps = capture->wish.fps;
	capture->stats.codec = VIDEO_H264;
	g_strlcpy(capture->stats.encoder, "the camera's own", sizeof(capture->stats.encoder));
	pthread_mutex_unlock(&capture->lock);
	if (idr && !unit->keyframe)
		idr_ask(capture);
	capture->owed_idr_us = !idr || unit->keyframe ? 0
			       : capture->owed_idr_us ? capture->owed_idr_us : g_get_monotonic_time();
	if (wanted)
		unit_send(capture, unit, VIDEO_H264, &encoded, 0);
}

/* An access unit goes on as it is, or as a picture that is encoded anew. */
static void unit_send_on(struct capture *capture, struct frame *unit)
{
	struct frame *picture;
	bool direct = unit_fits(capture, unit);
	if (capture->direct && !direct)
		capture_request_idr(capture); /* another encoder goes on */
	capture->direct = direct;
	if (direct) {
		unit_pass(capture, unit);
	} else if (passthrough_picture(capture->passthrough, &picture) == 0) {
		encode(capture, picture);
		frame_release(picture);
	} else {
		idr_ask(capture);
	}
}

static void frame_send(struct capture *capture, struct frame *frame)
{
	if (frame->format == FRAME_H264) {
		unit_send_on(capture, frame);
		return;
	}
	if (capture->direct)
		capture_request_idr(capture); /* a placeholder comes between */
	capture->direct = false;
	capture->told_bps = 0;
	encode(capture, frame);
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

static void control_add(const struct camera_control *control, void *data)
{
	cJSON *one = cJSON_CreateObject();
	cJSON_AddStringToObject(one, "name", control->name);
	cJSON_AddStringToObject(one, "type", control->type);
	if (control->note[0])
		cJSON_AddStringToObject(one, "note", control->note);
	if (control->item[0])
		cJSON_AddStringToObject(one, "item", control->item);
	cJSON_AddNumberToObject(one, "value", control->value);
	cJSON_AddNumberToObject(one, "min", control->min);
	cJSON_AddNumberToObject(one, "max", control->max);
	cJSON_AddNumberToObject(one, "step", control->step);
	cJSON_AddNumberToObject(one, "default", control->initial);
	cJSON_AddItemToArray(data, one);
}

static void question_free(void *data)
{
	g_free(((struct question *)data)->words);
	g_free(data);
}

/* Under no lock. */
static void question_answer(struct capture *capture, struct question *question)
{
	g_autofree char *why = NULL;
	cJSON *list = question->words ? NULL : cJSON_CreateArray();
	if (question->words)
		source_control(capture->source, question->words, &why);
	else if (!source_control_each(capture->source, control_add, list))
		why = g_strdup("no camera is open that has controls");
	question->told(question->id, list, why, question->data);
	cJSON_Delete(list);
	question_free(question);
}

static void answer_questions(struct capture *capture)
{
	struct question *question;
	do {
		pthread_mutex_lock(&capture->lock);
		question = g_queue_pop_head(&capture->questions);
		pthread_mutex_unlock(&capture->lock);
		if (question)
			question_answer(capture, question);
	} while (question);
}

static void newest_drop(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	struct frame *old = capture->newest;
	capture->newest = NULL;
	capture->coded = false;
	pthread_mutex_unlock(&capture->lock);
	frame_release(old);
}

/* Takes over what other threads wished. False: stop. */
static bool take_wishes(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	while (!capture->enabled && !capture->stop) {
		pthread_mutex_unlock(&capture->lock);
		source_close(capture->source);
		newest_drop(capture); /* it may be the camera's memory, which keeps the device from resting */
		answer_questions(capture);
		pthread_mutex_lock(&capture->lock);
		if (!capture->enabled && !capture->stop && g_queue_is_empty(&capture->questions))
			pthread_cond_wait(&capture->idle, &capture->lock);
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
	bool profile_changed = capture->profile_changed;
	const struct camera_wish profile = capture->profile;
	int bitrate_bps = capture->bitrate_bps;
	capture->camera_changed = capture->view_changed = capture->profile_changed = false;
	bool go_on = !capture->stop;
	pthread_mutex_unlock(&capture->lock);
	if (camera_changed)
		source_switch(capture->source, capture->wish.camera);
	if (profile_changed) {
		capture->wish.width = profile.width;
		capture->wish.height = profile.height;
		capture->wish.fps = profile.fps;
		source_wish(capture->source, &profile);
		adapt_init(&capture->adapt, profile.width, profile.height, profile.fps, bitrate_bps);
	}
	if (go_on && view_changed)
		view_open(capture);
	return go_on;
}

/* Under no lock. The newest frame stays held for snapshots. */
static void frame_note(struct capture *capture, struct frame *frame)
{
	if (frame->format == FRAME_H264)
		passthrough_put(capture->passthrough, frame);
	pthread_mutex_lock(&capture->lock);
	struct frame *old = capture->newest;
	capture->coded = frame->format == FRAME_H264;
	capture->newest = capture->coded ? NULL : frame_hold(frame);
	capture->stats.captured += source_is_live(capture->source);
	source_counts(capture->source, &capture->stats.source);
	g_strlcpy(capture->stats.camera, source_describe(capture->source), sizeof(capture->stats.camera));
	pthread_mutex_unlock(&capture->lock);
	frame_release(old);
}

static void frame_show(struct capture *capture, struct frame *frame)
{
	struct frame *picture = NULL;
	int r = 0;
	if (!capture->view || g_str_has_prefix(capture->wish.view, "null:"))
		return;
	if (frame->format == FRAME_H264 && passthrough_picture(capture->passthrough, &picture) < 0)
		return;
	r = capture->view_driver->show(capture->view, picture ? picture : frame);
	frame_release(picture);
	if (r == 0 || r == -EBADMSG)
		return;
	log_once(LOG_LEVEL_ERROR, "view %s: %s", capture->wish.view, g_strerror(-r));
}

static void *capture_thread(void *data)
{
	struct capture *capture = data;
	struct frame *frame;
	while (take_wishes(capture)) {
		answer_questions(capture);
		if (source_next(capture->source, &frame) < 0)
			continue;
		frame_note(capture, frame);
		frame_show(capture, frame);
		frame_send(capture, frame);
		frame_release(frame);
	}
	source_close(capture->source);
	view_close(capture);
	return NULL;
}

int capture_start(const struct capture_wish *wish, source_camera_fn on_camera, void *data,
		  struct capture **ret_capture)
{
	struct capture *capture = g_new0(struct capture, 1);
	const struct camera_wish camera = { .width = wish->width, .height = wish->height, .fps = wish->fps,
					    .bitrate_bps = wish->bitrate_bps, .quirks = wish->quirks,
					    .h264 = wish->h264 };
	capture->wish = *wish;
	capture->source = source_new(wish->camera, &camera, wish->controls, on_camera, data);
	adapt_init(&capture->adapt, wish->width, wish->height, wish->fps, wish->bitrate_bps);
	capture->passthrough = passthrough_new();
	capture->ladder = ladder_new(&wish->encoder);
	capture->wish.camera = g_strdup(wish->camera);
	capture->wish.view = g_strdup(wish->view);
	capture->view_name = g_strdup(wish->view);
	capture->view_changed = true;
	capture->asked_bps = capture->bitrate_bps = wish->bitrate_bps;
	capture->enabled = capture->idr = true;
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
	source_free(capture->source);
	ladder_free(capture->ladder);
	passthrough_free(capture->passthrough);
	frame_release(capture->newest);
	g_queue_clear_full(&capture->questions, question_free);
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

/* Under the lock. */
static void rate_take(struct capture *capture)
{
	capture->bitrate_bps = MIN(capture->asked_bps, capture->wish.bitrate_bps);
	capture->stats.bitrate_bps = capture->bitrate_bps;
}

void capture_set_profile(struct capture *capture, int width, int height, int fps, int bitrate_bps)
{
	pthread_mutex_lock(&capture->lock);
	capture->profile = (struct camera_wish){ .width = width, .height = height, .fps = fps,
						 .bitrate_bps = bitrate_bps, .h264 = capture->wish.h264 };
	capture->wish.bitrate_bps = bitrate_bps;
	rate_take(capture);
	capture->profile_changed = true;
	pthread_mutex_unlock(&capture->lock);
}

void capture_set_rate(struct capture *capture, int bitrate_bps, int level)
{
	pthread_mutex_lock(&capture->lock);
	capture->level = level;
	capture->asked_bps = MAX(bitrate_bps, BITRATE_LEAST);
	rate_take(capture);
	pthread_mutex_unlock(&capture->lock);
}

void capture_set_codec(struct capture *capture, enum video_codec codec, int slice_bytes)
{
	pthread_mutex_lock(&capture->lock);
	capture->codec = codec;
	capture->slice_bytes = slice_bytes;
	capture->idr = true;
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

void capture_control(struct capture *capture, int id, const char *words, capture_control_fn told, void *data)
{
	struct question *question = g_new0(struct question, 1);
	*question = (struct question){ id, g_strdup(words), told, data };
	pthread_mutex_lock(&capture->lock);
	g_queue_push_tail(&capture->questions, question);
	pthread_cond_signal(&capture->idle);
	pthread_mutex_unlock(&capture->lock);
}

struct frame *capture_newest(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	struct frame *frame = capture->newest ? frame_hold(capture->newest) : NULL;
	bool coded = capture->coded;
	pthread_mutex_unlock(&capture->lock);
	if (coded && passthrough_picture(capture->passthrough, &frame) < 0)
		return NULL;
	return frame;
}

void capture_stats(struct capture *capture, struct capture_stats *ret_stats)
{
	pthread_mutex_lock(&capture->lock);
	*ret_stats = capture->stats;
	pthread_mutex_unlock(&capture->lock);
}
