/* va_picture: the parameter buffers of one coded picture, made in the order that every driver takes: sequence, picture,
 * miscellaneous, packed headers, slice. On a guard's thread, every call. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_PICTURE_H
#define CALLBOX_DRIVERS_GLUE_VA_PICTURE_H

#include "drivers-glue/h264_write.h"
#include "drivers-glue/va_probe.h"

#define VA_PICTURE_BUFFERS 16

struct va_picture {
	VADisplay display;
	VAContextID context;
	VABufferID coded;
	struct va_choice choice;
	struct h264_sequence sequence;
	int bitrate_bps;
	bool rate_changed; /* since the picture before */
	struct h264_slice slice;
	VASurfaceID reconstructed, reference; /* made by this picture; what it refers to */
	VABufferID buffers[VA_PICTURE_BUFFERS];
	int buffer_count;
};

/* Makes the buffers; those of a failure stay for va_picture_clear(). 0 or -errno. */
int va_picture_fill(struct va_picture *picture);
void va_picture_clear(struct va_picture *picture);

/* What a failed call of the driver means here, logged but for a time-out: -EIO or -ETIMEDOUT. */
int va_failed(const char *call, VAStatus status);

#endif
