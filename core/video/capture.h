/* capture: camera → picture → encoder → access unit → unit channel: one thread that reads top to bottom.
 *
 *   source_next ─► held for snapshots ─► local view ─► ladder_encode ─► unit_channel_send ─► frame released
 *
 * What is sent has the largest size and rate of the profile that network, encoder and peer carry (adapt.h).
 * No queue: when encoding is slow the camera's newer picture replaces the older.
 * Owner: main thread, which makes every call. */
#ifndef CALLBOX_VIDEO_CAPTURE_H
#define CALLBOX_VIDEO_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/unit_channel.h"
#include "core/video/hardware.h"
#include "core/video/source.h"

struct capture;

struct capture_wish {
	char *camera, *view;
	struct hardware_rules encoder; /* changed is called from the capture thread */
	int width, height, fps, bitrate_bps;
	const char *controls;	     /* as in source.h; only for the call of capture_start() */
	const struct quirks *quirks; /* borrowed; NULL: none */
	bool h264;		     /* the camera's own access units are welcome */
};

/* error NULL: it was done; controls: what was asked for, or NULL. From the capture thread. */
typedef void (*capture_control_fn)(int id, const cJSON *controls, const char *error, void *data);


struct capture_stats {
	uint64_t captured, encoded, skipped, failed, damaged, keyframes, sent, dropped, bytes;
	int width, height, fps, bitrate_bps; /* of what is sent now */
	enum video_codec codec;
	uint64_t steps;			      /* how often size or rate changed */
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
/* level: of H.264, times ten, that the peer decodes; 0: not known. */
void capture_set_rate(struct capture *capture, int bitrate_bps, int level);
/* As in unit_channel.h. Any thread. Nothing is encoded before the first call. */
void capture_set_codec(struct capture *capture, enum video_codec codec, int slice_bytes);
/* Another profile for the stream: size and rate that are sent at most; bitrate_bps at most. */
void capture_set_profile(struct capture *capture, int width, int height, int fps, int bitrate_bps);
void capture_mute(struct capture *capture, bool on);   /* device open, nothing sent */
void capture_enable(struct capture *capture, bool on); /* device closed */
void capture_switch(struct capture *capture, const char *camera);
void capture_view(struct capture *capture, const char *view);
/* Sets the camera's controls, or with words NULL lists them; told answers, once, with id, unless capture ends. */
void capture_control(struct capture *capture, int id, const char *words, capture_control_fn told, void *data);
/* The newest frame, counted for the caller; NULL when there was none yet. */
struct frame *capture_newest(struct capture *capture);
void capture_stats(struct capture *capture, struct capture_stats *ret_stats);

#endif
