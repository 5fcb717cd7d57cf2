/* h264_quantiser: how coarse a picture is: the quantiser (0..51) that its slice header names, and whether the loop
 * filter runs behind it, of streams as openh264 writes them: no weights, picture order count type 0, initial
 * quantiser 26. Pure. */
#ifndef CALLBOX_DRIVERS_H264_QUANTISER_H
#define CALLBOX_DRIVERS_H264_QUANTISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nal: a slice, its header byte first. frame_num_bits: of the sequence parameter set; one more are the order count's.
 * -EBADMSG: not such a slice. */
int h264_quantiser(const uint8_t *nal, size_t size, int frame_num_bits, bool *ret_filtered);

#endif
