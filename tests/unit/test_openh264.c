/* The software encoder's loop filter: off where pictures are fine, on where they are coarse or bits are
 * scarce, with an IDR at each change, asked for or not. What the stream says is read from its slices. */
#include <glib.h>
#include <string.h>

#include "core/devices/h264_stream.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/h264_quantiser.h"

#define WIDTH 320
#define HEIGHT 180
#define FPS 30
#define PLENTY_BPS 400000
#define SCARCE_BPS 60000
#define SOON 90 /* pictures */

struct stream {
	struct encoder *encoder;
	struct frame *frame;
	int pictures, keyframes, frame_num_bits, quantiser;
	bool filtered;
};

static void stream_open(struct stream *stream, int bitrate_bps)
{
	char why[200] = "";
	const struct encoder_wish wish = { .width = WIDTH, .height = HEIGHT, .fps = FPS, .bitrate_bps = bitrate_bps };
	*stream = (struct stream){ 0 };
	g_assert_cmpint(encoder_openh264.open("", &wish, &stream->encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(frame_new(FRAME_I420, WIDTH, HEIGHT, &stream->frame), ==, 0);
	memset(stream->frame->planes[0], 128, (size_t)WIDTH * HEIGHT * 3 / 2);
}

static void stream_close(struct stream *stream)
{
	encoder_openh264.close(stream->encoder);
	frame_release(stream->frame);
}

/* A slope that moves slowly, or noise that nothing foretells. */
static void draw(struct stream *stream, bool noise)
{
	static uint32_t seed = 1;
	struct frame *f = stream->frame;
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			f->planes[0][y * f->strides[0] + x] =
				(uint8_t)(noise ? (seed = seed * 1664525 + 1013904223) >> 24
						: (uint32_t)(x + y + stream->pictures / 4) / 4);
}

static void unit_read(struct stream *stream, const struct encoded *unit)
{
	struct h264_nal nal;
	struct h264_sps sps;
	for (size_t at = 0; h264_next_nal(unit->bytes, unit->size, &at, &nal);) {
		if (nal.type == H264_SPS && h264_sps_parse(nal.bytes, nal.size, &sps) == 0)
			stream->frame_num_bits = sps.frame_num_bits;
		if (nal.type != H264_SLICE && nal.type != H264_IDR)
			continue;
		stream->quantiser = h264_quantiser(nal.bytes, nal.size, stream->frame_num_bits, &stream->filtered);
		g_assert_cmpint(stream->quantiser, >=, 0);
	}
}

static void go(struct stream *stream, bool noise, bool idr)
{
	struct encoded unit;
	draw(stream, noise);
	stream->frame->capture_us = (int64_t)stream->pictures++ * G_USEC_PER_SEC / FPS;
	g_assert_cmpint(encoder_openh264.encode(stream->encoder, stream->frame, idr, &unit), ==, 0);
	stream->keyframes += unit.keyframe;
	if (unit.size > 0)
		unit_read(stream, &unit);
}

static void test_fine(void)
{
	struct stream s;
	stream_open(&s, PLENTY_BPS);
	for (int i = 0; i < SOON; i++) {
		go(&s, false, i == 0);
		g_assert_false(s.filtered);
	}
	g_assert_cmpint(s.quantiser, <, 30);
	g_assert_cmpint(s.keyframes, ==, 1);
	stream_close(&s);
}

static void test_scarce(void)
{
	struct stream s;
	stream_open(&s, SCARCE_BPS);
	go(&s, true, true);
	g_assert_true(s.filtered);
	stream_close(&s);
}

static void test_coarse(void)
{
	struct stream s;
	stream_open(&s, PLENTY_BPS);
	for (int i = 0; i < SOON; i++)
		go(&s, true, i == 0);
	g_assert_true(s.filtered);
	g_assert_cmpint(s.keyframes, ==, 2); /* the second at the change, and none after it */
	for (int i = 0; i < SOON; i++)
		go(&s, false, false);
	g_assert_true(s.filtered); /* no IDR of its own for that */
	g_assert_cmpint(s.keyframes, ==, 2);
	go(&s, false, true);
	g_assert_false(s.filtered);
	g_assert_cmpint(s.keyframes, ==, 3);
	go(&s, false, false);
	g_assert_false(s.filtered);
	stream_close(&s);
}

static void test_rate_kept(void)
{
	struct stream s;
	stream_open(&s, PLENTY_BPS);
	g_assert_cmpint(encoder_openh264.set_rate(s.encoder, SCARCE_BPS, FPS), ==, 0);
	for (int i = 0; i < 10 * SOON && !s.filtered; i++) /* most are skipped */
		go(&s, true, i == 0);
	g_assert_true(s.filtered);
	size_t bytes = 0;
	for (int i = 0; i < SOON; i++) {
		struct encoded unit;
		draw(&s, true);
		s.frame->capture_us = (int64_t)s.pictures++ * G_USEC_PER_SEC / FPS;
		g_assert_cmpint(encoder_openh264.encode(s.encoder, s.frame, false, &unit), ==, 0);
		bytes += unit.size;
	}
	/* The rate is the one set, not the one of the beginning. */
	g_assert_cmpfloat((double)bytes * 8 * FPS / SOON, <, PLENTY_BPS / 2.0);
	stream_close(&s);
}

/* Up and down, far beyond what it began with, in the stream that runs: no IDR but the first, and it does become more. */
static void test_rates(void)
{
	static const int rates[] = { 60000, 3000000, 90000, 100000, 2000000, 10000, 1200000, 3000000 };
	struct stream s;
	size_t bytes = 0;
	stream_open(&s, PLENTY_BPS);
	for (size_t r = 0; r < G_N_ELEMENTS(rates); r++) {
		g_assert_cmpint(encoder_openh264.set_rate(s.encoder, rates[r], FPS), ==, 0);
		for (int i = 0; i < 5; i++)
			go(&s, false, s.pictures == 0);
	}
	g_assert_cmpint(s.keyframes, ==, 1);
	for (int i = 0; i < 2 * FPS; i++) {
		struct encoded unit;
		draw(&s, true);
		s.frame->capture_us = (int64_t)s.pictures++ * G_USEC_PER_SEC / FPS;
		g_assert_cmpint(encoder_openh264.encode(s.encoder, s.frame, false, &unit), ==, 0);
		bytes += unit.size;
	}
	g_assert_cmpuint(bytes * 8 / 2, >, 2 * PLENTY_BPS);
	stream_close(&s);
}

static void test_foreign(void)
{
	bool filtered;
	const uint8_t sps[] = { 0x67, 0x42 }, slice[] = { 0x61, 0xe0 };
	g_assert_cmpint(h264_quantiser(sps, 0, 15, &filtered), <, 0);
	g_assert_cmpint(h264_quantiser(sps, sizeof(sps), 15, &filtered), <, 0);
	g_assert_cmpint(h264_quantiser(slice, sizeof(slice), 15, &filtered), <, 0);
	for (int i = 0; i < 2000; i++) {
		uint8_t noise[64];
		for (size_t n = 0; n < sizeof(noise); n++)
			noise[n] = (uint8_t)g_test_rand_int_range(0, 256);
		h264_quantiser(noise, (size_t)g_test_rand_int_range(0, sizeof(noise)), 15, &filtered);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/openh264/filter-fine", test_fine);
	g_test_add_func("/openh264/filter-scarce", test_scarce);
	g_test_add_func("/openh264/filter-coarse", test_coarse);
	g_test_add_func("/openh264/filter-rate-kept", test_rate_kept);
	g_test_add_func("/openh264/rates", test_rates);
	g_test_add_func("/openh264/quantiser-foreign", test_foreign);
	return g_test_run();
}
