/* capture: camera → picture → encoder → access unit → unit channel: one thread that reads top to bottom.
 *
 *   camera next ─► scale to the wish ─► local view, kept for snapshots ─► encode ─► unit_channel_send
 *
 * No queue: when encoding is slow the camera's newer picture replaces the older. A camera that is lost, or
 * cannot be opened, is tried again every second while a grey picture stands in for it.
 * Owner: main thread, which makes every call. */
#ifndef CALLBOX_VIDEO_CAPTURE_H
#define CALLBOX_VIDEO_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/unit_channel.h"
#include "core/devices/picture.h"

struct capture;

struct capture_wish {
	char *camera, *view;
	int width, height, fps, bitrate_bps;
};

struct capture_stats {
	uint64_t captured, encoded, skipped, keyframes, sent, dropped, bytes;
	int width, height, bitrate_bps;
	double encode_ms; /* mean */
	char camera[128];
	const char *encoder;
};

/* Told from the capture thread. state: opened, lost, back, failed. */
typedef void (*capture_camera_fn)(const char *id, const char *state, const char *message, void *data);

int capture_start(const struct capture_wish *wish, capture_camera_fn on_camera, void *data,
		  struct capture **ret_capture);
void capture_stop(struct capture *capture);

/* Where units go; NULL: nowhere. On return the old channel is not used any more. */
void capture_units(struct capture *capture, struct unit_channel *units);
void capture_request_idr(struct capture *capture); /* any thread */
void capture_set_rate(struct capture *capture, int bitrate_bps);
void capture_mute(struct capture *capture, bool on);   /* device open, nothing sent */
void capture_enable(struct capture *capture, bool on); /* device closed */
void capture_switch(struct capture *capture, const char *camera);
void capture_view(struct capture *capture, const char *view);
/* The newest picture into *picture; -ENODATA when there was none yet. */
int capture_snapshot(struct capture *capture, struct picture *picture);
void capture_stats(struct capture *capture, struct capture_stats *ret_stats);

#endif
