/* The software VA driver itself: its encoder's reconstruction is what libavcodec decodes, whatever the
 * personality; its decoder gives libavcodec's pictures; faults, time-outs, imports, conversions and the report are
 * as README.md says. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drmcommon.h>
#include <va/va_vpp.h>

#include "tests/vadriver/display.h"
#include "tests/vadriver/headers.h"
#include "tests/vadriver/stream.h"

/* ---- a display with a personality, and its report ---- */

struct place {
	VADisplay display;
	char *report;
};

static void place_open(struct place *place, const char *personality, const char *fault)
{
	int major, minor;
	g_autofree char *folder = g_build_filename(g_getenv("CALLBOX_BUILD"), "tests/vadriver", NULL);
	int fd = g_file_open_tmp("vadriver-XXXXXX", &place->report, NULL);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_setenv("CALLBOX_VA_PERSONALITY", personality, TRUE);
	g_setenv("CALLBOX_VA_FAULT", fault, TRUE);
	g_setenv("CALLBOX_VA_REPORT", place->report, TRUE);
	place->display = display_create(folder);
	g_assert_cmpint(vaInitialize(place->display, &major, &minor), ==, VA_STATUS_SUCCESS);
}

/* Terminates and returns the report. */
static char *place_close(struct place *place)
{
	char *text;
	g_assert_cmpint(vaTerminate(place->display), ==, VA_STATUS_SUCCESS);
	g_assert_true(g_file_get_contents(place->report, &text, NULL, NULL));
	g_unlink(place->report);
	g_free(place->report);
	return text;
}

static void assert_has(const char *report, const char *words)
{
	if (strstr(report, words) == NULL)
		g_error("the report lacks \"%s\":\n%s", words, report);
}

static void assert_clean(const char *report)
{
	assert_has(report, "summary: configs=0 contexts=0 surfaces=0 buffers=0 images=0 ");
	assert_has(report, " violations=0\n");
}

/* ---- pictures ---- */

/* From this number on pictures are black and white noise: the worst for an encoder. */
enum { NOISE = 1000 };

/* A moving, textured picture with some noise, the same for the same number. */
static void draw(uint8_t *luma, int pitch, uint8_t *chroma, int chroma_pitch, int width, int height, int number)
{
	uint32_t noise = 12345u + (uint32_t)number;
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			noise = noise * 1664525u + 1013904223u;
			int value = ((x + 3 * number) * 3 ^ (y + number) * 2) & 127;
			if (x > width / 2)
				value = (x + number) / 2 + y / 3;
			luma[y * pitch + x] = (uint8_t)(48 + (value & 127) + (int)(noise >> 29));
			if (number >= NOISE)
				luma[y * pitch + x] = noise >> 31 ? 255 : 0;
		}
	}
	for (int y = 0; y < (height + 1) / 2; y++) {
		for (int x = 0; x < (width + 1) / 2; x++) {
			chroma[y * chroma_pitch + 2 * x] = (uint8_t)(90 + ((x + number) & 63));
			chroma[y * chroma_pitch + 2 * x + 1] = (uint8_t)(90 + ((y * 2 + number) & 63));
			if (number >= NOISE)
				chroma[y * chroma_pitch + 2 * x] = luma[2 * y * pitch + 2 * x];
		}
	}
}

static void surface_draw(VADisplay display, VASurfaceID surface, int number)
{
	VAImageFormat format = { .fourcc = VA_FOURCC_NV12 };
	VAImage image;
	void *bytes;
	bool derived = vaDeriveImage(display, surface, &image) == VA_STATUS_SUCCESS;
	if (!derived)
		g_assert_cmpint(vaCreateImage(display, &format, STREAM_WIDTH, STREAM_HEIGHT, &image), ==, 0);
	g_assert_cmpint(vaMapBuffer(display, image.buf, &bytes), ==, VA_STATUS_SUCCESS);
	draw((uint8_t *)bytes + image.offsets[0], (int)image.pitches[0], (uint8_t *)bytes + image.offsets[1],
			(int)image.pitches[1], STREAM_WIDTH, STREAM_HEIGHT, number);
	vaUnmapBuffer(display, image.buf);
	if (!derived)
		g_assert_cmpint(vaPutImage(display, surface, image.image_id, 0, 0, STREAM_WIDTH, STREAM_HEIGHT,
						0, 0, STREAM_WIDTH, STREAM_HEIGHT), ==, VA_STATUS_SUCCESS);
	vaDestroyImage(display, image.image_id);
}

/* The surface without gaps: luma, then interleaved chroma. */
static GBytes *surface_read(VADisplay display, VASurfaceID surface)
{
	VAImageFormat format = { .fourcc = VA_FOURCC_NV12 };
	VAImage image;
	void *bytes;
	GByteArray *all = g_byte_array_new();
	g_assert_cmpint(vaCreateImage(display, &format, STREAM_WIDTH, STREAM_HEIGHT, &image), ==, 0);
	g_assert_cmpint(vaGetImage(display, surface, 0, 0, STREAM_WIDTH, STREAM_HEIGHT, image.image_id), ==, 0);
	g_assert_cmpint(vaMapBuffer(display, image.buf, &bytes), ==, VA_STATUS_SUCCESS);
	for (int y = 0; y < STREAM_HEIGHT * 3 / 2; y++) {
		int plane = y >= STREAM_HEIGHT, row = plane ? y - STREAM_HEIGHT : y;
		g_byte_array_append(all, (uint8_t *)bytes + image.offsets[plane] +
						(size_t)row * image.pitches[plane], STREAM_WIDTH);
	}
	vaUnmapBuffer(display, image.buf);
	vaDestroyImage(display, image.image_id);
	return g_byte_array_free_to_bytes(all);
}

/* ---- libavcodec's view ---- */

static GBytes *frame_bytes(const AVFrame *frame)
{
	GByteArray *all = g_byte_array_new();
	for (int y = 0; y < STREAM_HEIGHT; y++)
		g_byte_array_append(all, frame->data[0] + y * frame->linesize[0], STREAM_WIDTH);
	for (int y = 0; y < STREAM_HEIGHT / 2; y++) {
		for (int x = 0; x < STREAM_WIDTH / 2; x++) {
			const uint8_t pair[2] = { frame->data[1][y * frame->linesize[1] + x],
				frame->data[2][y * frame->linesize[2] + x] };
			g_byte_array_append(all, pair, 2);
		}
	}
	return g_byte_array_free_to_bytes(all);
}

/* Decodes access units in software; array of GBytes. */
static GPtrArray *software_decode(GPtrArray *units)
{
	GPtrArray *pictures = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	decoder->thread_count = 1;
	decoder->err_recognition = AV_EF_EXPLODE;
	g_assert_cmpint(avcodec_open2(decoder, NULL, NULL), ==, 0);
	for (guint i = 0; i <= units->len; i++) {
		if (i < units->len) {
			gsize size;
			const void *bytes = g_bytes_get_data(g_ptr_array_index(units, i), &size);
			g_assert_cmpint(av_new_packet(packet, (int)size), ==, 0);
			memcpy(packet->data, bytes, size);
		}
		g_assert_cmpint(avcodec_send_packet(decoder, i < units->len ? packet : NULL), ==, 0);
		av_packet_unref(packet);
		while (avcodec_receive_frame(decoder, frame) == 0) {
			g_assert_cmpint(frame->decode_error_flags, ==, 0);
			g_ptr_array_add(pictures, frame_bytes(frame));
		}
	}
	av_frame_free(&frame);
	av_packet_free(&packet);
	avcodec_free_context(&decoder);
	return pictures;
}

/* ---- tests ---- */

struct variant {
	const char *name, *personality;
	VAEntrypoint entrypoint;
	uint32_t rate_control, packed;
	int qp, slices, deblocking_idc, chroma_qp_offset;
	bool constrained_intra;
};

/* Encodes pictures through the driver; reconstruction must be what libavcodec decodes. Returns the units. */
static GPtrArray *encode_all(const struct variant *v, int pictures, unsigned int bits_per_second,
		char **ret_report)
{
	struct place place;
	struct stream stream;
	const struct stream_wish wish = { .entrypoint = v->entrypoint, .rate_control = v->rate_control,
		.packed = v->packed, .qp = v->qp, .slices = v->slices, .deblocking_idc = v->deblocking_idc,
		.chroma_qp_offset = v->chroma_qp_offset, .constrained_intra = v->constrained_intra,
		.bits_per_second = bits_per_second };
	GPtrArray *units = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(GPtrArray) reconstructed = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	place_open(&place, v->personality, "");
	stream_open(&stream, place.display, &wish);
	for (int i = 0; i < pictures; i++) {
		bool noise = v->rate_control == VA_RC_CQP && i % 5 == 4;
		surface_draw(place.display, stream.input, noise ? NOISE + i : i);
		g_assert_cmpint(stream_submit(&stream, i % 10 == 0), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(stream_wait(&stream, 10000), ==, VA_STATUS_SUCCESS);
		g_ptr_array_add(units, stream_take(&stream));
		g_ptr_array_add(reconstructed, surface_read(place.display, stream.reconstructed));
	}
	stream_close(&stream);
	*ret_report = place_close(&place);
	g_autoptr(GPtrArray) decoded = software_decode(units);
	g_assert_cmpuint(decoded->len, ==, (guint)pictures);
	for (int i = 0; i < pictures; i++) {
		if (!g_bytes_equal(decoded->pdata[i], reconstructed->pdata[i]))
			g_error("%s: picture %d is not the reconstruction", v->name, i);
	}
	return units;
}

static const struct variant variants[] = {
	{ "packed 31", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 26, 1, 0, 0, false },
	{ "packed 13", "packed=13,strict-order", VAEntrypointEncSlice, VA_RC_CQP, 13, 30, 1, 0, 0, false },
	{ "packed 1", "packed=1,strict-order", VAEntrypointEncSlice, VA_RC_CQP, 1, 30, 1, 0, 0, false },
	{ "packed 0", "packed=0,strict-order", VAEntrypointEncSlice, VA_RC_CQP, 0, 30, 1, 0, 0, false },
	{ "lowest QP", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 0, 1, 0, -12, false },
	{ "QP 10", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 10, 1, 1, 0, false },
	{ "highest QP", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 51, 1, 0, 12, false },
	{ "QP 40, four slices", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 40, 4, 0, 0, false },
	{ "three slices, no filter between", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 34, 3, 2, 3,
			false },
	{ "low power", "lp-only,cqp-only,odd-pitch,no-derive,segments,strict-order", VAEntrypointEncSliceLP,
			VA_RC_CQP, 31, 28, 2, 0, 0, false },
	{ "CBR", "strict-order", VAEntrypointEncSlice, VA_RC_CBR, 31, 30, 1, 0, 0, false },
	{ "VBR, driver's headers", "packed=0,strict-order", VAEntrypointEncSlice, VA_RC_VBR, 0, 30, 2, 0, -2,
			false },
	{ "constrained intra", "strict-order", VAEntrypointEncSlice, VA_RC_CQP, 31, 36, 1, 0, -5, true },
};

static void test_encode(gconstpointer data)
{
	const struct variant *v = data;
	g_autofree char *report = NULL;
	g_autoptr(GPtrArray) units = encode_all(v, 12, 1000000, &report);
	assert_clean(report);
	assert_has(report, " encoded=12 ");
	g_assert_cmpuint(units->len, ==, 12);
}

static void test_rate(void)
{
	static const unsigned int rates[] = { 300000, 1000000, 3000000 };
	for (size_t r = 0; r < G_N_ELEMENTS(rates); r++) {
		g_autofree char *report = NULL;
		size_t bytes = 0;
		g_autoptr(GPtrArray) units = encode_all(&variants[10], 60, rates[r], &report);
		for (guint i = 0; i < units->len; i++)
			bytes += g_bytes_get_size(units->pdata[i]);
		double got = (double)bytes * 8 / 2;
		g_test_message("%u bit/s wanted, %.0f came", rates[r], got);
		g_assert_cmpfloat(got, <, rates[r] * 1.3);
		g_assert_cmpfloat(got, >, rates[r] * 0.7);
		assert_clean(report);
	}
}

/* A rate that falls in mid-stream is met without an IDR. */
static void test_rate_change(void)
{
	struct place place;
	struct stream stream;
	const struct stream_wish wish = { .entrypoint = VAEntrypointEncSlice, .rate_control = VA_RC_CBR,
		.packed = 31, .qp = 30, .slices = 1, .bits_per_second = 1500000 };
	size_t bytes[3] = { 0 };
	place_open(&place, "strict-order", "");
	stream_open(&stream, place.display, &wish);
	for (int i = 0; i < 90; i++) {
		if (i == 30)
			stream.wish.bits_per_second = 300000;
		surface_draw(place.display, stream.input, i);
		g_assert_cmpint(stream_submit(&stream, i == 0), ==, VA_STATUS_SUCCESS);
		g_autoptr(GBytes) unit = stream_take(&stream);
		bytes[i / 30] += g_bytes_get_size(unit);
	}
	g_test_message("%zu, %zu, %zu bytes a second", bytes[0], bytes[1], bytes[2]);
	g_assert_cmpuint(bytes[0] * 8, >, 1000000);
	g_assert_cmpuint(bytes[1] * 8, <, 450000);
	g_assert_cmpuint(bytes[2] * 8, <, 390000);
	g_assert_cmpuint(bytes[2] * 8, >, 210000);
	stream_close(&stream);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
}

/* What the driver's encoder makes, its decoder reads: the same pictures as libavcodec. */
static void test_decode(void)
{
	struct place place;
	g_autofree char *encode_report = NULL;
	g_autoptr(GPtrArray) units = encode_all(&variants[7], 25, 0, &encode_report);
	g_autoptr(GPtrArray) software = software_decode(units);
	place_open(&place, "odd-pitch", "");
	struct stream_reader reader;
	stream_reader_open(&reader, place.display);
	for (guint i = 0; i < units->len; i++) {
		VASurfaceID surface;
		VASurfaceStatus status;
		g_assert_cmpint(stream_reader_decode(&reader, units->pdata[i], &surface), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(vaSyncSurface(place.display, surface), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(vaQuerySurfaceStatus(place.display, surface, &status), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(status, ==, VASurfaceReady);
		g_autoptr(GBytes) picture = surface_read(place.display, surface);
		g_assert_true(g_bytes_equal(picture, software->pdata[i]));
	}
	stream_reader_close(&reader);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
	assert_has(report, " decoded=25 ");
}

static const struct stream_wish plain_wish = { .entrypoint = VAEntrypointEncSlice, .rate_control = VA_RC_CQP,
	.packed = 31, .qp = 30, .slices = 1 };

/* Encodes pictures up to number; the status of the wait for the last. */
static VAStatus encode_to(struct place *place, struct stream *stream, int number, unsigned int timeout_ms)
{
	stream_open(stream, place->display, &plain_wish);
	for (int i = 1; i < number; i++) {
		surface_draw(place->display, stream->input, i);
		g_assert_cmpint(stream_submit(stream, i == 1), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(stream_wait(stream, 10000), ==, VA_STATUS_SUCCESS);
		g_bytes_unref(stream_take(stream));
	}
	surface_draw(place->display, stream->input, number);
	g_assert_cmpint(stream_submit(stream, number == 1), ==, VA_STATUS_SUCCESS);
	return stream_wait(stream, timeout_ms);
}

static void test_error(void)
{
	struct place place;
	struct stream stream;
	place_open(&place, "", "error@3#1,silent-error@2#2");
	g_assert_cmpint(encode_to(&place, &stream, 3, 10000), ==, VA_STATUS_ERROR_ENCODING_ERROR);
	g_assert_cmpint(vaSyncSurface(place.display, stream.input), ==, VA_STATUS_ERROR_ENCODING_ERROR);
	g_assert_cmpuint(stream_status(&stream) & VA_CODED_BUF_STATUS_BAD_BITSTREAM, !=, 0);
	stream_close(&stream);
	g_assert_cmpint(encode_to(&place, &stream, 2, 10000), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaSyncSurface(place.display, stream.input), ==, VA_STATUS_SUCCESS);
	g_assert_cmpuint(stream_status(&stream) & VA_CODED_BUF_STATUS_BAD_BITSTREAM, !=, 0);
	stream_close(&stream);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
	assert_has(report, " encoded=3 ");
	assert_has(report, " failed=2 ");
}

static void test_hang(void)
{
	struct place place;
	struct stream stream;
	VASurfaceStatus status;
	place_open(&place, "", "encode:hang@2#1");
	g_assert_cmpint(encode_to(&place, &stream, 2, 100), ==, VA_STATUS_ERROR_TIMEDOUT);
	g_assert_cmpint(vaSyncSurface2(place.display, stream.input, 10000000), ==, VA_STATUS_ERROR_TIMEDOUT);
	g_assert_cmpint(vaQuerySurfaceStatus(place.display, stream.input, &status), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(status, ==, VASurfaceRendering);
	stream_close(&stream); /* frees the worker */
	g_assert_cmpint(encode_to(&place, &stream, 3, 10000), ==, VA_STATUS_SUCCESS);
	stream_close(&stream);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
	assert_has(report, " encoded=4 ");
	assert_has(report, " failed=1 ");
}

static void *destroy_context(void *data)
{
	const struct stream *stream = data;
	vaDestroyContext(stream->display, stream->context);
	g_error("vaDestroyContext came back");
	return NULL;
}

/* Nothing brings a stuck job back; the process can still end. */
static void test_stuck(void)
{
	if (g_test_subprocess()) {
		struct place place;
		struct stream stream;
		place_open(&place, "", "stuck@2");
		g_assert_cmpint(encode_to(&place, &stream, 2, 100), ==, VA_STATUS_ERROR_TIMEDOUT);
		g_thread_unref(g_thread_new("destroy", destroy_context, &stream));
		g_assert_cmpint(stream_wait(&stream, 200), ==, VA_STATUS_ERROR_TIMEDOUT);
		g_unlink(place.report);
		_exit(0);
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

static void test_latency(void)
{
	struct place place;
	struct stream stream;
	place_open(&place, "", "latency=300@2");
	gint64 before = g_get_monotonic_time();
	g_assert_cmpint(encode_to(&place, &stream, 2, 100), ==, VA_STATUS_ERROR_TIMEDOUT);
	g_assert_cmpint(stream_wait(&stream, 20000), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(g_get_monotonic_time() - before, >=, 300000);
	stream_close(&stream);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
}

static void test_corrupt(void)
{
	struct place place;
	struct stream stream;
	place_open(&place, "", "corrupt@2");
	g_assert_cmpint(encode_to(&place, &stream, 2, 10000), ==, VA_STATUS_SUCCESS);
	g_autoptr(GBytes) unit = stream_take(&stream);
	const uint8_t *bytes = g_bytes_get_data(unit, NULL);
	g_assert_cmpint(bytes[4] & 31, !=, NAL_SLICE);
	stream_close(&stream);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
}

static void test_refuse(void)
{
	struct place place;
	VAConfigID config;
	VAContextID context;
	place_open(&place, "no-sync-buffer,no-decode,no-proc", "encode:refuse#1");
	g_assert_cmpint(vaCreateConfig(place.display, VAProfileH264Main, VAEntrypointVLD, NULL, 0, &config), !=, 0);
	g_assert_cmpint(vaCreateConfig(place.display, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config), !=,
			0);
	g_assert_cmpint(vaCreateConfig(place.display, VAProfileH264ConstrainedBaseline, VAEntrypointEncSlice, NULL,
					0, &config), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaCreateContext(place.display, config, 64, 64, 0, NULL, 0, &context), ==,
			VA_STATUS_ERROR_ALLOCATION_FAILED);
	g_assert_cmpint(vaCreateContext(place.display, config, 64, 64, 0, NULL, 0, &context), ==,
			VA_STATUS_SUCCESS);
	g_assert_cmpint(vaSyncBuffer(place.display, 1, 0), ==, VA_STATUS_ERROR_UNIMPLEMENTED);
	vaDestroyContext(place.display, context);
	vaDestroyConfig(place.display, config);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
}

/* In a process of their own: abort@2 ends it, and one that forgets vaTerminate is named. */
static void test_process(gconstpointer fault)
{
	if (g_test_subprocess()) {
		struct place place = { .report = NULL };
		struct stream stream;
		int major, minor;
		g_autofree char *folder = g_build_filename(g_getenv("CALLBOX_BUILD"), "tests/vadriver", NULL);
		g_setenv("CALLBOX_VA_PERSONALITY", "", TRUE);
		g_setenv("CALLBOX_VA_FAULT", fault, TRUE);
		place.display = display_create(folder);
		g_assert_cmpint(vaInitialize(place.display, &major, &minor), ==, VA_STATUS_SUCCESS);
		g_assert_cmpint(encode_to(&place, &stream, 2, 10000), ==, VA_STATUS_SUCCESS);
		exit(0);
	}
	g_autofree char *path = NULL, *text = NULL;
	int fd = g_file_open_tmp("vadriver-XXXXXX", &path, NULL);
	close(fd);
	g_setenv("CALLBOX_VA_REPORT", path, TRUE);
	g_test_trap_subprocess(NULL, 0, 0);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	if (*(const char *)fault != '\0') {
		g_test_trap_assert_failed();
		g_assert_cmpstr(text, ==, "");
	} else {
		assert_has(text, "violation: exit: vaTerminate was not called\n");
		assert_has(text, "summary: configs=1 contexts=1 surfaces=3 buffers=1 images=0 encoded=2 ");
	}
}

/* Everything that the report must name. */
static void test_report(void)
{
	struct place place;
	struct stream stream;
	VASurfaceID surface;
	place_open(&place, "strict-order", "");
	stream_open(&stream, place.display, &plain_wish);
	surface_draw(place.display, stream.input, 0);
	stream.mistakes = MISTAKE_ORDER | MISTAKE_NO_HEADERS;
	g_assert_cmpint(stream_submit(&stream, true), ==, VA_STATUS_SUCCESS);
	stream_wait(&stream, 10000);
	stream.mistakes = MISTAKE_WRONG_HEADER;
	g_assert_cmpint(stream_submit(&stream, true), ==, VA_STATUS_SUCCESS);
	stream_wait(&stream, 10000);
	stream_close(&stream);
	g_assert_cmpint(vaSyncSurface(place.display, stream.input), ==, VA_STATUS_ERROR_INVALID_SURFACE);
	g_assert_cmpint(vaCreateSurfaces(place.display, VA_RT_FORMAT_YUV420, 64, 64, &surface, 1, NULL, 0), ==, 0);
	g_autofree char *report = place_close(&place);
	assert_has(report, "violation: order: sequence parameters after picture parameters\n");
	assert_has(report, "violation: missing: packed sequence headers are announced, an IDR has no SPS\n");
	assert_has(report, "violation: missing: packed picture headers are announced, an IDR has no PPS\n");
	assert_has(report, "violation: missing: packed slice headers are announced, slice 0 has none\n");
	assert_has(report, "violation: mismatch: slice: frame_num is ");
	assert_has(report, " is destroyed\n");
	assert_has(report, "summary: configs=0 contexts=0 surfaces=1 buffers=0 images=0 ");
}

static VAStatus import(VADisplay display, int fd, uint32_t pitch, VASurfaceID *ret)
{
	VADRMPRIMESurfaceDescriptor d = { .fourcc = VA_FOURCC_NV12, .width = STREAM_WIDTH,
		.height = STREAM_HEIGHT, .num_objects = 1, .num_layers = 1 };
	VASurfaceAttrib a[3] = {
		{ .type = VASurfaceAttribPixelFormat, .flags = VA_SURFACE_ATTRIB_SETTABLE,
				.value = { .type = VAGenericValueTypeInteger, .value.i = VA_FOURCC_NV12 } },
		{ .type = VASurfaceAttribMemoryType, .flags = VA_SURFACE_ATTRIB_SETTABLE,
				.value = { .type = VAGenericValueTypeInteger,
						.value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2 } },
		{ .type = VASurfaceAttribExternalBufferDescriptor, .flags = VA_SURFACE_ATTRIB_SETTABLE,
				.value = { .type = VAGenericValueTypePointer, .value.p = &d } },
	};
	d.objects[0].fd = fd;
	d.objects[0].size = pitch * STREAM_HEIGHT * 3 / 2;
	d.layers[0].num_planes = 2;
	d.layers[0].pitch[0] = d.layers[0].pitch[1] = pitch;
	d.layers[0].offset[1] = pitch * STREAM_HEIGHT;
	return vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH, STREAM_HEIGHT, ret, 1, a, 3);
}

/* A picture in foreign memory is encoded as one of the driver's own; an exported surface shows its pixels. */
static void test_import_export(void)
{
	enum { PITCH = STREAM_WIDTH + 120 };
	struct place place;
	struct stream stream;
	VASurfaceID imported, own;
	VADRMPRIMESurfaceDescriptor exported;
	int fd = memfd_create("camera", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(fd, PITCH * STREAM_HEIGHT * 3 / 2), ==, 0);
	uint8_t *bytes = mmap(NULL, PITCH * STREAM_HEIGHT * 3 / 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	draw(bytes, PITCH, bytes + PITCH * STREAM_HEIGHT, PITCH, STREAM_WIDTH, STREAM_HEIGHT, 5);
	place_open(&place, "import-pitch=32", "");
	g_assert_cmpint(import(place.display, fd, PITCH - 2, &imported), ==, VA_STATUS_ERROR_INVALID_PARAMETER);
	g_assert_cmpint(import(place.display, fd, PITCH * 2, &imported), ==, VA_STATUS_ERROR_INVALID_PARAMETER);
	g_assert_cmpint(import(place.display, fd, PITCH, &imported), ==, VA_STATUS_SUCCESS);
	close(fd);
	stream_open(&stream, place.display, &plain_wish);
	own = stream.input;
	surface_draw(place.display, own, 5);
	g_assert_cmpint(stream_submit(&stream, true), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(stream_wait(&stream, 10000), ==, VA_STATUS_SUCCESS);
	g_autoptr(GBytes) first = stream_take(&stream);
	stream_restart(&stream);
	stream.input = imported;
	g_assert_cmpint(stream_submit(&stream, true), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(stream_wait(&stream, 10000), ==, VA_STATUS_SUCCESS);
	g_autoptr(GBytes) second = stream_take(&stream);
	g_assert_true(g_bytes_equal(first, second));
	g_assert_cmpint(vaExportSurfaceHandle(place.display, own, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
					VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &exported),
			==, VA_STATUS_SUCCESS);
	const uint8_t *seen = mmap(NULL, exported.objects[0].size, PROT_READ, MAP_SHARED, exported.objects[0].fd, 0);
	g_assert_true(seen != MAP_FAILED);
	for (uint32_t y = 0; y < STREAM_HEIGHT; y++)
		g_assert_cmpmem(seen + exported.layers[0].offset[0] + y * exported.layers[0].pitch[0], STREAM_WIDTH,
				bytes + y * PITCH, STREAM_WIDTH);
	munmap((void *)seen, exported.objects[0].size);
	close(exported.objects[0].fd);
	munmap(bytes, PITCH * STREAM_HEIGHT * 3 / 2);
	stream.input = own;
	stream_close(&stream);
	vaDestroySurfaces(place.display, &imported, 1);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
	assert_has(report, " imports=1 exports=1 ");
}

static void test_no_import(void)
{
	struct place place;
	VASurfaceID surface;
	int fd = memfd_create("camera", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(fd, STREAM_WIDTH * STREAM_HEIGHT * 3 / 2), ==, 0);
	place_open(&place, "no-import", "");
	g_assert_cmpint(import(place.display, fd, STREAM_WIDTH, &surface), ==,
			VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE);
	close(fd);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
}

/* Grey of one format is the same grey in the other, at half the size. */
static void test_proc(void)
{
	static const uint32_t formats[] = { VA_FOURCC_NV12, VA_FOURCC_YUY2, VA_FOURCC_BGRX };
	struct place place;
	VAConfigID config;
	VAContextID context;
	VASurfaceID from, middle, to;
	place_open(&place, "odd-pitch", "");
	VADisplay display = place.display;
	g_assert_cmpint(vaCreateConfig(display, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config), ==, 0);
	g_assert_cmpint(vaCreateContext(display, config, 0, 0, 0, NULL, 0, &context), ==, 0);
	for (size_t f = 0; f < G_N_ELEMENTS(formats); f++) {
		VASurfaceAttrib a = { .type = VASurfaceAttribPixelFormat, .flags = VA_SURFACE_ATTRIB_SETTABLE,
			.value = { .type = VAGenericValueTypeInteger, .value.i = (int)formats[f] } };
		g_assert_cmpint(vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH, STREAM_HEIGHT, &from,
						1, NULL, 0), ==, 0);
		g_assert_cmpint(vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH * 2,
						STREAM_HEIGHT * 2, &middle, 1, &a, 1), ==, 0);
		g_assert_cmpint(vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH, STREAM_HEIGHT, &to, 1,
						NULL, 0), ==, 0);
		surface_draw(display, from, 3);
		const VASurfaceID way[3] = { from, middle, to };
		for (int step = 0; step < 2; step++) {
			VAProcPipelineParameterBuffer pipeline = { .surface = way[step] };
			VABufferID buffer;
			g_assert_cmpint(vaCreateBuffer(display, context, VAProcPipelineParameterBufferType,
							sizeof(pipeline), 1, &pipeline, &buffer), ==, 0);
			g_assert_cmpint(vaBeginPicture(display, context, way[step + 1]), ==, 0);
			g_assert_cmpint(vaRenderPicture(display, context, &buffer, 1), ==, 0);
			g_assert_cmpint(vaEndPicture(display, context), ==, 0);
			vaDestroyBuffer(display, buffer);
		}
		g_assert_cmpint(vaSyncSurface(display, to), ==, VA_STATUS_SUCCESS);
		g_autoptr(GBytes) before = surface_read(display, from), after = surface_read(display, to);
		const uint8_t *b = g_bytes_get_data(before, NULL), *c = g_bytes_get_data(after, NULL);
		double error = 0;
		for (size_t i = 0; i < STREAM_WIDTH * STREAM_HEIGHT; i++)
			error += ABS(b[i] - c[i]);
		g_test_message("format %zu: mean difference %.2f", f, error / (STREAM_WIDTH * STREAM_HEIGHT));
		g_assert_cmpfloat(error / (STREAM_WIDTH * STREAM_HEIGHT), <, 6);
		vaDestroySurfaces(display, &from, 1);
		vaDestroySurfaces(display, &middle, 1);
		vaDestroySurfaces(display, &to, 1);
	}
	vaDestroyContext(display, context);
	vaDestroyConfig(display, config);
	g_autofree char *report = place_close(&place);
	assert_clean(report);
	assert_has(report, " processed=6 ");
}

static void test_words(void)
{
	int major, minor;
	static const char *const wrong[][2] = { { "packed=32", "" }, { "", "hang@" }, { "quick", "" },
		{ "", "explode@1" }, { "", "hang@1#x" } };
	g_autofree char *folder = g_build_filename(g_getenv("CALLBOX_BUILD"), "tests/vadriver", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_setenv("CALLBOX_VA_PERSONALITY", wrong[i][0], TRUE);
		g_setenv("CALLBOX_VA_FAULT", wrong[i][1], TRUE);
		VADisplay display = display_create(folder);
		g_assert_cmpint(vaInitialize(display, &major, &minor), !=, VA_STATUS_SUCCESS);
		vaTerminate(display);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
		g_autofree char *path = g_strdup_printf("/vadriver/encode/%s", variants[i].name);
		g_test_add_data_func(path, &variants[i], test_encode);
	}
	g_test_add_func("/vadriver/rate", test_rate);
	g_test_add_func("/vadriver/rate change", test_rate_change);
	g_test_add_func("/vadriver/decode", test_decode);
	g_test_add_data_func("/vadriver/abort", "abort@2", test_process);
	g_test_add_data_func("/vadriver/exit", "", test_process);
	g_test_add_func("/vadriver/error", test_error);
	g_test_add_func("/vadriver/hang", test_hang);
	g_test_add_func("/vadriver/stuck", test_stuck);
	g_test_add_func("/vadriver/latency", test_latency);
	g_test_add_func("/vadriver/corrupt", test_corrupt);
	g_test_add_func("/vadriver/refuse", test_refuse);
	g_test_add_func("/vadriver/report", test_report);
	g_test_add_func("/vadriver/import and export", test_import_export);
	g_test_add_func("/vadriver/no import", test_no_import);
	g_test_add_func("/vadriver/proc", test_proc);
	g_test_add_func("/vadriver/words", test_words);
	return g_test_run();
}
