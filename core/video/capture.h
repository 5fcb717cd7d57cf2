/* capture: camera → picture → encoder → access unit → unit channel: one thread that reads top to bottom.
 *
 *   source_next ─► held for snapshots ─► local view ─► ladder_encode ─► unit_channel_send ─► frame released
 *
 * No queue: when encoding is slow the camera's newer picture replaces the older.
 * Owner: main thread, which makes every call. */
#ifndef CALLBOX_VIDEO_CAPTURE_H
#define CALLBOX_VIDEO_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/unit_channel.h"
#include "core/video/hardware.h"
#include "core/video/source.h"

struct capture;

struct capture_wish {
	char *camera, *view;
	struct hardware_rules encoder; /* changed is called from the capture thread */
	int width, height, fps, bitrate_bps;
};

struct capture_stats {
	uint64_t captured, encoded, skipped, failed, damaged, keyframes, sent, dropped, bytes;
	int width, height, bitrate_bps;
	double encode_ms; /* mean */
	char camera[128], encoder[192];
	unsigned int encoder_failures, encoder_switches; /* as in ladder.h */
	struct source_counts source;
};

/* on_camera is called from the capture thread. */
int capture_start(const struct capture_wish *wish, source_camera_fn on_camera, void *data,
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
/* The newest frame, counted for the caller; NULL when there was none yet. */
struct frame *capture_newest(struct capture *capture);
void capture_stats(struct capture *capture, struct capture_stats *ret_stats);

#endif
