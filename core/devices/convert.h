/* convert: any raw or JPEG frame as I420 of any size, video range: the software twin of what a GPU's picture
 * processor does. One thread a converter. */
#ifndef CALLBOX_DEVICES_CONVERT_H
#define CALLBOX_DEVICES_CONVERT_H

#include "core/devices/frame.h"

struct converter;

struct converter *converter_new(void); /* NULL: no memory */
void converter_free(struct converter *converter);

/* *ret_frame counts once: from itself, held, when it is what is asked for already, else a new one with from's
 * capture time. -EBADMSG: from is damaged (a JPEG without its end, too few bytes); -ENOTSUP: H.264, or a
 * frame that cannot be mapped. */
int convert(struct converter *converter, struct frame *from, int width, int height, struct frame **ret_frame);

/* The largest size within width x height that keeps from's aspect; never larger than from; even. */
void convert_fit(const struct frame *from, int width, int height, int *ret_width, int *ret_height);

#endif
