/* source: the camera of a call, or a placeholder in its place. It does what can be done about a camera in trouble:
 *
 *   stalled, only damaged pictures for a second, broken stream, other format ─► the stream is begun anew
 *   that does not help, or it was unplugged ─► closed, placeholder, opened again: when the kernel tells that
 *   one was plugged in, and in any case after 100, 200, 400, 800 ms and then each second
 *
 * and tells what people should know by the callback, on the caller's thread.
 * Owner: the capture thread, which makes every call. */
#ifndef CALLBOX_VIDEO_SOURCE_H
#define CALLBOX_VIDEO_SOURCE_H

#include "core/devices/camera.h"

struct source;

struct source_counts {
	struct camera_counts camera;
	uint64_t lost, placeholders;
};

/* state: opened (the first picture is there), lost, back, failed. */
typedef void (*source_camera_fn)(const char *id, const char *state, const char *message, void *data);

/* camera: "DRIVER:ADDRESS"; controls: words that are set at each opening (control.h), NULL: none. Nothing is opened
 * yet. */
struct source *source_new(const char *camera, const struct camera_wish *wish, const char *controls,
			  source_camera_fn on_camera, void *data);
void source_free(struct source *source);

/* The next frame, counted for the caller; a placeholder when there is no camera. 0, or -EAGAIN when none came
 * in a tenth of a second. */
int source_next(struct source *source, struct frame **ret_frame);
/* The frame that came last was damaged inside, where only a decoder sees it. */
void source_damaged(struct source *source);
void source_close(struct source *source); /* the device; the next source_next opens it again */
/* Another size or rate; the camera is opened anew with it when it is one that differs. */
void source_wish(struct source *source, const struct camera_wish *wish);
void source_switch(struct source *source, const char *camera);
bool source_is_live(const struct source *source); /* the last frame was a camera's */
/* Of the open camera, "" when there is none; lives until the next call. */
const char *source_describe(const struct source *source);
void source_counts(const struct source *source, struct source_counts *ret_counts);
/* Sets controls, now and at each opening. 0, or -errno with *ret_why (caller frees): the first that was refused;
 * those before it are set. */
int source_control(struct source *source, const char *words, char **ret_why);
/* false: no camera is open, or it has none. */
bool source_control_each(struct source *source, void (*each)(const struct camera_control *control, void *data),
			 void *data);
/* Of a camera that encodes itself: 0, or -ENOTSUP. */
int source_request_idr(struct source *source);
int source_set_rate(struct source *source, int bitrate_bps);

#endif
