/* video_bench: CPU time a frame of each way that a picture can take, beside its baseline in the same run. The VA-API
 * driver is the software one of tests/vadriver: what it computes in place of a GPU is in "whole" rows only, where
 * the ways differ by the copies they make.
 *
 * usage: video_bench [FRAMES]   CALLBOX_BUILD: where the driver was built */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/devices/convert.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/pattern.h"
#include "drivers-glue/va_display.h"
#include "drivers-glue/va_encode.h"
#include "tests/unit/exported.h"
#include "tests/vadriver/display.h"

static int frames = 200;

static VADisplay make(void)
{
	g_autofree char *folder = g_build_filename(g_getenv("CALLBOX_BUILD"), "tests/vadriver", NULL);
	return display_create(folder);
}

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct frame *draw(int width, int height, uint32_t number)
{
	struct frame *frame;
	struct picture picture;
	const struct pattern_mark mark = { number, number * 33 };
	if (frame_new(FRAME_I420, width, height, &frame) < 0 || frame_picture(frame, &picture) < 0)
		g_error("no frame");
	pattern_draw(&picture, &mark);
	frame->capture_us = (int64_t)number * 33333;
	return frame;
}

/* ---- the ways ---- */

struct bench {
	int width, height;
	struct converter *converter;
	struct encoder *encoder;
	struct decoder *hard, *soft;
	struct va_display display;
	struct va_input *input;
	struct va_encode *encode;
	GPtrArray *units; /* GByteArray */
	struct frame *frames[4]; /* of the way's format */
};

static void run_convert(struct bench *b, int n)
{
	struct frame *out;
	if (convert(b->converter, b->frames[n % 4], b->width, b->height, &out) == 0)
		frame_release(out);
}

static void run_shrink(struct bench *b, int n)
{
	struct frame *out;
	if (convert(b->converter, b->frames[n % 4], b->width / 2, b->height / 2, &out) == 0)
		frame_release(out);
}

static void run_openh264(struct bench *b, int n)
{
	struct encoded out;
	b->frames[n % 4]->capture_us = (int64_t)n * 33333;
	if (encoder_openh264.encode(b->encoder, b->frames[n % 4], false, &out) < 0)
		g_error("openh264 failed");
}

static void run_input(struct bench *b, int n)
{
	VASurfaceID surface;
	if (va_input_surface(b->input, b->frames[n % 4], &surface) < 0)
		g_error("no surface");
}

static void run_encode(struct bench *b, int n)
{
	struct encoded out;
	if (va_encode_picture(b->encode, b->frames[n % 4], false, &out) < 0)
		g_error("VA-API failed");
}

static void decode(struct bench *b, const struct decoder_driver *driver, struct decoder *decoder, int n)
{
	const GByteArray *unit = b->units->pdata[(guint)n % b->units->len];
	struct frame *out;
	if (driver->decode(decoder, unit->data, unit->len, &out) < 0)
		return;
	frame_map(out);
	frame_release(out);
}

static void run_soft(struct bench *b, int n)
{
	decode(b, &decoder_avcodec, b->soft, n);
}

static void run_hard(struct bench *b, int n)
{
	decode(b, &decoder_vaapi, b->hard, n);
}

static const struct way {
	const char *name;
	void (*run)(struct bench *bench, int n);
	enum frame_format format;
	bool exported;
	int baseline; /* row that this one is compared with; -1: none */
} ways[] = {
	{ "convert YUYV to I420, libyuv", run_convert, FRAME_YUYV, true, -1 },
	{ "shrink I420 to half, libyuv", run_shrink, FRAME_I420, false, -1 },
	{ "into a surface: copy of I420", run_input, FRAME_I420, false, -1 },
	{ "into a surface: dma-buf as it is", run_input, FRAME_NV12, true, 2 },
	{ "whole: openh264, from YUYV", NULL, FRAME_YUYV, true, -1 },
	{ "whole: openh264, from I420", run_openh264, FRAME_I420, false, -1 },
	{ "whole: VA-API (in software), copy", run_encode, FRAME_I420, false, -1 },
	{ "whole: VA-API (in software), dma-buf", run_encode, FRAME_NV12, true, 6 },
	{ "decode: libavcodec", run_soft, FRAME_I420, false, -1 },
	{ "decode: VA-API (in software), mapped", run_hard, FRAME_I420, false, 8 },
};

static void run_openh264_converted(struct bench *b, int n)
{
	struct frame *out;
	struct encoded encoded;
	if (convert(b->converter, b->frames[n % 4], b->width, b->height, &out) < 0)
		return;
	out->capture_us = (int64_t)n * 33333;
	encoder_openh264.encode(b->encoder, out, false, &encoded);
	frame_release(out);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median_of(struct bench *b, const struct way *way)
{
	g_autofree double *spent = g_new(double, (gsize)frames);
	for (int i = 0; i < 4; i++) {
		struct frame *frame = draw(b->width, b->height, (uint32_t)i);
		b->frames[i] = way->exported ? exported_of(frame, way->format) : frame;
		b->frames[i]->buffer = frame_buffer_new();
	}
	for (int n = -8; n < frames; n++) {
		double start = cpu_us();
		(way->run ? way->run : run_openh264_converted)(b, n + 8);
		if (n >= 0)
			spent[n] = cpu_us() - start;
	}
	for (int i = 0; i < 4; i++)
		frame_release(b->frames[i]);
	qsort(spent, (size_t)frames, sizeof(spent[0]), by_value);
	return spent[frames / 2];
}

static void units_make(struct bench *b)
{
	b->units = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
	for (int n = 0; n < 60; n++) {
		struct encoded out;
		struct frame *frame = draw(b->width, b->height, (uint32_t)n);
		if (encoder_openh264.encode(b->encoder, frame, n == 0, &out) == 0 && out.size > 0) {
			GByteArray *unit = g_byte_array_new();
			g_byte_array_append(unit, out.bytes, (guint)out.size);
			g_ptr_array_add(b->units, unit);
		}
		frame_release(frame);
	}
}

static void bench(int width, int height)
{
	const struct encoder_wish wish = { .width = width, .height = height, .fps = 30, .bitrate_bps = 2000000 };
	struct bench b = { .width = width, .height = height, .converter = converter_new() };
	double medians[G_N_ELEMENTS(ways)];
	char why[256];
	if (encoder_openh264.open("", &wish, &b.encoder, why, sizeof(why)) < 0 ||
	    decoder_avcodec.open("", &b.soft, why, sizeof(why)) < 0 ||
	    decoder_vaapi.open("", &b.hard, why, sizeof(why)) < 0 ||
	    va_display_open("bench", &b.display, why, sizeof(why)) < 0 ||
	    va_input_open(b.display.display, width, height, true, &b.input) < 0 ||
	    va_encode_open("", &wish, &b.encode, why, sizeof(why)) < 0)
		g_error("%s", why);
	units_make(&b);
	printf("%dx%d, median of %d frames                 CPU us   of its baseline\n", width, height, frames);
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		medians[i] = median_of(&b, &ways[i]);
		printf("  %-42s %8.0f", ways[i].name, medians[i]);
		if (ways[i].baseline >= 0)
			printf("   %.2f", medians[i] / medians[ways[i].baseline]);
		printf("\n");
	}
	g_ptr_array_unref(b.units);
	va_encode_close(b.encode);
	va_input_close(b.input);
	va_display_close(&b.display);
	decoder_vaapi.close(b.hard);
	decoder_avcodec.close(b.soft);
	encoder_openh264.close(b.encoder);
	converter_free(b.converter);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		frames = (int)CLAMP(g_ascii_strtoll(argv[1], NULL, 10), 10, 100000);
	if (!g_getenv("CALLBOX_BUILD"))
		g_setenv("CALLBOX_BUILD", ".", TRUE);
	va_display_set_source(make);
	guard_set_patience(50);
	bench(640, 360);
	bench(1280, 720);
	bench(1920, 1080);
	return 0;
}
