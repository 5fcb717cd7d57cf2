/* H.264 headers of our own making, read back by libavcodec and by our own reader: a stream of uncompressed
 * macroblocks under them decodes bit by bit; the watch lets through what can be decoded and nothing else. */
#include <errno.h>
#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <string.h>

#include "core/devices/convert.h"
#include "core/devices/h264_stream.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/h264_write.h"
#include "drivers-glue/pattern.h"

/* ---- a slice's data after its header ---- */

struct unit {
	GByteArray *bytes;
	uint32_t held;
	unsigned int bits;
	int zeros;
};

static void byte_put(struct unit *unit, uint8_t byte)
{
	const uint8_t three = 3;
	if (unit->zeros >= 2 && byte <= 3) {
		g_byte_array_append(unit->bytes, &three, 1);
		unit->zeros = 0;
	}
	unit->zeros = byte == 0 ? unit->zeros + 1 : 0;
	g_byte_array_append(unit->bytes, &byte, 1);
}

static void bits_put(struct unit *unit, unsigned int count, uint32_t value)
{
	for (unsigned int i = count; i-- > 0;) {
		unit->held = unit->held << 1 | (value >> i & 1);
		if (++unit->bits == 8) {
			byte_put(unit, (uint8_t)unit->held);
			unit->held = unit->bits = 0;
		}
	}
}

static void ue_put(struct unit *unit, uint32_t value)
{
	unsigned int length = 32 - (unsigned int)__builtin_clz(value + 1);
	bits_put(unit, length - 1, 0);
	bits_put(unit, length, value + 1);
}

static void header_put(struct unit *unit, const struct h264_header *header)
{
	size_t whole = header->bits / 8;
	g_byte_array_append(unit->bytes, header->bytes, (guint)whole);
	unit->zeros = 0;
	if (header->bits % 8)
		bits_put(unit, header->bits % 8, header->bytes[whole] >> (8 - header->bits % 8));
}

static void end(struct unit *unit)
{
	bits_put(unit, 1, 1);
	while (unit->bits)
		bits_put(unit, 1, 0);
}

/* Every macroblock as it is (mb_type I_PCM). The picture's sides are multiples of 16 or it is cut. */
static void pcm_put(struct unit *unit, const struct picture *p)
{
	for (int y = 0; y < (p->height + 15) / 16; y++)
		for (int x = 0; x < (p->width + 15) / 16; x++) {
			ue_put(unit, 25);
			while (unit->bits)
				bits_put(unit, 1, 0);
			for (int i = 0; i < 3; i++) {
				int side = i ? 8 : 16, h = i ? p->height / 2 : p->height, w = i ? p->width / 2 : p->width;
				for (int k = 0; k < side * side; k++) {
					int row = MIN(y * side + k / side, h - 1);
					int column = MIN(x * side + k % side, w - 1);
					byte_put(unit, p->planes[i][row * p->strides[i] + column]);
				}
			}
		}
}

static GByteArray *idr_unit(const struct h264_sequence *sequence, const struct picture *p)
{
	struct unit unit = { .bytes = g_byte_array_new() };
	struct h264_header header;
	const struct h264_slice slice = { .idr = true, .idr_pic_id = 1, .qp = 26 };
	h264_write_sets(sequence, &header);
	header_put(&unit, &header);
	g_assert_cmpuint(unit.bits, ==, 0);
	h264_write_slice(&slice, &header);
	header_put(&unit, &header);
	pcm_put(&unit, p);
	end(&unit);
	return unit.bytes;
}

/* A predicted picture that changes nothing. */
static GByteArray *same_unit(const struct h264_sequence *sequence, int number)
{
	struct unit unit = { .bytes = g_byte_array_new() };
	struct h264_header header;
	const struct h264_slice slice = { .frame_num = number, .order = 2 * number, .qp = 26 + number % 20 };
	h264_write_slice(&slice, &header);
	header_put(&unit, &header);
	ue_put(&unit, (uint32_t)(((sequence->width + 15) / 16) * ((sequence->height + 15) / 16)));
	end(&unit);
	return unit.bytes;
}

static struct frame *draw(int width, int height)
{
	struct frame *frame;
	struct picture picture;
	const struct pattern_mark mark = { 815, 4711 };
	g_assert_cmpint(frame_new(FRAME_I420, width, height, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	pattern_draw(&picture, &mark);
	return frame;
}

static void check_same(const struct frame *a, const struct frame *b)
{
	g_assert_cmpint(a->width, ==, b->width);
	g_assert_cmpint(a->height, ==, b->height);
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < a->height >> (i > 0); y++)
			g_assert_cmpmem(a->planes[i] + y * a->strides[i], a->width >> (i > 0),
					b->planes[i] + y * b->strides[i], a->width >> (i > 0));
}

static void test_decodes(void)
{
	static const struct h264_sequence sequences[] = { { 320, 192, 30 }, { 640, 360, 30 }, { 162, 118, 15 } };
	for (size_t i = 0; i < G_N_ELEMENTS(sequences); i++) {
		struct decoder *decoder;
		struct h264_watch watch = { 0 };
		char why[128];
		struct frame *drawn = draw(sequences[i].width, sequences[i].height), *out;
		struct picture picture;
		frame_picture(drawn, &picture);
		g_assert_cmpint(decoder_avcodec.open("", &decoder, why, sizeof(why)), ==, 0);
		for (int n = 0; n < 600; n++) { /* over the ends of frame_num and order */
			g_autoptr(GByteArray) unit = n % 300 ? same_unit(&sequences[i], n % 300)
							      : idr_unit(&sequences[i], &picture);
			g_assert_cmpint(h264_watch_unit(&watch, unit->data, unit->len), ==, 0);
			g_assert_cmpint(decoder_avcodec.decode(decoder, unit->data, unit->len, &out), ==, 0);
			check_same(drawn, out); /* each at once: no delay */
			frame_release(out);
		}
		decoder_avcodec.close(decoder);
		frame_release(drawn);
	}
	g_assert_cmpint(frame_living(), ==, 0);
}

static void test_sps(void)
{
	static const struct { struct h264_sequence sequence; int level; } rows[] = {
		{ { 640, 360, 30 }, 30 }, { { 1280, 720, 30 }, 31 },  { { 1280, 720, 60 }, 32 },
		{ { 1920, 1080, 30 }, 40 }, { { 1920, 1080, 60 }, 42 }, { { 3840, 2160, 30 }, 51 },
		{ { 16, 16, 1 }, 30 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct h264_header header;
		struct h264_sps sps;
		h264_write_sps(&rows[i].sequence, &header);
		g_assert_cmpint(h264_sps_parse(header.bytes + 4, header.bits / 8 - 4, &sps), ==, 0);
		g_assert_cmpint(sps.width, ==, rows[i].sequence.width);
		g_assert_cmpint(sps.height, ==, rows[i].sequence.height);
		g_assert_cmpint(sps.level, ==, rows[i].level);
		g_assert_cmpint(sps.profile, ==, 66);
		g_assert_cmpint(sps.constraints, ==, 0xe0);
		g_assert_cmpint(sps.references, ==, 1);
		g_assert_cmpint(sps.frame_num_bits, ==, H264_FRAME_NUM_BITS);
		for (size_t cut = 0; cut < header.bits / 8 - 16; cut++)
			h264_sps_parse(header.bytes + 4, cut, &sps); /* never reads beyond */
	}
}

/* What our own encoder makes passes; what is left out is noticed until the next IDR. */
static void test_watch(void)
{
	const struct encoder_driver *driver = &encoder_openh264;
	const struct encoder_wish wish = { .width = 640, .height = 360, .fps = 30, .bitrate_bps = 500000 };
	struct encoder *encoder;
	struct encoded out;
	struct h264_watch watch = { 0 };
	char why[128];
	struct frame *drawn = draw(640, 360);
	g_assert_cmpint(driver->open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	for (int n = 0; n < 60; n++) {
		drawn->capture_us = n * 33333;
		g_assert_cmpint(driver->encode(encoder, drawn, n == 40, &out), ==, 0);
		if (out.size == 0)
			continue;
		bool lost = n == 20, waits = n > 20 && n < 40;
		if (!lost)
			g_assert_cmpint(h264_watch_unit(&watch, out.bytes, out.size), ==, waits ? -EBADMSG : 0);
		if (n == 0) {
			g_assert_cmpint(watch.sps[0].width, ==, 640);
			g_assert_cmpint(watch.sps[0].height, ==, 360);
		}
	}
	driver->close(encoder);
	frame_release(drawn);
}

static void test_limits(void)
{
	struct h264_watch watch = { 0 };
	const struct h264_sequence huge = { 4112, 2160, 30 };
	struct h264_header header;
	h264_write_sets(&huge, &header);
	g_assert_cmpint(h264_watch_unit(&watch, header.bytes, header.bits / 8), ==, -ENOTSUP);
	const struct h264_sequence good = { 640, 360, 30 };
	h264_write_sets(&good, &header);
	header.bytes[5] = 110; /* High 10: now other fields follow */
	g_assert_cmpint(h264_watch_unit(&watch, header.bytes, header.bits / 8), <, 0);
	g_assert_cmpint(h264_watch_unit(&watch, header.bytes, 0), ==, -EBADMSG);
	GRand *random = g_rand_new_with_seed(11);
	for (int n = 0; n < 20000; n++) { /* noise under a start code */
		uint8_t bytes[64] = { 0, 0, 1, (uint8_t[]){ 0x67, 0x68, 0x65, 0x41 }[n % 4] };
		for (size_t i = 4; i < sizeof(bytes); i++)
			bytes[i] = g_rand_boolean(random) ? 0 : (uint8_t)g_rand_int(random);
		h264_watch_unit(&watch, bytes, (size_t)g_rand_int_range(random, 0, sizeof(bytes) + 1));
	}
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/h264/decodes", test_decodes);
	g_test_add_func("/h264/sps", test_sps);
	g_test_add_func("/h264/watch", test_watch);
	g_test_add_func("/h264/limits", test_limits);
	return g_test_run();
}
