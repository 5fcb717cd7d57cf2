/* source: the camera of a call, or a grey picture in its place. A camera that is lost, or cannot be opened, is
 * tried again every second; what it does is told by the callback, on the caller's thread.
 * Owner: the capture thread, which makes every call. */
#ifndef CALLBOX_VIDEO_SOURCE_H
#define CALLBOX_VIDEO_SOURCE_H

#include "core/devices/camera.h"

struct source;

/* state: opened, lost, back, failed. */
typedef void (*source_camera_fn)(const char *id, const char *state, const char *message, void *data);

/* camera: "DRIVER:ADDRESS". Nothing is opened yet. */
struct source *source_new(const char *camera, const struct camera_wish *wish, source_camera_fn on_camera,
			  void *data);
void source_free(struct source *source);

/* The next frame, counted for the caller; a placeholder when there is no camera. 0, or -EAGAIN when none came
 * in a tenth of a second. */
int source_next(struct source *source, struct frame **ret_frame);
void source_close(struct source *source); /* the device; the next source_next opens it again */
/* Another size or rate; the camera is opened anew with it when it is one that differs. */
void source_wish(struct source *source, const struct camera_wish *wish);
void source_switch(struct source *source, const char *camera);
bool source_is_live(const struct source *source); /* a camera is open */
/* Of the open camera, "" when there is none; lives until the next call. */
const char *source_describe(const struct source *source);
/* Of a camera that encodes itself: 0, or -ENOTSUP. */
int source_request_idr(struct source *source);
int source_set_rate(struct source *source, int bitrate_bps);

#endif
