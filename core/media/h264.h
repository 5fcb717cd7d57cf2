/* h264: the H.264 RTP payload, RFC 6184, packetization mode 1 out (single NAL unit, STAP-A, FU-A), the same
 * in. Pure. */
#ifndef CALLBOX_MEDIA_H264_H
#define CALLBOX_MEDIA_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H264_PAYLOAD_MAX 1150 /* fits 1200 bytes of path with RTP, RTX and SRTP around it */

/* Cuts an Annex B access unit into payloads, given to put in order; last: the marker belongs there.
 * Small parameter sets share one STAP-A. -EBADMSG when no NAL unit is found. */
int h264_cut(const uint8_t *unit, size_t size, void (*put)(const uint8_t *payload, size_t bytes, bool last, void *data),
	     void *data);

/* Appends one payload's NAL units to an Annex B buffer. *fragment: whether an FU-A is open; zero it at an
 * access unit's begin. -EBADMSG: malformed, -EMSGSIZE: unit would exceed capacity. */
int h264_join(const uint8_t *payload, size_t bytes, uint8_t *unit, size_t *size, size_t capacity, bool *fragment);

/* Whether an Annex B unit holds an IDR slice. */
bool h264_is_keyframe(const uint8_t *unit, size_t size);

#endif
