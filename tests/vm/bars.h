/* bars: the picture that vivid, and the USB camera of these tests, draw: eight vertical bars of 75 % colour, text and
 * counter above them. Judged by content, whatever way it came. Pure functions. */
#ifndef CALLBOX_TESTS_VM_BARS_H
#define CALLBOX_TESTS_VM_BARS_H

#include "core/devices/picture.h"

/* Mean of Y, U and V in a rectangle. */
void bars_mean(const struct picture *p, int x, int y, int width, int height, double yuv[3]);
/* Number of bars, left to right, that have their colour and are darker than the one before. */
int bars_right(const struct picture *p);

#endif
