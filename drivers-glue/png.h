/* png: pictures as PNG files. Any thread. */
#ifndef CALLBOX_DRIVERS_GLUE_PNG_H
#define CALLBOX_DRIVERS_GLUE_PNG_H

#include "core/devices/picture.h"

/* The file is replaced as a whole, never half written. 0 or -errno. */
int png_save(const char *file, const struct picture *picture);
/* Reads into *ret_picture, which must be zero or a picture. */
int png_load(const char *file, struct picture *ret_picture);

#endif
