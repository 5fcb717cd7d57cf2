/* The ladders on hardware that fails as it was told (the rehearsal drivers): pictures go on, each one shows what was
 * put in, each change begins with an IDR, a hang costs less than half a second, hardware comes back after the retry
 * time and not before. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/devices/convert.h"
#include "core/devices/devices.h"
#include "core/video/decoding.h"
#include "core/video/ladder.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/pattern.h"

#define WIDTH 640
#define HEIGHT 360
#define LIMIT_US (20 * G_USEC_PER_SEC)

struct change {
	char words[192], reason[320];
};

struct scene {
	struct ladder *ladder;
	struct decoding *decoding;
	enum video_codec codec;
	int slice_bytes;
	struct change encoder, decoder;
	int encoder_changes, decoder_changes;
	gint64 changed_us; /* of the encoder, last */
	uint32_t number; /* of the last picture put in */
	unsigned int shown, waited; /* waited: units that wanted an IDR first */
	bool wants_idr;
	gint64 worst_us; /* of a picture, in to out */
	bool keyframe;	 /* the last unit is one */
};

static void note(struct change *change, const char *words, const char *reason)
{
	g_strlcpy(change->words, words, sizeof(change->words));
	g_strlcpy(change->reason, reason, sizeof(change->reason));
	g_test_message("%s: %s", words, reason);
}

static void on_encoder(const char *words, const char *reason, void *data)
{
	struct scene *s = data;
	s->encoder_changes++;
	s->changed_us = g_get_monotonic_time();
	note(&s->encoder, words, reason);
}

static void on_decoder(const char *words, const char *reason, void *data)
{
	struct scene *s = data;
	s->decoder_changes++;
	note(&s->decoder, words, reason);
}

static void scene_open(struct scene *s, const char *encoder, const char *decoder, int retry_ms)
{
	memset(s, 0, sizeof(*s));
	s->codec = VIDEO_H264;
	const struct hardware_rules e = { .name = encoder, .retry_ms = retry_ms, .changed = on_encoder, .data = s };
	const struct hardware_rules d = { .name = decoder, .retry_ms = retry_ms, .changed = on_decoder, .data = s };
	s->ladder = ladder_new(&e);
	s->decoding = decoding_new(&d);
}

static void scene_close(struct scene *s)
{
	ladder_free(s->ladder);
	decoding_free(s->decoding);
	g_assert_cmpint(frame_living(), ==, 0);
}

static struct frame *draw(uint32_t number)
{
	struct frame *frame;
	struct picture picture;
	const struct pattern_mark mark = { number, number * 33 };
	g_assert_cmpint(frame_new(FRAME_I420, WIDTH, HEIGHT, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	pattern_draw(&picture, &mark);
	frame->capture_us = (int64_t)number * 33333;
	return frame;
}

static void check_shows(struct frame *frame, uint32_t number)
{
	struct pattern_mark mark;
	g_assert_cmpint(frame_map(frame), ==, 0);
	const struct picture luma = { .width = frame->width, .height = frame->height,
				      .planes = { frame->planes[0] }, .strides = { frame->strides[0] } };
	g_assert_cmpint(pattern_read(&luma, &mark), ==, 0);
	g_assert_cmpuint(mark.number, ==, number);
}

/* One picture through both ladders. Returns whether it was shown. */
static bool step(struct scene *s)
{
	const struct encoder_wish wish = { .width = WIDTH, .height = HEIGHT, .fps = 30, .bitrate_bps = 1500000,
					   .codec = s->codec, .slice_bytes = s->slice_bytes };
	struct frame *frame = draw(++s->number), *out;
	struct encoded encoded = { 0 };
	gint64 start = g_get_monotonic_time();
	int r = ladder_encode(s->ladder, &wish, frame, s->wants_idr, &encoded);
	frame_release(frame);
	g_assert_cmpint(r, ==, 0); /* no picture is lost */
	s->keyframe = encoded.keyframe;
	if (encoded.size == 0)
		return false;
	s->wants_idr &= !encoded.keyframe;
	r = decoding_decode(s->decoding, s->codec, encoded.bytes, encoded.size, encoded.keyframe, &out);
	s->worst_us = MAX(s->worst_us, g_get_monotonic_time() - start);
	if (r < 0) {
		g_assert_cmpint(r, ==, -EBADMSG);
		s->wants_idr = true;
		s->waited++;
		return false;
	}
	check_shows(out, s->number);
	frame_release(out);
	s->shown++;
	s->wants_idr |= decoding_wants_idr(s->decoding);
	return true;
}

/* Until hardware has made its first picture, which takes longer on a busy machine. */
static void steps_to_hardware(struct scene *s, const struct change *coder)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	do {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		step(s);
	} while (!g_str_equal(coder->words, "rehearsal"));
	s->encoder_changes = s->decoder_changes = 1;
	s->waited = s->shown = s->number = 0;
}

static void steps(struct scene *s, int count)
{
	for (int i = 0; i < count; i++)
		step(s);
}

/* Goes on until somebody else encodes. */
static void steps_until_changed(struct scene *s, int changes)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (s->encoder_changes < changes) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		step(s);
		g_usleep(1000);
	}
}

static void test_software(void)
{
	struct scene s;
	scene_open(&s, "openh264", "software", 0);
	steps(&s, 60);
	g_assert_cmpstr(ladder_describe(s.ladder), ==, "openh264");
	g_assert_cmpint(s.encoder_changes, ==, 1);
	g_assert_cmpint(s.waited, ==, 0);
	scene_close(&s);
}

static void test_good(void)
{
	struct scene s;
	struct ladder_stats stats;
	scene_open(&s, "rehearsal", "rehearsal", 0);
	steps_to_hardware(&s, &s.encoder);
	steps_to_hardware(&s, &s.decoder);
	steps(&s, 60);
	ladder_stats(s.ladder, &stats);
	g_assert_cmpstr(s.encoder.words, ==, "rehearsal");
	g_assert_cmpstr(s.decoder.words, ==, "rehearsal");
	g_assert_cmpuint(stats.failures, ==, 0);
	g_assert_cmpint(s.waited, ==, 0);
	scene_close(&s);
}

static void test_refused(void)
{
	struct scene s;
	scene_open(&s, "rehearsal:refuse", "rehearsal:refuse", 0);
	g_assert_true(step(&s)); /* the first picture already */
	steps(&s, 30);
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	g_assert_true(strstr(s.encoder.reason, "refuses") || strstr(s.encoder.reason, "not there yet"));
	g_assert_true(strstr(s.decoder.reason, "refuses") || strstr(s.decoder.reason, "not there yet"));
	g_assert_cmpint(s.waited, ==, 0);
	scene_close(&s);
}

/* Another size: no picture is lost, each change begins with an IDR, and hardware goes on. */
static void test_resize(void)
{
	static const int sizes[][2] = { { 640, 360 }, { 480, 270 }, { 320, 180 }, { 640, 360 }, { 480, 360 } };
	struct scene s;
	scene_open(&s, "rehearsal", "software", 0);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		gint64 end = g_get_monotonic_time() + LIMIT_US;
		for (int width = 0, height = 0; width != sizes[i][0] || height != sizes[i][1];) {
			const struct encoder_wish wish = { .width = sizes[i][0], .height = sizes[i][1], .fps = 30,
							   .bitrate_bps = 1500000, .codec = VIDEO_H264 };
			struct frame *frame = draw(++s.number), *out;
			struct encoded encoded = { 0 };
			g_assert_cmpint(g_get_monotonic_time(), <, end);
			g_assert_cmpint(ladder_encode(s.ladder, &wish, frame, false, &encoded), ==, 0);
			frame_release(frame);
			if (encoded.size == 0)
				continue;
			int r = decoding_decode(s.decoding, VIDEO_H264, encoded.bytes, encoded.size, encoded.keyframe,
						&out);
			g_assert_cmpint(r, ==, 0);
			width = out->width;
			height = out->height;
			frame_release(out);
		}
		g_assert_cmpstr(ladder_describe(s.ladder), ==, "rehearsal");
	}
	scene_close(&s);
}

/* A retry time in which more than twenty pictures can be made here. */
static int slow_ms(void)
{
	struct scene s;
	gint64 start = g_get_monotonic_time();
	scene_open(&s, "openh264", "software", 0);
	steps(&s, 20);
	scene_close(&s);
	return MAX(600, (int)((g_get_monotonic_time() - start) / 1000) * 5);
}

/* Fails at the 20th picture of each context: software with that very picture, a new context, software again, and
 * after the retry time hardware. */
static void test_error(void)
{
	int retry_ms = slow_ms();
	struct scene s;
	struct ladder_stats stats;
	scene_open(&s, "rehearsal:error@20", "software", retry_ms);
	steps_to_hardware(&s, &s.encoder);
	steps(&s, 18);
	g_assert_cmpstr(s.encoder.words, ==, "rehearsal");
	g_assert_true(step(&s));
	g_assert_true(s.keyframe);
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	g_assert_nonnull(strstr(s.encoder.reason, "failed"));
	steps_until_changed(&s, 3);
	g_assert_true(s.keyframe);
	g_assert_cmpstr(s.encoder.words, ==, "rehearsal");
	steps_until_changed(&s, 4); /* the second failure, soon after the first: now it rests */
	gint64 start = s.changed_us;
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	steps_until_changed(&s, 5);
	g_assert_cmpint(s.changed_us - start, >=, (retry_ms - 50) * 1000);
	ladder_stats(s.ladder, &stats);
	g_assert_cmpuint(stats.failures, ==, 2);
	g_assert_cmpuint(stats.switches, >=, 4);
	g_assert_cmpint(s.waited, ==, 0);
	g_assert_cmpuint(s.shown, ==, s.number);
	scene_close(&s);
}

static void test_decoder_error(void)
{
	struct scene s;
	struct decoding_stats stats;
	scene_open(&s, "openh264", "rehearsal:error@20", 600);
	steps_to_hardware(&s, &s.decoder);
	steps(&s, 18);
	g_assert_cmpstr(s.decoder.words, ==, "rehearsal");
	g_assert_false(step(&s)); /* no keyframe: one has to be asked for */
	g_assert_cmpstr(s.decoder.words, ==, "libavcodec");
	g_assert_true(step(&s));
	g_assert_true(s.keyframe);
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (s.decoder_changes < 3) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		step(&s);
	}
	decoding_stats(s.decoding, &stats);
	g_assert_cmpuint(stats.failures, ==, 1);
	g_assert_cmpint(s.waited, ==, 1);
	scene_close(&s);
}

/* VP8 and small slices are software's alone, at once and without waiting for hardware; back to H.264 hardware takes over.
 * Each change begins with a key frame. */
static void test_codec(void)
{
	struct scene s;
	scene_open(&s, "rehearsal", "rehearsal", 0);
	steps_to_hardware(&s, &s.encoder);
	s.codec = VIDEO_VP8;
	g_assert_true(step(&s));
	g_assert_true(s.keyframe);
	g_assert_cmpstr(s.encoder.words, ==, "libvpx");
	g_assert_nonnull(strstr(s.encoder.reason, "no hardware"));
	steps(&s, 30);
	g_assert_cmpstr(s.encoder.words, ==, "libvpx");
	g_assert_cmpstr(s.decoder.words, ==, "libavcodec");
	s.codec = VIDEO_H264;
	s.slice_bytes = 1150;
	g_assert_true(step(&s));
	g_assert_true(s.keyframe);
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	steps(&s, 30);
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	s.slice_bytes = 0;
	steps_to_hardware(&s, &s.encoder);
	s.wants_idr = true; /* the decoder's hardware has waited for one */
	steps_to_hardware(&s, &s.decoder);
	steps(&s, 10);
	g_assert_cmpint(s.waited, ==, 0);
	scene_close(&s);
}

/* The driver never comes back: noticed in 250 ms, an IDR of software within 500 ms, the thread is given up and the
 * driver not entered again. Last, since that thread stays. */
static void test_hang(void)
{
	struct scene s;
	gint64 start;
	scene_open(&s, "rehearsal:hang@10", "software", 500);
	steps_to_hardware(&s, &s.encoder);
	steps(&s, 8);
	s.worst_us = 0;
	guard_set_patience(1);
	g_assert_true(step(&s));
	g_assert_true(s.keyframe);
	g_test_message("the hang cost %" G_GINT64_FORMAT " ms", s.worst_us / 1000);
	g_assert_cmpint(s.worst_us, <, 1000000); /* 500 ms on a machine that is not busy */
	g_assert_cmpstr(s.encoder.words, ==, "openh264");
	g_assert_cmpstr(s.encoder.reason, ==, "rehearsal hangs");
	g_assert_cmpint(guard_stuck(), ==, 1);
	for (start = g_get_monotonic_time(); g_get_monotonic_time() - start < 1200000;)
		step(&s); /* over two retries */
	g_assert_cmpint(s.encoder_changes, ==, 2);
	g_assert_cmpint(s.waited, ==, 0);
	start = g_get_monotonic_time();
	ladder_free(s.ladder);
	decoding_free(s.decoding);
	g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC); /* nobody waits for the hung */
	g_assert_cmpint(frame_living(), ==, 1); /* the one it holds */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	guard_set_patience(500); /* the machine may be busy */
	g_test_add_func("/ladder/software", test_software);
	g_test_add_func("/ladder/good", test_good);
	g_test_add_func("/ladder/refused", test_refused);
	g_test_add_func("/ladder/resize", test_resize);
	g_test_add_func("/ladder/codec", test_codec);
	g_test_add_func("/ladder/error", test_error);
	g_test_add_func("/ladder/decoder-error", test_decoder_error);
	g_test_add_func("/ladder/hang", test_hang);
	return g_test_run();
}
