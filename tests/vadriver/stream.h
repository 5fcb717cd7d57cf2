/* stream: a small program on libva, for tests: encodes pictures of one size with headers of its own, or decodes
 * what such a stream is made of. One picture in flight. It is made on one thread and asserts what must hold. */
#ifndef TESTS_VADRIVER_STREAM_H
#define TESTS_VADRIVER_STREAM_H

#include <glib.h>
#include <va/va.h>
#include <va/va_enc_h264.h>

#include "tests/vadriver/headers.h"

/* No multiple of 16. */
enum { STREAM_WIDTH = 200, STREAM_HEIGHT = 120, STREAM_MBS_X = 13, STREAM_MBS_Y = 8 };

struct stream_wish {
	VAEntrypoint entrypoint;
	uint32_t rate_control, packed; /* VA_RC_..., VA_ENC_PACKED_HEADER_... */
	int qp, slices, deblocking_idc, chroma_qp_offset;
	bool constrained_intra;
	unsigned int bits_per_second;
};

/* What to do wrong in the next picture. */
enum { MISTAKE_ORDER = 1, MISTAKE_NO_HEADERS = 2, MISTAKE_WRONG_HEADER = 4 };

struct stream {
	VADisplay display;
	struct stream_wish wish;
	VAConfigID config;
	VAContextID context;
	VASurfaceID input; /* draw into it before stream_submit */
	VASurfaceID reconstructed; /* of the last picture */
	VASurfaceID spare[2];
	VABufferID coded;
	unsigned int frame_num, idr_pic_id, mistakes, submitted;
	GArray *buffers; /* VABufferID of the picture being rendered */
};

void stream_open(struct stream *stream, VADisplay display, const struct stream_wish *wish);
void stream_close(struct stream *stream);
/* The next picture begins as if it were the first. */
void stream_restart(struct stream *stream);
VAStatus stream_submit(struct stream *stream, bool idr);
VAStatus stream_wait(const struct stream *stream, unsigned int timeout_ms);
/* The finished access unit; all segments. */
GBytes *stream_take(const struct stream *stream);
/* Status of the first segment. */
uint32_t stream_status(const struct stream *stream);

struct stream_reader {
	VADisplay display;
	VAConfigID config;
	VAContextID context;
	VASurfaceID surfaces[2];
	unsigned int decoded;
	struct h264_sps sps;
	struct h264_pps pps;
};

void stream_reader_open(struct stream_reader *reader, VADisplay display);
void stream_reader_close(struct stream_reader *reader);
/* One access unit; the picture is in ret_surface after a sync, until the one after next. */
VAStatus stream_reader_decode(struct stream_reader *reader, GBytes *unit, VASurfaceID *ret_surface);

#endif
