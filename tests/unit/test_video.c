/* Pictures: the numbered pattern survives encoding at 100 kbit/s, PNG files keep it, the unit channel
 * delivers and takes no harm from a hostile peer. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/channel.h"
#include "core/base/unit_channel.h"
#include "core/devices/devices.h"
#include "core/devices/h264_stream.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"

static void test_pattern(void)
{
	static const int sizes[][2] = { { 320, 180 }, { 640, 360 }, { 1280, 720 }, { 1920, 1080 } };
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct picture p;
		struct pattern_mark read, mark = { 4000000000u, 123456789 };
		g_assert_cmpint(picture_init(&p, sizes[i][0], sizes[i][1]), ==, 0);
		pattern_draw(&p, &mark);
		g_assert_cmpint(pattern_read(&p, &read), ==, 0);
		g_assert_cmpuint(read.number, ==, mark.number);
		g_assert_cmpuint(read.time_ms, ==, mark.time_ms);
		picture_fill(&p, 128, 128, 128);
		g_assert_cmpint(pattern_read(&p, &read), ==, -ENOENT);
		picture_finish(&p);
	}
}

struct coder {
	const struct encoder_driver *encoder;
	const struct decoder_driver *decoder;
	int slice_bytes;
};

static const struct coder h264 = { &encoder_openh264, &decoder_avcodec, 0 },
			  sliced = { &encoder_openh264, &decoder_avcodec, 1150 },
			  vp8 = { &encoder_vpx, &decoder_avcodec_vp8, 0 };

/* No NAL unit is larger than was wished. */
static void check_slices(const struct encoded *encoded, int slice_bytes)
{
	struct h264_nal nal;
	for (size_t at = 0; slice_bytes && h264_next_nal(encoded->bytes, encoded->size, &at, &nal);)
		g_assert_cmpuint(nal.size, <=, (unsigned int)slice_bytes);
}

/* Every shown picture bears the number that was drawn, at a tenth of a usual rate, and key frames come when they are
 * asked for and else not. */
static void test_survives_encoding(const void *data)
{
	const struct coder *coder = data;
	struct encoder *encoder;
	struct decoder *decoder;
	struct picture drawn, seen;
	struct frame *frame, *shown;
	char why[256];
	const struct encoder_wish wish = { 640, 360, 30, 100000, coder->encoder->codec, coder->slice_bytes };
	unsigned int good = 0, bytes = 0, pictures = 0, keyframes = 0;
	bool idr = false;
	g_assert_cmpint(coder->encoder->open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(coder->decoder->open("", &decoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(frame_new(FRAME_I420, 640, 360, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &drawn), ==, 0);
	for (uint32_t i = 1; i <= 150; i++) {
		const struct pattern_mark mark = { i, i * 33 };
		struct pattern_mark read = { 0, 0 };
		struct encoded encoded;
		idr |= i == 100;
		frame->capture_us = (int64_t)i * 33333;
		pattern_draw(&drawn, &mark);
		g_assert_cmpint(coder->encoder->encode(encoder, frame, idr, &encoded), ==, 0);
		if (encoded.size == 0)
			continue;
		g_assert_true(encoded.keyframe == (idr || pictures == 0));
		check_slices(&encoded, coder->slice_bytes);
		idr = false;
		keyframes += encoded.keyframe;
		bytes += (unsigned int)encoded.size;
		pictures++;
		g_assert_cmpint(coder->decoder->decode(decoder, encoded.bytes, encoded.size, &shown), ==, 0);
		g_assert_cmpint(frame_picture(shown, &seen), ==, 0);
		good += pattern_read(&seen, &read) == 0 && read.number == i;
		frame_release(shown);
	}
	g_test_message("%u pictures, %u kbit/s, %u numbers read", pictures, bytes * 8 / 5000, good);
	g_assert_cmpuint(pictures, >, 60);
	g_assert_cmpuint(keyframes, ==, 2);
	g_assert_cmpuint(good, ==, pictures);
	frame_release(frame);
	coder->encoder->close(encoder);
	coder->decoder->close(decoder);
	g_assert_cmpint(frame_living(), ==, 0);
}

/* kbit/s of a second of noise that moves, which no encoder makes small by itself. */
static double second_of(const struct coder *coder, struct encoder *encoder, struct frame *frame, GRand *random,
			int fps, int64_t *now_us)
{
	double bytes = 0;
	for (int n = 0; n < fps; n++) {
		struct encoded encoded;
		for (int y = 0; y < frame->height; y += 8)
			for (int x = 0; x < frame->width; x += 8) {
				int light = g_rand_int_range(random, 60, 200);
				for (int k = 0; k < 10; k++)
					memset(frame->planes[0] + (y + k) * frame->strides[0] + x, light, 8);
			}
		*now_us += 1000000 / fps;
		frame->capture_us = *now_us;
		g_assert_cmpint(coder->encoder->encode(encoder, frame, false, &encoded), ==, 0);
		bytes += (double)encoded.size;
	}
	return bytes * 8 / 1000;
}

/* The rate can be changed while it runs, down, up, and with another frame rate; a pause is no excuse for a flood. */
static void test_rate(const void *data)
{
	static const struct { int bitrate_bps, fps, pause_ms; } phases[] = {
		{ 1200000, 30, 0 }, { 300000, 30, 0 }, { 900000, 30, 0 }, { 400000, 15, 0 }, { 400000, 15, 20000 },
	};
	const struct coder *coder = data;
	const struct encoder_wish wish = { 640, 352, 30, 1200000, coder->encoder->codec, coder->slice_bytes };
	struct encoder *encoder;
	struct frame *frame;
	char why[256];
	int64_t now_us = 0;
	GRand *random = g_rand_new_with_seed(4);
	g_assert_cmpint(coder->encoder->open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(frame_new(FRAME_I420, 640, 352, &frame), ==, 0);
	memset(frame->planes[0], 128, (size_t)frame->strides[0] * 352);
	for (int i = 1; i < 3; i++)
		memset(frame->planes[i], 128, (size_t)frame->strides[i] * 176);
	for (size_t i = 0; i < G_N_ELEMENTS(phases); i++) {
		double sum = 0, wished = phases[i].bitrate_bps / 1000.0;
		now_us += phases[i].pause_ms * 1000LL;
		g_assert_cmpint(coder->encoder->set_rate(encoder, phases[i].bitrate_bps, phases[i].fps), ==, 0);
		second_of(coder, encoder, frame, random, phases[i].fps, &now_us); /* it may need a moment */
		for (int second = 0; second < 3; second++)
			sum += second_of(coder, encoder, frame, random, phases[i].fps, &now_us);
		g_test_message("%.0f kbit/s of %.0f wished, at %d pictures a second", sum / 3, wished, phases[i].fps);
		g_assert_cmpfloat(sum / 3, <, wished * 1.3);
		g_assert_cmpfloat(sum / 3, >, wished * 0.4);
	}
	coder->encoder->close(encoder);
	frame_release(frame);
	g_rand_free(random);
}

static void test_decoder_damaged(void)
{
	struct decoder *decoder;
	struct frame *shown;
	char why[256];
	GRand *random = g_rand_new_with_seed(9);
	g_assert_cmpint(decoder_avcodec.open("", &decoder, why, sizeof(why)), ==, 0);
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[200] = { 0, 0, 0, 1, 0x65 };
		for (size_t b = 5; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		g_assert_cmpint(decoder_avcodec.decode(decoder, bytes, sizeof(bytes), &shown), !=, 0);
	}
	decoder_avcodec.close(decoder);
	g_rand_free(random);
}

/* VP8 has no checksum: noise behind a good header may show something. It harms nobody. */
static void test_vp8_damaged(void)
{
	struct decoder *decoder;
	struct frame *shown;
	char why[256];
	int seen = 0;
	GRand *random = g_rand_new_with_seed(10);
	g_assert_cmpint(decoder_avcodec_vp8.open("", &decoder, why, sizeof(why)), ==, 0);
	for (int i = 0; i < 1000; i++) {
		uint8_t bytes[300] = { 0x10, 0x04, 0, 0x9d, 0x01, 0x2a, 64, 0, (uint8_t)(48 + i % 16), 0 };
		for (size_t b = i % 3 == 0 ? 10 : i % 3 == 1 ? 3 : 0; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		if (decoder_avcodec_vp8.decode(decoder, bytes, (size_t)g_rand_int_range(random, 1, 301), &shown) == 0) {
			seen++;
			frame_release(shown);
		}
	}
	g_test_message("%d of 1000 showed something", seen);
	decoder_avcodec_vp8.close(decoder);
	g_rand_free(random);
	g_assert_cmpint(frame_living(), ==, 0);
}

static void test_png(void)
{
	struct picture p, loaded = { 0 };
	struct pattern_mark mark = { 77, 88 }, read;
	g_autofree char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "p.png", NULL);
	g_assert_cmpint(picture_init(&p, 640, 360), ==, 0);
	pattern_draw(&p, &mark);
	g_assert_cmpint(png_save(file, &p), ==, 0);
	g_assert_cmpint(png_load(file, &loaded), ==, 0);
	g_assert_cmpint(pattern_read(&loaded, &read), ==, 0);
	g_assert_cmpuint(read.number, ==, 77);
	g_assert_cmpint(png_save("/nowhere/p.png", &p), <, 0);
	g_unlink(file);
	g_rmdir(dir);
	picture_finish(&p);
	picture_finish(&loaded);
}

/* ---- unit channel ---- */

struct side {
	unsigned int units, idrs, closed;
	int rate, level, slice_bytes;
	enum video_codec codec, wished; /* of the last unit; asked for */
	size_t size;
	uint32_t sum;
};

static void on_unit(const struct unit *unit, void *data)
{
	struct side *side = data;
	side->units++;
	side->size = unit->size;
	side->codec = unit->codec;
	side->sum = 0;
	for (size_t i = 0; i < unit->size; i++)
		side->sum = side->sum * 31 + unit->bytes[i];
}

static void on_idr(void *data)
{
	((struct side *)data)->idrs++;
}

static void on_rate(int rate, int level, void *data)
{
	((struct side *)data)->level = level;
	((struct side *)data)->rate = rate;
}

static void on_closed(void *data)
{
	((struct side *)data)->closed++;
}

static void on_codec(enum video_codec codec, int slice_bytes, void *data)
{
	((struct side *)data)->wished = codec;
	((struct side *)data)->slice_bytes = slice_bytes;
}

static const struct unit_channel_ops ops = { on_unit, on_idr, on_rate, on_closed, on_codec };

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void test_units(void)
{
	int fds[2];
	struct side a = { 0 }, b = { 0 };
	struct unit_channel *one, *two;
	struct unit_channel_counts counts;
	g_autofree uint8_t *bytes = g_malloc0(UNIT_BYTES_MAX);
	g_assert_cmpint(channel_pair(fds), ==, 0);
	g_assert_cmpint(unit_channel_open(fds[0], NULL, &ops, &a, &one), ==, 0);
	g_assert_cmpint(unit_channel_open(fds[1], NULL, &ops, &b, &two), ==, 0);
	turn();
	for (uint32_t i = 0; i < 100; i++) {
		size_t size = 1 + i * 2600 % UNIT_BYTES_MAX;
		uint32_t sum = 0;
		for (size_t k = 0; k < size; k++)
			sum = sum * 31 + (bytes[k] = (uint8_t)(i + k));
		const struct unit unit = { .codec = i % 2 ? VIDEO_VP8 : VIDEO_H264, .bytes = bytes, .size = size };
		g_assert_cmpint(unit_channel_send(one, &unit), ==, 0);
		turn();
		g_assert_cmpuint(b.units, ==, i + 1);
		g_assert_cmpuint(b.size, ==, size);
		g_assert_cmpint(b.codec, ==, unit.codec);
		g_assert_cmpuint(b.sum, ==, sum);
	}
	unit_channel_request_idr(two);
	unit_channel_set_rate(two, 300000, 31);
	unit_channel_set_codec(two, VIDEO_VP8, 1150);
	turn();
	g_assert_cmpuint(a.idrs, ==, 1);
	g_assert_cmpint(a.rate, ==, 300000);
	g_assert_cmpint(a.level, ==, 31);
	g_assert_cmpint(a.wished, ==, VIDEO_VP8);
	g_assert_cmpint(a.slice_bytes, ==, 1150);
	const struct unit unit = { .codec = VIDEO_H264, .bytes = bytes, .size = 10 };
	int sent = 0;
	while (unit_channel_send(one, &unit) == 0) /* nobody reads: bounded */
		g_assert_cmpint(++sent, <=, UNIT_SLOTS);
	g_assert_cmpint(sent, ==, UNIT_SLOTS);
	turn();
	g_assert_cmpint(unit_channel_send(one, &unit), ==, 0);
	const struct unit big = { .codec = VIDEO_H264, .bytes = bytes, .size = UNIT_BYTES_MAX + 1 };
	const struct unit none = { .bytes = bytes, .size = 10 };
	g_assert_cmpint(unit_channel_send(one, &none), ==, -EINVAL);
	g_assert_cmpint(unit_channel_send(one, &big), ==, -EMSGSIZE);
	turn();
	unit_channel_counts(two, &counts);
	g_assert_cmpuint(counts.refused, ==, 0);
	unit_channel_close(two);
	turn();
	g_assert_cmpuint(a.closed, ==, 1);
	unit_channel_close(one);
}

static void send_fd(int to, const void *bytes, size_t size, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	g_assert_cmpint(sendmsg(to, &header, 0), ==, size);
}

/* A peer with a good arena whose units are of no codec that there is. */
static void test_units_unknown_codec(void)
{
	int fds[2];
	struct side side = { 0 };
	struct unit_channel *channel;
	struct unit_channel_counts counts;
	g_assert_cmpint(channel_pair(fds), ==, 0);
	g_assert_cmpint(unit_channel_open(fds[0], NULL, &ops, &side, &channel), ==, 0);
	int arena = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	g_assert_cmpint(ftruncate(arena, (off_t)UNIT_ARENA_BYTES), ==, 0);
	g_assert_cmpint(fcntl(arena, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
	uint32_t note[10] = { 1 };
	send_fd(fds[1], note, sizeof(note), arena);
	static const struct { uint32_t word, codec; bool good; } cases[] = {
		{ 2, VIDEO_H264, true }, { 2, VIDEO_VP8, true },     { 2, 0, false },	       { 2, 3, false },
		{ 2, 0xffffffff, false }, { 5, VIDEO_VP8, true },    { 5, 0, false },	       { 5, 77, false },
	};
	unsigned int units = 0, refused = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint32_t unit[10] = { cases[i].word, 0, 300 /* bytes, or of a slice */ };
		unit[8] = cases[i].codec;
		units += cases[i].good && cases[i].word == 2;
		refused += !cases[i].good;
		g_assert_cmpint(send(fds[1], unit, sizeof(unit), 0), ==, sizeof(unit));
		turn();
		unit_channel_counts(channel, &counts);
		g_assert_cmpuint(side.units, ==, units);
		g_assert_cmpuint(counts.refused, ==, refused);
	}
	g_assert_cmpint(side.wished, ==, VIDEO_VP8);
	close(arena);
	close(fds[1]);
	turn();
	unit_channel_close(channel);
}

/* A peer that offers a file it could shrink, slots that do not exist, sizes too large, and noise. */
static void test_units_hostile(void)
{
	int fds[2];
	struct side side = { 0 };
	struct unit_channel *channel;
	struct unit_channel_counts counts;
	GRand *random = g_rand_new_with_seed(6);
	g_assert_cmpint(channel_pair(fds), ==, 0);
	g_assert_cmpint(unit_channel_open(fds[0], NULL, &ops, &side, &channel), ==, 0);
	uint32_t note[10] = { 1 };
	int plain = memfd_create("plain", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(plain, (off_t)UNIT_ARENA_BYTES), ==, 0);
	send_fd(fds[1], note, sizeof(note), plain); /* right size, no seal */
	turn();
	for (int i = 0; i < 5000; i++) {
		for (int k = 0; k < 10; k++)
			note[k] = g_rand_boolean(random) ? g_rand_int(random) : (uint32_t)g_rand_int_range(random, 0, 20);
		g_assert_cmpint(send(fds[1], note, (size_t)g_rand_int_range(random, 1, 41), 0), >, 0);
		turn();
	}
	unit_channel_counts(channel, &counts);
	g_assert_cmpuint(side.units, ==, 0);
	g_assert_cmpuint(counts.refused, >, 4000);
	close(plain);
	close(fds[1]);
	turn();
	g_assert_cmpuint(side.closed, ==, 1);
	unit_channel_close(channel);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/video/pattern", test_pattern);
	g_test_add_data_func("/video/survives-encoding/h264", &h264, test_survives_encoding);
	g_test_add_data_func("/video/survives-encoding/h264-sliced", &sliced, test_survives_encoding);
	g_test_add_data_func("/video/survives-encoding/vp8", &vp8, test_survives_encoding);
	g_test_add_data_func("/video/rate/h264", &h264, test_rate);
	g_test_add_data_func("/video/rate/h264-sliced", &sliced, test_rate);
	g_test_add_data_func("/video/rate/vp8", &vp8, test_rate);
	g_test_add_func("/video/decoder-damaged", test_decoder_damaged);
	g_test_add_func("/video/vp8-damaged", test_vp8_damaged);
	g_test_add_func("/video/png", test_png);
	g_test_add_func("/units/round-trip", test_units);
	g_test_add_func("/units/unknown-codec", test_units_unknown_codec);
	g_test_add_func("/units/hostile", test_units_hostile);
	return g_test_run();
}
