/* h264: the H.264 RTP payload, RFC 6184: packetization mode 1 out (single NAL unit, STAP-A, FU-A) or mode 0 (single NAL
 * unit only), both in. Pure. */
#ifndef CALLBOX_MEDIA_H264_H
#define CALLBOX_MEDIA_H264_H

#include "core/media/payload.h"

/* Cuts an Annex B access unit into payloads, given to put in order; last: the marker belongs there.
 * Small parameter sets share one STAP-A. -EBADMSG when no NAL unit is found. */
int h264_cut(const uint8_t *unit, size_t size, payload_put put, void *data);
/* The same without aggregates and fragments. -EMSGSIZE: a NAL unit is larger than a payload; nothing was put. */
int h264_cut_single(const uint8_t *unit, size_t size, payload_put put, void *data);

/* Appends one payload's NAL units to an Annex B buffer. *fragment: whether an FU-A is open; zero it at an
 * access unit's begin. -EBADMSG: malformed, -EMSGSIZE: unit would exceed capacity. */
int h264_join(const uint8_t *payload, size_t bytes, uint8_t *unit, size_t *size, size_t capacity, bool *fragment);

/* Whether an Annex B unit holds an IDR slice. */
bool h264_is_keyframe(const uint8_t *unit, size_t size);

#endif
