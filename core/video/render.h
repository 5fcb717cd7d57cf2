/* render: access unit → decoder → view: one thread with its own loop, on which the unit channel is received.
 * Decodes when a unit is whole, shows at once. Owner: main thread, which makes every call. */
#ifndef CALLBOX_VIDEO_RENDER_H
#define CALLBOX_VIDEO_RENDER_H

#include <stdint.h>

#include "core/base/unit_channel.h"
#include "core/devices/frame.h"
#include "core/video/hardware.h"

struct render;
struct capture;

struct render_stats {
	uint64_t received, decoded, shown, errors, idr_requests;
	uint64_t bytes;
	int width, height;
	/* of remote test patterns */
	uint64_t pattern_frames, pattern_gaps; /* read, and numbers that never came */
	uint32_t pattern_number;
	double longest_freeze_ms; /* most time between two pictures shown */
	double latency_p50_ms, latency_p99_ms; /* capture to shown; both boxes on one machine only */
	enum video_codec codec; /* of the last unit */
	char decoder[64];
	unsigned int decoder_failures, decoder_switches, units_refused; /* as in decoding.h */
};

/* on_shown: the first picture, from the render thread, as is decoder->changed. */
struct render *render_start(const char *view, const struct hardware_rules *decoder, void (*on_shown)(void *data),
			    void *data);
void render_stop(struct render *render);

/* Takes fd, a unit channel to callbox-media: units of the peer come in, those of capture go out, and the
 * peer's wishes (IDR, rate, codec) reach capture. Replaces an earlier one. */
void render_units(struct render *render, int fd, struct capture *capture);
void render_view(struct render *render, const char *view);
/* The newest frame, counted for the caller; NULL when there was none yet. */
struct frame *render_newest(struct render *render);
void render_stats(struct render *render, struct render_stats *ret_stats);

#endif
