/* va_input: frames as surfaces of one size for a VA-API encoder: a dma-buf as it is where the driver takes it,
 * what lies in memory copied; scaled and converted by the driver's picture processor where it has one, else by
 * libyuv. What the driver refused once is not tried again. On a guard's thread, every call. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_INPUT_H
#define CALLBOX_DRIVERS_GLUE_VA_INPUT_H

#include <stdbool.h>
#include <va/va.h>

#include "core/devices/frame.h"

struct va_input;

struct va_input_counts {
	unsigned int imported, copied, processed; /* frames that came this way */
};

/* processes: the driver has a picture processor. 0 or -errno. */
int va_input_open(VADisplay display, int width, int height, bool processes, struct va_input **ret_input);
void va_input_close(struct va_input *input);

/* Pure: whether a frame should be given as it is, rather than converted by the caller. */
bool va_input_takes(const struct frame *frame, int width, int height, bool processes);
/* *ret_surface lives until the next but two calls, and shows the frame as long as that is held. -EBADMSG: the
 * frame is damaged; other errors: the driver failed. */
int va_input_surface(struct va_input *input, struct frame *frame, VASurfaceID *ret_surface);
void va_input_counts(const struct va_input *input, struct va_input_counts *ret_counts);

#endif
