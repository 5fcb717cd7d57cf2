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

/* Every shown picture bears the number that was drawn, at a tenth of a usual rate. */
static void test_survives_encoding(void)
{
	struct encoder *encoder;
	struct decoder *decoder;
	struct picture drawn, seen;
	struct frame *frame, *shown;
	char why[256];
	const struct encoder_wish wish = { 640, 360, 30, 100000 };
	unsigned int good = 0, bytes = 0, pictures = 0;
	g_assert_cmpint(encoder_openh264.open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(decoder_avcodec.open("", &decoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(frame_new(FRAME_I420, 640, 360, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &drawn), ==, 0);
	for (uint32_t i = 1; i <= 150; i++) {
		const struct pattern_mark mark = { i, i * 33 };
		struct pattern_mark read = { 0, 0 };
		struct encoded encoded;
		frame->capture_us = (int64_t)i * 33333;
		pattern_draw(&drawn, &mark);
		g_assert_cmpint(encoder_openh264.encode(encoder, frame, i == 100, &encoded), ==, 0);
		g_assert_true(i != 100 || encoded.size == 0 || encoded.keyframe);
		if (encoded.size == 0)
			continue;
		bytes += (unsigned int)encoded.size;
		pictures++;
		g_assert_cmpint(decoder_avcodec.decode(decoder, encoded.bytes, encoded.size, &shown), ==, 0);
		g_assert_cmpint(frame_picture(shown, &seen), ==, 0);
		good += pattern_read(&seen, &read) == 0 && read.number == i;
		frame_release(shown);
	}
	g_test_message("%u pictures, %u kbit/s, %u numbers read", pictures, bytes * 8 / 5000, good);
	g_assert_cmpuint(pictures, >, 60);
	g_assert_cmpuint(good, ==, pictures);
	frame_release(frame);
	encoder_openh264.close(encoder);
	decoder_avcodec.close(decoder);
	g_assert_cmpint(frame_living(), ==, 0);
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
	int rate, level;
	size_t size;
	uint32_t sum;
};

static void on_unit(const struct unit *unit, void *data)
{
	struct side *side = data;
	side->units++;
	side->size = unit->size;
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

static const struct unit_channel_ops ops = { on_unit, on_idr, on_rate, on_closed };

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
		const struct unit unit = { .bytes = bytes, .size = size };
		g_assert_cmpint(unit_channel_send(one, &unit), ==, 0);
		turn();
		g_assert_cmpuint(b.units, ==, i + 1);
		g_assert_cmpuint(b.size, ==, size);
		g_assert_cmpuint(b.sum, ==, sum);
	}
	unit_channel_request_idr(two);
	unit_channel_set_rate(two, 300000, 31);
	turn();
	g_assert_cmpuint(a.idrs, ==, 1);
	g_assert_cmpint(a.rate, ==, 300000);
	g_assert_cmpint(a.level, ==, 31);
	const struct unit unit = { .bytes = bytes, .size = 10 };
	int sent = 0;
	while (unit_channel_send(one, &unit) == 0) /* nobody reads: bounded */
		g_assert_cmpint(++sent, <=, UNIT_SLOTS);
	g_assert_cmpint(sent, ==, UNIT_SLOTS);
	turn();
	g_assert_cmpint(unit_channel_send(one, &unit), ==, 0);
	const struct unit big = { .bytes = bytes, .size = UNIT_BYTES_MAX + 1 };
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
	uint32_t note[8] = { 1 };
	int plain = memfd_create("plain", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(plain, (off_t)UNIT_SLOTS * UNIT_BYTES_MAX), ==, 0);
	send_fd(fds[1], note, sizeof(note), plain); /* right size, no seal */
	turn();
	for (int i = 0; i < 5000; i++) {
		for (int k = 0; k < 8; k++)
			note[k] = g_rand_boolean(random) ? g_rand_int(random) : (uint32_t)g_rand_int_range(random, 0, 20);
		g_assert_cmpint(send(fds[1], note, (size_t)g_rand_int_range(random, 1, 33), 0), >, 0);
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
	g_test_add_func("/video/survives-encoding", test_survives_encoding);
	g_test_add_func("/video/decoder-damaged", test_decoder_damaged);
	g_test_add_func("/video/png", test_png);
	g_test_add_func("/units/round-trip", test_units);
	g_test_add_func("/units/hostile", test_units_hostile);
	return g_test_run();
}
