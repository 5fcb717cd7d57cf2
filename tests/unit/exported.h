/* exported: frames that lie in a file of memory and offer it as a dma-buf, as a camera's do. */
#ifndef CALLBOX_TESTS_UNIT_EXPORTED_H
#define CALLBOX_TESTS_UNIT_EXPORTED_H

#include "core/devices/frame.h"

/* Takes an I420 frame; the same picture as FRAME_NV12 or FRAME_YUYV, in memory and as a dma-buf. */
struct frame *exported_of(struct frame *i420, enum frame_format format);

#endif
