/* callbox's own VA-API encoder and decoder on the software driver, over its personalities and faults: every stream
 * decodes, each picture shows what was put in, what the driver holds as reference equals what decodes; the
 * driver's report has no violation and nothing that was left behind. The pure parts of the choice beside it. */
#include <drm_fourcc.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/devices/convert.h"
#include "core/devices/h264_stream.h"
#include "core/video/decoding.h"
#include "core/video/ladder.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/pattern.h"
#include "drivers-glue/unit_check.h"
#include "drivers-glue/va_display.h"
#include "drivers-glue/va_encode.h"
#include "drivers-glue/va_probe.h"
#include "tests/unit/exported.h"
#include "tests/vadriver/display.h"

#define PATIENCE 500 /* the machine may be busy */
#define TRIES 3
#define TEXTURE (512 * 512)
/* ThreadSanitizer makes the software driver twenty times slower; its threads are the same in each row. */
#ifdef __SANITIZE_THREAD__
#define ROW_STEP 17
#define LONG_STREAM 20u
#define STREAM 2u
#define RATES 0 /* thousands of pictures, and no thread more */
#else
#define ROW_STEP 1
#define LONG_STREAM 270u /* over the end of frame_num */
#define STREAM 8u
#define RATES (int)G_N_ELEMENTS(rates)
#endif

static char *folder, *report;

static VADisplay make(void)
{
	return display_create(folder);
}

/* ---- the driver's mood and what it says afterwards ---- */

static void mood(const char *personality, const char *fault)
{
	g_setenv("CALLBOX_VA_PERSONALITY", personality, TRUE);
	g_setenv("CALLBOX_VA_FAULT", fault, TRUE);
	g_setenv("CALLBOX_VA_REPORT", report, TRUE);
	g_unlink(report);
}

/* Of the last summary. */
static int told(const char *word)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(report, &text, NULL, NULL))
		return -1;
	const char *summary = g_strrstr(text, "summary:");
	g_autofree char *key = g_strconcat(" ", word, "=", NULL);
	const char *at = summary ? strstr(summary, key) : NULL;
	return at ? (int)g_ascii_strtoll(at + strlen(key), NULL, 10) : -1;
}

static void check_report(void)
{
	static const char *const nothing[] = { "configs", "contexts", "surfaces", "buffers", "images", "violations" };
	g_autofree char *text = NULL;
	g_file_get_contents(report, &text, NULL, NULL);
	g_assert_nonnull(text);
	if (strstr(text, "violation:") || strstr(text, "note:"))
		g_test_message("%s", text);
	for (size_t i = 0; i < G_N_ELEMENTS(nothing); i++)
		g_assert_cmpint(told(nothing[i]), ==, 0);
}

/* ---- pictures ---- */

static struct frame *draw(int width, int height, uint32_t number)
{
	struct frame *frame;
	struct picture picture;
	const struct pattern_mark mark = { number, number * 33 };
	g_assert_cmpint(frame_new(FRAME_I420, width, height, &frame), ==, 0);
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

static void check_same(const struct frame *a, const struct frame *b)
{
	g_assert_cmpint(a->width, ==, b->width);
	g_assert_cmpint(a->height, ==, b->height);
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < a->height >> (i > 0); y++)
			g_assert_cmpmem(a->planes[i] + y * a->strides[i], a->width >> (i > 0),
					b->planes[i] + y * b->strides[i], a->width >> (i > 0));
}

/* The same with a texture that runs below it: costly to code. */
static struct frame *draw_busy(int width, int height, uint32_t number)
{
	g_autofree uint8_t *texture = g_malloc(TEXTURE);
	struct frame *frame = draw(width, height, number);
	GRand *random = g_rand_new_with_seed(3);
	for (int i = 0; i < TEXTURE; i++)
		texture[i] = (uint8_t)g_rand_int_range(random, 60, 180);
	g_rand_free(random);
	for (int y = height * 2 / 3; y < height; y++)
		for (int x = 0; x < width; x++)
			frame->planes[0][y * frame->strides[0] + x] =
				texture[(y * 512 + x * 3 + (int)number * 7919) & (TEXTURE - 1)];
	return frame;
}

/* ---- the matrix ---- */

struct row {
	const char *personality;
	const char *words;    /* in what the encoder calls itself */
	unsigned int imported; /* of 20 dma-bufs */
};

static const struct row rows[] = {
	{ "packed=0", "EncSlice CBR", 20 },
	{ "packed=1", "EncSlice CBR", 20 },
	{ "packed=13", "EncSlice CBR", 20 },
	{ "packed=31", "EncSlice CBR", 20 },
	{ "packed=31,strict-order", "EncSlice CBR", 20 },
	{ "packed=0,cqp-only", "EncSlice CQP", 20 },
	{ "packed=1,cqp-only", "EncSlice CQP", 20 },
	{ "packed=13,cqp-only", "EncSlice CQP", 20 },
	{ "packed=31,cqp-only", "EncSlice CQP", 20 },
	{ "packed=31,lp-only", "EncSliceLP CBR", 20 },
	{ "packed=13,lp-only,cqp-only", "EncSliceLP CQP", 20 },
	{ "packed=0,lp-only,cqp-only", "EncSliceLP CQP", 20 },
	{ "no-derive", "EncSlice CBR", 20 },
	{ "odd-pitch", "EncSlice CBR", 20 },
	{ "no-derive,odd-pitch,cqp-only", "EncSlice CQP", 20 },
	{ "no-import", "EncSlice CBR", 0 },
	{ "import-pitch=256", "EncSlice CBR", 0 }, /* 640 is no multiple */
	{ "import-pitch=128", "EncSlice CBR", 20 },
	{ "no-proc", "EncSlice CBR", 20 },
	{ "no-sync-buffer", "EncSlice CBR", 20 },
	{ "segments", "EncSlice CBR", 20 },
	{ "segments,packed=0,cqp-only,no-sync-buffer,no-derive,odd-pitch,no-import,no-proc,lp-only",
	  "EncSliceLP CQP", 0 },
};

struct rig {
	struct va_encode *encode;
	struct decoder *decoder;
	unsigned int pictures, keyframes;
	size_t bytes;
};

static void rig_open(struct rig *rig, int width, int height, int bitrate_bps)
{
	char why[256] = "";
	const struct encoder_wish wish = { .width = width, .height = height, .fps = 30, .bitrate_bps = bitrate_bps };
	memset(rig, 0, sizeof(*rig));
	int r = va_encode_open("", &wish, &rig->encode, why, sizeof(why));
	if (r < 0)
		g_error("%s", why);
	g_assert_cmpint(decoder_avcodec.open("", &rig->decoder, why, sizeof(why)), ==, 0);
}

static void rig_close(struct rig *rig)
{
	va_encode_close(rig->encode);
	decoder_avcodec.close(rig->decoder);
	g_assert_cmpint(frame_living(), ==, 0);
}

/* Takes the frame. It is coded, decodes in software, and the driver's reference is what was decoded. */
static void rig_code(struct rig *rig, struct frame *frame, uint32_t number, bool idr)
{
	struct encoded out;
	struct frame *decoded, *reference;
	g_assert_cmpint(va_encode_picture(rig->encode, frame, idr, &out), ==, 0);
	frame_release(frame);
	if (out.size == 0) {
		g_assert_false(idr);
		return;
	}
	g_assert_cmpint(out.keyframe, ==, idr || rig->pictures == 0);
	g_assert_cmpint(decoder_avcodec.decode(rig->decoder, out.bytes, out.size, &decoded), ==, 0);
	check_shows(decoded, number);
	g_assert_cmpint(va_encode_reference(rig->encode, &reference), ==, 0);
	check_same(decoded, reference);
	frame_release(decoded);
	frame_release(reference);
	rig->pictures++;
	rig->keyframes += out.keyframe;
	rig->bytes += out.size;
}

static void test_matrix(const void *data)
{
	const struct row *row = data;
	struct va_input_counts counts;
	struct rig rig;
	char words[160];
	uint32_t number = 0;
	mood(row->personality, "");
	rig_open(&rig, 640, 360, 1500000);
	va_encode_describe(rig.encode, words, sizeof(words));
	g_assert_nonnull(strstr(words, row->words));
	for (int i = 0; i < 20; i++, number++) /* from memory */
		rig_code(&rig, draw(640, 360, number), number, i == 10);
	va_encode_set_rate(rig.encode, 3000000, 30);
	for (int i = 0; i < 20; i++, number++) /* dma-bufs */
		rig_code(&rig, exported_of(draw(640, 360, number), FRAME_NV12), number, i == 10);
	va_encode_counts(rig.encode, &counts);
	g_assert_cmpuint(counts.imported, ==, row->imported);
	va_encode_set_rate(rig.encode, 700000, 30);
	for (int i = 0; i < 10; i++, number++) /* scaled and converted, by the driver or here */
		rig_code(&rig, i % 2 ? exported_of(draw(1280, 720, number), FRAME_YUYV) : draw(1280, 720, number), number,
			 false);
	va_encode_counts(rig.encode, &counts);
	g_test_message("%s: %u pictures, %zu bytes, %u imported, %u copied, %u processed", words, rig.pictures,
		       rig.bytes, counts.imported, counts.copied, counts.processed);
	g_assert_cmpuint(counts.imported + counts.copied, ==, number + UNIT_CHECKS - 1); /* and those for trial */
	g_assert_cmpuint(rig.keyframes, ==, 3);
	g_assert_cmpuint(rig.pictures, >=, 40);
	rig_close(&rig);
	check_report();
}

/* Sizes that are no multiple of a macroblock, over the ends of frame_num. */
static void test_sizes(void)
{
	static const struct { int width, height; } sizes[] = { { 640, 368 }, { 648, 362 }, { 320, 180 }, { 1280, 720 } };
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct rig rig;
		mood(i % 2 ? "packed=0" : "packed=31", "");
		rig_open(&rig, sizes[i].width, sizes[i].height, 1500000);
		for (uint32_t n = 0; n < (i == 2 ? LONG_STREAM : STREAM); n++)
			rig_code(&rig, draw(sizes[i].width, sizes[i].height, n), n, false);
		rig_close(&rig);
		check_report();
	}
}

/* The rate is held by the driver or by us, and follows a change within a second without an IDR. */
static void test_rate(const void *data)
{
	static const int rates[] = { 600000, 1800000, 300000 };
	struct rig rig;
	uint32_t number = 0;
	mood(data, "");
	rig_open(&rig, 640, 360, rates[0]);
	for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
		va_encode_set_rate(rig.encode, rates[i], 30);
		for (int n = 0; n < 15; n++, number++)
			rig_code(&rig, draw_busy(640, 360, number), number, false);
		rig.bytes = 0;
		for (int n = 0; n < 60; n++, number++)
			rig_code(&rig, draw_busy(640, 360, number), number, false);
		double rate = (double)rig.bytes * 8 / 2;
		g_test_message("%s: %.0f of %d kbit/s", (const char *)data, rate / 1000, rates[i] / 1000);
		g_assert_cmpfloat(rate, <, rates[i] * 1.25);
	}
	g_assert_cmpuint(rig.keyframes, ==, 1);
	rig_close(&rig);
	check_report();
}

/* ---- faults, through the ladders ---- */

struct scene {
	struct ladder *ladder;
	struct decoding *decoding;
	char encoder[192], decoder[64], reason[320];
	int encoder_changes, decoder_changes;
	gint64 changed_us; /* of the encoder, last */
	bool wants_idr, keyframe;
	uint32_t number;
	unsigned int shown, waited;
	gint64 worst_us;
};

static void on_encoder(const char *words, const char *reason, void *data)
{
	struct scene *s = data;
	s->encoder_changes++;
	s->changed_us = g_get_monotonic_time();
	g_strlcpy(s->encoder, words, sizeof(s->encoder));
	g_strlcpy(s->reason, reason, sizeof(s->reason));
	g_test_message("encoder %s: %s", words, reason);
}

static void on_decoder(const char *words, const char *reason, void *data)
{
	struct scene *s = data;
	s->decoder_changes++;
	g_strlcpy(s->decoder, words, sizeof(s->decoder));
	g_test_message("decoder %s: %s", words, reason);
}

static void scene_open(struct scene *s, const char *encoder, const char *decoder)
{
	memset(s, 0, sizeof(*s));
	const struct hardware_rules e = { .name = encoder, .retry_ms = 700, .changed = on_encoder, .data = s };
	const struct hardware_rules d = { .name = decoder, .retry_ms = 700, .changed = on_decoder, .data = s };
	s->ladder = ladder_new(&e);
	s->decoding = decoding_new(&d);
}

static void scene_close(struct scene *s)
{
	ladder_free(s->ladder);
	decoding_free(s->decoding);
}

static bool step(struct scene *s)
{
	const struct encoder_wish wish = { .width = 640, .height = 360, .fps = 30, .bitrate_bps = 1500000,
					   .codec = VIDEO_H264 };
	struct frame *frame = draw(640, 360, ++s->number), *out;
	struct encoded encoded = { 0 };
	gint64 start = g_get_monotonic_time();
	g_assert_cmpint(ladder_encode(s->ladder, &wish, frame, s->wants_idr, &encoded), ==, 0);
	frame_release(frame);
	s->keyframe = encoded.keyframe;
	if (encoded.size == 0)
		return false;
	s->wants_idr &= !encoded.keyframe;
	int r = decoding_decode(s->decoding, VIDEO_H264, encoded.bytes, encoded.size, encoded.keyframe, &out);
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

/* Until hardware has made its first picture, which takes longer on a busy machine; then the driver's faults are taken
 * off what opens it next. */
static void steps_to_hardware(struct scene *s, const char *coder, const char *words)
{
	gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
	do {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		step(s);
	} while (!strstr(coder, words));
	g_setenv("CALLBOX_VA_FAULT", "", TRUE);
	s->encoder_changes = s->decoder_changes = 1;
	s->waited = 0;
}

/* The limits as they are for one step only: a busy machine alone is no fault. */
static bool step_in_time(struct scene *s)
{
	s->worst_us = 0;
	guard_set_patience(1);
	bool shown = step(s);
	guard_set_patience(PATIENCE);
	return shown;
}

static void steps(struct scene *s, int count)
{
	for (int i = 0; i < count; i++)
		step(s);
}

static void steps_until(struct scene *s, const int *count, int wanted)
{
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	while (*count < wanted) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		step(s);
		g_usleep(1000);
	}
}

/* Until the tenth picture after the three for trial, which fails: it is shown, by software. What that cost. */
static gint64 fail_once(struct scene *s, const char *fault)
{
	mood("", fault);
	scene_open(s, "vaapi", "software");
	steps_to_hardware(s, s->encoder, "VA-API");
	steps(s, 8);
	g_assert_true(step_in_time(s));
	g_assert_true(s->keyframe);
	g_assert_cmpstr(s->encoder, ==, "openh264");
	g_test_message("%s cost %.0f ms", fault, (double)s->worst_us / 1000);
	return s->worst_us;
}

static void test_encoder_fault(const void *data)
{
	const char *fault = data;
	bool hangs = strstr(fault, "hang") != NULL;
	struct scene s;
	struct ladder_stats stats;
	gint64 cost = fail_once(&s, fault);
	for (int tries = 1; cost >= 500000 && tries < TRIES; tries++) {
		scene_close(&s);
		cost = fail_once(&s, fault);
	}
	g_assert_cmpint(cost, <, 500000);
	gint64 start = s.changed_us;
	steps_until(&s, &s.encoder_changes, 3);
	g_assert_true(s.keyframe);
	if (hangs)
		g_assert_cmpint(s.changed_us - start, >=, 650000);
	g_assert_nonnull(strstr(s.encoder, "VA-API"));
	steps(&s, 20);
	ladder_stats(s.ladder, &stats);
	g_assert_cmpuint(stats.failures, ==, 1);
	g_assert_cmpint(s.encoder_changes, ==, 3);
	g_assert_cmpint(s.waited, ==, 0);
	scene_close(&s);
	g_assert_cmpint(frame_living(), ==, 0);
	check_report();
}

static void check_not_opened(const char *words)
{
	const struct encoder_wish wish = { .width = 640, .height = 360, .fps = 30, .bitrate_bps = 1500000 };
	struct encoder *encoder;
	char why[256] = "";
	g_assert_cmpint(encoder_vaapi.open("", &wish, &encoder, why, sizeof(why)), <, 0);
	g_test_message("%s", why);
	g_assert_nonnull(strstr(why, words));
}

/* Hardware that codes something else, or fails at once, never gets to send anything. */
static void test_trial(const void *data)
{
	struct scene s;
	mood("", data);
	scene_open(&s, "vaapi", "software");
	for (int i = 0; i < 5; i++)
		g_assert_true(step(&s));
	g_assert_cmpstr(s.encoder, ==, "openh264");
	scene_close(&s);
	check_not_opened("trial");
	check_report();
}

static void test_refused(void)
{
	struct scene s;
	mood("", "refuse");
	scene_open(&s, "vaapi", "vaapi");
	steps(&s, 10);
	g_assert_cmpstr(s.encoder, ==, "openh264");
	scene_close(&s);
	check_report();
	mood("no-encode,no-decode", "");
	scene_open(&s, "auto", "auto");
	g_assert_true(step(&s));
	g_assert_cmpstr(s.encoder, ==, "openh264");
	g_assert_cmpstr(s.decoder, ==, "libavcodec");
	scene_close(&s);
	check_not_opened("no entry point that encodes");
	check_report();
}

/* Late is not dead. */
static void test_latency(void)
{
	struct scene s;
	mood("", "latency=40");
	scene_open(&s, "vaapi", "vaapi");
	steps_to_hardware(&s, s.encoder, "VA-API");
	steps_to_hardware(&s, s.decoder, "vaapi");
	s.shown = 0;
	steps(&s, 15);
	g_assert_nonnull(strstr(s.encoder, "VA-API"));
	g_assert_cmpstr(s.decoder, ==, "vaapi");
	g_assert_cmpuint(s.shown, ==, 15);
	scene_close(&s);
	check_report();
}

/* ---- decoder ---- */

static void test_decoder(const void *data)
{
	struct scene s;
	mood(data, "");
	scene_open(&s, "openh264", "vaapi");
	steps_to_hardware(&s, s.decoder, "vaapi");
	s.shown = 1;
	for (int i = 1; i < 60; i++) {
		s.wants_idr = i == 30;
		step(&s);
	}
	g_assert_cmpstr(s.decoder, ==, "vaapi");
	g_assert_cmpint(s.waited, ==, 0);
	g_assert_cmpuint(s.shown, ==, 60);
	scene_close(&s);
	g_assert_cmpint(frame_living(), ==, 0);
	check_report();
	g_assert_cmpint(told("decoded"), ==, 60);
}

/* Hardware and software decode bit by bit alike; frames are held while others come, and outlive the decoder. */
static void test_decoder_equals(void)
{
	struct encoder *encoder;
	struct decoder *hard, *soft;
	struct frame *held[6] = { NULL }, *a, *b;
	struct converter *converter = converter_new();
	const struct encoder_wish wish = { .width = 640, .height = 360, .fps = 30, .bitrate_bps = 800000 };
	char why[256];
	mood("", "");
	g_assert_cmpint(encoder_openh264.open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(decoder_vaapi.open("", &hard, why, sizeof(why)), ==, 0);
	g_assert_cmpint(decoder_avcodec.open("", &soft, why, sizeof(why)), ==, 0);
	for (uint32_t n = 0; n < 60; n++) {
		struct frame *drawn = draw(640, 360, n), *whole;
		struct encoded out;
		g_assert_cmpint(encoder_openh264.encode(encoder, drawn, false, &out), ==, 0);
		frame_release(drawn);
		if (out.size == 0)
			continue;
		g_assert_cmpint(decoder_vaapi.decode(hard, out.bytes, out.size, &a), ==, 0);
		g_assert_cmpint(decoder_avcodec.decode(soft, out.bytes, out.size, &b), ==, 0);
		g_assert_cmpint(a->format, ==, FRAME_NV12);
		g_assert_cmpuint(a->buffer, !=, 0);
		g_assert_cmpint(convert(converter, a, 640, 360, &whole), ==, 0);
		check_same(whole, b);
		frame_release(whole);
		frame_release(b);
		frame_release(held[n % 6]);
		held[n % 6] = a;
	}
	g_assert_cmpint(frame_export(held[0]), ==, 0);
	g_assert_cmpint(held[0]->dmabuf.planes, ==, 2);
	g_assert_cmpuint(held[0]->dmabuf.fourcc, ==, DRM_FORMAT_NV12);
	g_assert_cmpint(held[0]->dmabuf.fds[0], >=, 0);
	decoder_vaapi.close(hard);
	g_assert_cmpint(frame_map(held[1]), ==, 0);
	for (int i = 0; i < 6; i++)
		frame_release(held[i]);
	decoder_avcodec.close(soft);
	encoder_openh264.close(encoder);
	converter_free(converter);
	gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	while (told("violations") < 0) { /* the last frame's way home goes over the driver's thread */
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(1000);
	}
	check_report();
	g_assert_cmpint(told("exports"), ==, 1);
}

static void test_decoder_fault(const void *data)
{
	const char *fault = data;
	struct scene s;
	struct decoding_stats stats;
	mood("", fault);
	scene_open(&s, "openh264", "vaapi");
	steps_to_hardware(&s, s.decoder, "vaapi");
	steps(&s, 8);
	g_assert_cmpstr(s.decoder, ==, "vaapi");
	step_in_time(&s);
	if (s.waited) /* no keyframe: one was asked for */
		g_assert_true(step(&s));
	g_test_message("%s cost %.0f ms", fault, (double)s.worst_us / 1000);
	g_assert_cmpint(s.worst_us, <, 1000000);
	g_assert_cmpint(s.decoder_changes, >=, 2); /* to software, and with luck back already */
	steps_until(&s, &s.decoder_changes, 3);
	steps(&s, 20);
	decoding_stats(s.decoding, &stats);
	g_assert_cmpuint(stats.failures, ==, 1);
	g_assert_cmpint(s.waited, ==, 1);
	scene_close(&s);
	check_report();
}

/* ---- without the driver: what is chosen ---- */

static void test_choice(void)
{
	static const struct va_encoder_can cqp = { .entrypoint = VAEntrypointEncSlice, .rate_control = VA_RC_CQP };
	static const struct va_encoder_can lp = { .entrypoint = VAEntrypointEncSliceLP, .packed = 13, .width_max = 1920,
						  .rate_control = VA_RC_CQP | VA_RC_CBR | VA_RC_VBR };
	struct va_can can = { .encoders = { cqp, lp }, .encoder_count = 2 };
	struct va_choice choice;
	char why[128];
	g_assert_cmpint(va_choose(&can, 640, 360, &choice, why, sizeof(why)), ==, 0);
	g_assert_true(choice.can.entrypoint == VAEntrypointEncSliceLP && choice.rate_control == VA_RC_CBR);
	g_assert_true(choice.own_headers && !choice.pps_alone);
	g_assert_cmpint(va_choose(&can, 3840, 2160, &choice, why, sizeof(why)), ==, 0);
	g_assert_true(choice.can.entrypoint == VAEntrypointEncSlice && choice.rate_control == VA_RC_CQP);
	g_assert_false(choice.own_headers);
	can.encoders[1].rate_control = VA_RC_VBR;
	g_assert_cmpint(va_choose(&can, 640, 360, &choice, why, sizeof(why)), ==, 0);
	g_assert_cmpuint(choice.rate_control, ==, VA_RC_VBR);
	can.encoder_count = 0;
	g_assert_cmpint(va_choose(&can, 640, 360, &choice, why, sizeof(why)), ==, -ENOTSUP);
}

static void test_probe(void)
{
	char text[512];
	mood("lp-only,cqp-only,packed=13", "");
	g_assert_cmpint(va_probe_node("node", text, sizeof(text)), ==, 0);
	g_test_message("%s", text);
	g_assert_nonnull(strstr(text, "EncSliceLP CQP"));
	mood("no-encode", "");
	g_assert_cmpint(va_probe_node("node", text, sizeof(text)), <, 0);
	g_assert_nonnull(strstr(text, "no entry point that encodes"));
	check_report();
}

/* A driver that waits for ever where no wait has a limit: the thread is lost, and nobody else. Last: it stays. */
static void test_stuck(void)
{
	struct scene s;
	mood("no-sync-buffer", "encode:hang@13");
	scene_open(&s, "vaapi", "software");
	steps_to_hardware(&s, s.encoder, "VA-API");
	steps(&s, 8);
	g_assert_true(step_in_time(&s));
	g_assert_true(s.keyframe);
	g_test_message("it cost %.0f ms", (double)s.worst_us / 1000);
	g_assert_cmpint(s.worst_us, <, 1000000);
	g_assert_cmpstr(s.reason, ==, "vaapi hangs");
	g_assert_cmpint(guard_stuck(), ==, 1);
	gint64 start = g_get_monotonic_time();
	while (g_get_monotonic_time() - start < 1600000)
		step(&s);
	g_assert_cmpint(s.encoder_changes, ==, 2); /* not entered again */
	scene_close(&s);
}

int main(int argc, char **argv)
{
	static const char *const encoder_faults[] = { "encode:error@13", "encode:silent-error@13",
							"encode:corrupt@13", "encode:hang@13" };
	static const char *const trials[] = { "encode:error@1", "encode:corrupt@1+", "encode:corrupt@2",
					      "encode:silent-error@3" };
	static const char *const decoder_faults[] = { "decode:error@10", "decode:hang@10" };
	static const char *const rates[] = { "", "cqp-only", "cqp-only,packed=0" };
	static const char *const decoders[] = { "", "no-derive", "odd-pitch", "no-sync-buffer", "no-derive,odd-pitch" };
	g_test_init(&argc, &argv, NULL);
	folder = g_build_filename(g_getenv("CALLBOX_BUILD") ? g_getenv("CALLBOX_BUILD") : ".", "tests/vadriver", NULL);
	g_autofree char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
	report = g_build_filename(dir, "report", NULL);
	va_display_set_source(make);
	guard_set_patience(PATIENCE);
	g_test_add_func("/va/choice", test_choice);
	g_test_add_func("/va/probe", test_probe);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i += ROW_STEP) {
		g_autofree char *name = g_strconcat("/va/matrix/", rows[i].personality, NULL);
		g_test_add_data_func(name, &rows[i], test_matrix);
	}
	g_test_add_func("/va/sizes", test_sizes);
	for (int i = 0; i < RATES; i++) {
		g_autofree char *name = g_strdup_printf("/va/rate/%s", rates[i][0] ? rates[i] : "cbr");
		g_test_add_data_func(name, rates[i], test_rate);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(encoder_faults); i++) {
		g_autofree char *name = g_strconcat("/va/fault/", encoder_faults[i], NULL);
		g_test_add_data_func(name, encoder_faults[i], test_encoder_fault);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(trials); i++) {
		g_autofree char *name = g_strconcat("/va/trial/", trials[i], NULL);
		g_test_add_data_func(name, trials[i], test_trial);
	}
	g_test_add_func("/va/refused", test_refused);
	g_test_add_func("/va/latency", test_latency);
	for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++) {
		g_autofree char *name = g_strdup_printf("/va/decoder/%s", decoders[i][0] ? decoders[i] : "plain");
		g_test_add_data_func(name, decoders[i], test_decoder);
	}
	g_test_add_func("/va/decoder-equals", test_decoder_equals);
	for (size_t i = 0; i < G_N_ELEMENTS(decoder_faults); i++) {
		g_autofree char *name = g_strconcat("/va/fault/", decoder_faults[i], NULL);
		g_test_add_data_func(name, decoder_faults[i], test_decoder_fault);
	}
	g_test_add_func("/va/zz-last/stuck", test_stuck);
	int r = g_test_run();
	g_unlink(report);
	g_rmdir(dir);
	return r;
}
