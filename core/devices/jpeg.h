/* jpeg: a picture as one JPEG file in memory: full range, 4:2:0, as browsers read it. One thread a writer. */
#ifndef CALLBOX_DEVICES_JPEG_H
#define CALLBOX_DEVICES_JPEG_H

#include <stddef.h>

#include "core/devices/picture.h"

struct jpeg_writer;

struct jpeg_writer *jpeg_writer_new(void); /* NULL: no memory */
void jpeg_writer_free(struct jpeg_writer *writer);

/* quality: 1..100. *ret_bytes are the writer's, until the next call. 0 or -errno. */
int jpeg_write(struct jpeg_writer *writer, const struct picture *picture, int quality, const unsigned char **ret_bytes,
	       size_t *ret_size);

#endif
