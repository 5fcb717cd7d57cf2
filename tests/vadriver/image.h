/* image: a program's view of pixels: memory of its own, or the surface's (vaDeriveImage). The image owns its
 * buffer. */
#ifndef TESTS_VADRIVER_IMAGE_H
#define TESTS_VADRIVER_IMAGE_H

#include "tests/vadriver/driver.h"

VAStatus image_query_formats(VADriverContextP va, VAImageFormat *formats, int *ret_count);
VAStatus image_create(VADriverContextP va, VAImageFormat *format, int width, int height, VAImage *ret);
VAStatus image_derive(VADriverContextP va, VASurfaceID id, VAImage *ret);
VAStatus image_destroy(VADriverContextP va, VAImageID id);
/* Same format on both sides; waits for the surface's jobs. */
VAStatus image_get(VADriverContextP va, VASurfaceID surface, int x, int y, unsigned int width,
		unsigned int height, VAImageID image);
VAStatus image_put(VADriverContextP va, VASurfaceID surface, VAImageID image, int from_x, int from_y,
		unsigned int from_width, unsigned int from_height, int to_x, int to_y,
		unsigned int to_width, unsigned int to_height);

#endif
