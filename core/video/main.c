/* callbox-video: one call's pictures, or a preview. Camera, encoder, decoder and views; no network, no
 * secret. Started by callboxd, which speaks to it over descriptor 3. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/program.h"
#include "core/devices/convert.h"
#include "core/devices/quirks.h"
#include "core/video/capture.h"
#include "core/video/render.h"
#include "core/video/warm.h"
#include "core/video/watch.h"
#include "drivers-glue/png.h"

#define WATCHES_MAX 8

struct video {
	struct program *program;
	struct capture *capture;
	struct render *render;
	struct quirks *quirks;
	struct watch *watches[WATCHES_MAX];
};

static void on_camera(const char *id, const char *state, const char *text, void *data)
{
	cJSON *message = message_new("camera");
	cJSON_AddStringToObject(message, "id", id);
	cJSON_AddStringToObject(message, "state", state);
	cJSON_AddStringToObject(message, "message", text);
	log_info("camera %s: %s: %s", id, state, text);
	program_post(((struct video *)data)->program, message);
}

static void coder_changed(void *data, const char *part, const char *words, const char *reason)
{
	cJSON *message = message_new("coder");
	cJSON_AddStringToObject(message, "part", part);
	cJSON_AddStringToObject(message, "name", words);
	cJSON_AddStringToObject(message, "reason", reason);
	program_post(((struct video *)data)->program, message);
}

static void on_encoder(const char *words, const char *reason, void *data)
{
	coder_changed(data, "encoder", words, reason);
}

static void on_decoder(const char *words, const char *reason, void *data)
{
	coder_changed(data, "decoder", words, reason);
}

static void on_shown(void *data)
{
	cJSON *message = message_new("shown");
	cJSON_AddStringToObject(message, "which", "remote");
	program_post(((struct video *)data)->program, message);
}

static void do_start(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)fd;
	if (video->capture)
		return;
	struct hardware_rules rules = {
		.retry_ms = message_int(message, "hardware_retry_ms", 0),
		.after_ms = message_int(message, "hardware_after_ms", 0), .data = video,
	};
	const char *quirks = message_string(message, "quirks", "");
	g_autofree char *error = NULL;
	if (quirks[0] && quirks_load(quirks, &video->quirks, &error) < 0)
		log_error("conf: %s", error); /* callboxd has looked at it, long ago */
	struct capture_wish wish = {
		.quirks = video->quirks,
		.controls = message_string(message, "controls", ""),
		.h264 = message_bool(message, "camera_h264", false),
		.camera = (char *)message_string(message, "camera", "null:"),
		.view = (char *)message_string(message, "local_view", "null:"),
		.width = message_int(message, "width", 640) & ~1,
		.height = message_int(message, "height", 360) & ~1,
		.fps = message_int(message, "fps", 30),
		.bitrate_bps = message_int(message, "bitrate_bps", 800000),
	};
	wish.encoder = rules;
	wish.encoder.name = message_string(message, "encoder", "auto");
	wish.encoder.changed = on_encoder;
	rules.name = message_string(message, "decoder", "auto");
	rules.changed = on_decoder;
	video->render = render_start(message_string(message, "remote_view", "null:"), &rules, on_shown, video);
	capture_start(&wish, on_camera, video, &video->capture);
}

/* It rings. */
static void do_warm(void *data, const cJSON *message, int fd)
{
	(void)data;
	(void)message;
	(void)fd;
	warm_begin();
}

static void do_units(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)message;
	int copy = fd >= 0 ? dup(fd) : -1;
	warm_begin();
	if (video->render)
		render_units(video->render, copy, video->capture);
	else if (copy >= 0)
		close(copy);
}

static void do_view(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	const char *output = message_string(message, "output", "null:");
	(void)fd;
	if (!video->capture)
		return;
	if (g_str_equal(message_string(message, "which", ""), "local"))
		capture_view(video->capture, output);
	else
		render_view(video->render, output);
}

static int frame_save(struct frame *frame, const char *file)
{
	struct picture picture;
	struct frame *whole = NULL;
	struct converter *converter = converter_new();
	int r = convert(converter, frame, frame->width, frame->height, &whole);
	if (r == 0)
		r = frame_picture(whole, &picture);
	if (r == 0)
		r = png_save(file, &picture);
	frame_release(whole);
	converter_free(converter);
	return r;
}

static void do_snapshot(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	const char *file = message_string(message, "file", "");
	bool local = g_str_equal(message_string(message, "which", ""), "local");
	(void)fd;
	struct frame *frame = !video->capture ? NULL
			      : local	      ? capture_newest(video->capture)
					      : render_newest(video->render);
	cJSON *answer = message_new("snapshot");
	cJSON_AddNumberToObject(answer, "id", message_number(message, "id", 0));
	g_autofree char *error = NULL;
	int r = frame ? frame_save(frame, file) : -ENODATA;
	if (!frame)
		error = g_strdup_printf("no %s picture yet", local ? "local" : "remote");
	else if (r < 0)
		error = g_strdup_printf("%s: %s", file, g_strerror(-r));
	if (error)
		cJSON_AddStringToObject(answer, "error", error);
	frame_release(frame);
	program_say(video->program, answer);
}

static struct frame *local_newest(void *data)
{
	struct video *video = data;
	return video->capture ? capture_newest(video->capture) : NULL;
}

static struct frame *remote_newest(void *data)
{
	struct video *video = data;
	return video->render ? render_newest(video->render) : NULL;
}

static void do_watch(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	bool local = g_str_equal(message_string(message, "which", ""), "local");
	for (size_t i = 0; fd >= 0 && i < WATCHES_MAX; i++) {
		struct watch **slot = &video->watches[i];
		if (*slot && !watch_is_over(*slot))
			continue;
		watch_close(*slot);
		*slot = watch_open(dup(fd), message_int(message, "width", 640), message_int(message, "height", 360),
				   message_int(message, "fps", 20), local ? local_newest : remote_newest, video);
		return;
	}
}

static void do_unwatch(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)message;
	(void)fd;
	for (size_t i = 0; i < WATCHES_MAX; i++)
		g_clear_pointer(&video->watches[i], watch_close);
}

static void do_switch(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)fd;
	if (video->capture)
		capture_switch(video->capture, message_string(message, "id", "null:"));
}

static void on_control(int id, const cJSON *controls, const char *error, void *data)
{
	cJSON *answer = message_new("controls");
	cJSON_AddNumberToObject(answer, "id", id);
	if (error)
		cJSON_AddStringToObject(answer, "error", error);
	else if (controls)
		cJSON_AddItemToObject(answer, "controls", cJSON_Duplicate(controls, true));
	program_post(((struct video *)data)->program, answer);
}

/* With "set": words that set controls; else what there is. */
static void do_controls(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	int id = message_int(message, "id", 0);
	(void)fd;
	if (video->capture)
		capture_control(video->capture, id, message_string(message, "set", NULL), on_control, video);
	else
		on_control(id, NULL, "no camera is open", video);
}

static void do_profile(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)fd;
	if (video->capture)
		capture_set_profile(video->capture, message_int(message, "width", 640) & ~1,
				    message_int(message, "height", 360) & ~1, message_int(message, "fps", 30),
				    message_int(message, "bitrate_bps", 800000));
}

static void do_mute(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)fd;
	if (video->capture)
		capture_mute(video->capture, message_bool(message, "on", true));
}

static void do_enable(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)fd;
	if (video->capture)
		capture_enable(video->capture, message_bool(message, "on", true));
}

static void add(cJSON *json, const char *name, double value)
{
	cJSON_AddNumberToObject(json, name, value);
}

static void add_source(cJSON *s, const struct source_counts *c)
{
	add(s, "camera_pictures", (double)c->camera.pictures);
	add(s, "camera_overtaken", (double)c->camera.overtaken);
	add(s, "camera_missing", (double)c->camera.missing);
	add(s, "camera_damaged", (double)c->camera.damaged);
	add(s, "camera_wrong_time", (double)c->camera.wrong_time);
	add(s, "camera_restarts", (double)c->camera.restarts);
	add(s, "camera_lost", (double)c->lost);
	add(s, "placeholders", (double)c->placeholders);
}

static void do_stats(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	struct capture_stats c = { 0 };
	struct render_stats r = { 0 };
	(void)fd;
	if (video->capture) {
		capture_stats(video->capture, &c);
		render_stats(video->render, &r);
	}
	cJSON *answer = message_new("stats");
	add(answer, "id", message_number(message, "id", 0));
	cJSON *s = cJSON_AddObjectToObject(answer, "stats");
	cJSON_AddStringToObject(s, "camera", c.camera);
	cJSON_AddStringToObject(s, "codec", video_codec_name(c.codec));
	cJSON_AddStringToObject(s, "remote_codec", video_codec_name(r.codec));
	cJSON_AddStringToObject(s, "encoder", c.encoder);
	cJSON_AddStringToObject(s, "decoder", r.decoder);
	add(s, "encoder_failures", c.encoder_failures);
	add(s, "encoder_switches", c.encoder_switches);
	add(s, "decoder_failures", r.decoder_failures);
	add(s, "decoder_switches", r.decoder_switches);
	add(s, "units_refused", r.units_refused);
	add(s, "width", c.width);
	add(s, "height", c.height);
	add(s, "fps", c.fps);
	add(s, "steps", (double)c.steps);
	add(s, "bitrate_bps", c.bitrate_bps);
	add(s, "frames_captured", (double)c.captured);
	add_source(s, &c.source);
	add(s, "frames_encoded", (double)c.encoded);
	add(s, "frames_skipped", (double)c.skipped);
	add(s, "frames_failed", (double)c.failed);
	add(s, "frames_damaged", (double)c.damaged);
	add(s, "frames_living", frame_living());
	add(s, "keyframes", (double)c.keyframes);
	add(s, "units_sent", (double)c.sent);
	add(s, "units_dropped", (double)c.dropped);
	add(s, "bytes_sent", (double)c.bytes);
	add(s, "encode_ms", c.encode_ms);
	add(s, "units_received", (double)r.received);
	add(s, "frames_decoded", (double)r.decoded);
	add(s, "frames_shown", (double)r.shown);
	add(s, "decode_errors", (double)r.errors);
	add(s, "idr_requests", (double)r.idr_requests);
	add(s, "remote_width", r.width);
	add(s, "remote_height", r.height);
	add(s, "pattern_frames", (double)r.pattern_frames);
	add(s, "pattern_gaps", (double)r.pattern_gaps);
	add(s, "pattern_number", r.pattern_number);
	add(s, "longest_freeze_ms", r.longest_freeze_ms);
	add(s, "latency_p50_ms", r.latency_p50_ms);
	add(s, "latency_p99_ms", r.latency_p99_ms);
	program_say(video->program, answer);
}

static void do_stop(void *data, const cJSON *message, int fd)
{
	struct video *video = data;
	(void)message;
	(void)fd;
	program_quit(video->program);
}

static const struct message_field start_fields[] = {
	{ "mode", M_STRING, true, 1, 16 },	{ "camera", M_STRING, true, 1, 256 },
	{ "width", M_NUMBER, true, 16, 4096 },	{ "height", M_NUMBER, true, 16, 4096 },
	{ "fps", M_NUMBER, true, 1, 120 },	{ "bitrate_bps", M_NUMBER, true, 30000, 100000000 },
	{ "local_view", M_STRING, true, 1, 4096 }, { "remote_view", M_STRING, true, 1, 4096 },
	{ "encoder", M_STRING, false, 1, 256 },	{ "decoder", M_STRING, false, 1, 256 },
	{ "hardware_retry_ms", M_NUMBER, false, 1, 3600000 },
	{ "hardware_after_ms", M_NUMBER, false, 0, 3600000 },
	{ "quirks", M_STRING, false, 0, 4096 }, { "controls", M_STRING, false, 0, 4096 },
	{ "camera_h264", M_BOOL, false, 0, 0 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field profile_fields[] = {
	{ "width", M_NUMBER, true, 16, 4096 },	{ "height", M_NUMBER, true, 16, 4096 },
	{ "fps", M_NUMBER, true, 1, 120 },	{ "bitrate_bps", M_NUMBER, true, 30000, 100000000 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field view_fields[] = {
	{ "which", M_STRING, true, 1, 16 }, { "output", M_STRING, true, 1, 4096 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field snapshot_fields[] = {
	{ "id", M_NUMBER, true, 1, 1e9 }, { "which", M_STRING, true, 1, 16 },
	{ "file", M_STRING, true, 1, 4096 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field watch_fields[] = {
	{ "which", M_STRING, true, 1, 16 }, { "width", M_NUMBER, true, 16, 1920 },
	{ "height", M_NUMBER, true, 16, 1080 }, { "fps", M_NUMBER, true, 1, 60 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field controls_fields[] = {
	{ "id", M_NUMBER, true, 1, 1e9 }, { "set", M_STRING, false, 1, 4096 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field id_fields[] = { { "id", M_STRING, true, 1, 256 },
						  { NULL, M_STRING, false, 0, 0 } };
static const struct message_field on_fields[] = { { "on", M_BOOL, true, 0, 0 },
						  { NULL, M_STRING, false, 0, 0 } };
static const struct message_field stats_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct program_word words[] = {
	{ "start", start_fields, do_start },
	{ "warm", NULL, do_warm },
	{ "units", NULL, do_units },
	{ "view", view_fields, do_view },
	{ "snapshot", snapshot_fields, do_snapshot },
	{ "watch", watch_fields, do_watch },
	{ "unwatch", NULL, do_unwatch },
	{ "switch", id_fields, do_switch },
	{ "controls", controls_fields, do_controls },
	{ "profile", profile_fields, do_profile },
	{ "mute", on_fields, do_mute },
	{ "enable", on_fields, do_enable },
	{ "stats", stats_fields, do_stats },
	{ "stop", NULL, do_stop },
	{ NULL, NULL, NULL },
};

static void stop(void *data)
{
	struct video *video = data;
	do_unwatch(video, NULL, -1);
	if (video->render)
		render_units(video->render, -1, NULL);
	capture_stop(video->capture);
	render_stop(video->render);
	quirks_free(video->quirks);
	warm_end();
}

int main(void)
{
	static struct video video;
	return program_run("callbox-video", SANDBOX_VIDEO, words, &video, stop, &video.program);
}
