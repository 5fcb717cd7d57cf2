/* va_encode: one H.264 stream on a VA-API encoder: constrained baseline, one reference, no reordering, an IDR on
 * request only. Opening codes a few pictures of its own, decodes them in software and looks at them; the first that
 * is given is looked at too, before it leaves.
 * On a guard's thread, every call: the driver may hang in any of them. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_ENCODE_H
#define CALLBOX_DRIVERS_GLUE_VA_ENCODE_H

#include "core/devices/encoder.h"
#include "drivers-glue/va_input.h"

struct va_encode;

/* address: a render node, or "" for the first that can. 0, or -errno with words for people in why. */
int va_encode_open(const char *address, const struct encoder_wish *wish, struct va_encode **ret_encode, char *why,
		   size_t why_bytes);
/* 0; -EBADMSG: the frame is damaged; other errors, -ETIMEDOUT too: good for close only. */
int va_encode_picture(struct va_encode *encode, struct frame *frame, bool idr, struct encoded *ret_encoded);
/* From the next picture on; no IDR comes of it. Any thread that makes no other call at the time. */
void va_encode_set_rate(struct va_encode *encode, int bitrate_bps, int fps);
void va_encode_close(struct va_encode *encode);

void va_encode_describe(const struct va_encode *encode, char *text, size_t text_bytes);
bool va_encode_scales(const struct va_encode *encode);
void va_encode_counts(const struct va_encode *encode, struct va_input_counts *ret_counts);
/* What the driver holds of the last picture as the reference of the next: what decoders must have too. */
int va_encode_reference(struct va_encode *encode, struct frame **ret_frame);

#endif
