/* va_image: pixels between memory and surfaces: by a view of the surface itself where the driver derives one, else
 * by an image in between. On a guard's thread, every call. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_IMAGE_H
#define CALLBOX_DRIVERS_GLUE_VA_IMAGE_H

#include <stdbool.h>
#include <va/va.h>

#include "core/devices/frame.h"

/* How one display is used; zeroed is fresh, va_image_finish() frees. */
struct va_image {
	VADisplay display;
	bool no_derive; /* found out: it gives none, or of another format */
	VAImage between; /* image_id VA_INVALID_ID or width 0: none */
};

void va_image_init(struct va_image *image, VADisplay display);
void va_image_finish(struct va_image *image);

/* A mapped raw frame, video range, of the surface's size (NV12) into it. 0, -ENOTSUP for other formats, -EIO. */
int va_image_write(struct va_image *image, VASurfaceID surface, const struct frame *frame);
/* The surface as a new I420 frame in memory. */
int va_image_read(struct va_image *image, VASurfaceID surface, int width, int height, struct frame **ret_frame);

#endif
