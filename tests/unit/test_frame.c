/* Frames: counted from several threads and home once; every format converts to the same picture; damaged ones
 * are refused; JPEG's full range is narrowed. */
#include <errno.h>
#include <glib.h>
#include <libyuv.h>
#include <string.h>
#include <turbojpeg.h>

#include "core/devices/convert.h"
#include "drivers-glue/pattern.h"

#define WIDTH 640
#define HEIGHT 360

static gpointer hold_and_release(gpointer data)
{
	for (int i = 0; i < 10000; i++)
		frame_release(frame_hold(data));
	frame_release(data);
	return NULL;
}

static atomic_int homecomings;

static void come_home(struct frame *frame)
{
	(void)frame;
	atomic_fetch_add(&homecomings, 1);
}

static void test_counted(void)
{
	static const struct frame_ops ops = { .give_back = come_home };
	struct frame frame = { .format = FRAME_I420 };
	GThread *threads[4];
	frame_begin(&frame, &ops, NULL);
	g_assert_cmpint(frame_living(), ==, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("holder", hold_and_release, frame_hold(&frame));
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	g_assert_cmpint(homecomings, ==, 0);
	frame_release(&frame);
	g_assert_cmpint(homecomings, ==, 1);
	g_assert_cmpint(frame_living(), ==, 0);
	g_assert_cmpint(frame_map(&frame), ==, -ENOTSUP);
	g_assert_cmpint(frame_export(&frame), ==, -ENOTSUP);
}

static struct frame *draw(void)
{
	struct frame *frame;
	struct picture picture;
	const struct pattern_mark mark = { 4711, 1234 };
	g_assert_cmpint(frame_new(FRAME_I420, WIDTH, HEIGHT, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	pattern_draw(&picture, &mark);
	frame->capture_us = 99;
	return frame;
}

static struct frame *made_of(struct frame *i420, enum frame_format format)
{
	struct frame *f;
	uint8_t **a = i420->planes;
	int *n = i420->strides;
	g_assert_cmpint(frame_new(format, WIDTH, HEIGHT, &f), ==, 0);
	f->capture_us = i420->capture_us;
	if (format == FRAME_NV12)
		I420ToNV12(a[0], n[0], a[1], n[1], a[2], n[2], f->planes[0], f->strides[0], f->planes[1],
			   f->strides[1], WIDTH, HEIGHT);
	else if (format == FRAME_YUYV)
		I420ToYUY2(a[0], n[0], a[1], n[1], a[2], n[2], f->planes[0], f->strides[0], WIDTH, HEIGHT);
	else
		I420ToUYVY(a[0], n[0], a[1], n[1], a[2], n[2], f->planes[0], f->strides[0], WIDTH, HEIGHT);
	return f;
}

static void check_pattern(struct frame *frame)
{
	struct pattern_mark mark;
	struct picture picture;
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	g_assert_cmpint(pattern_read(&picture, &mark), ==, 0);
	g_assert_cmpuint(mark.number, ==, 4711);
}

static void test_raw(void)
{
	static const enum frame_format formats[] = { FRAME_NV12, FRAME_YUYV, FRAME_UYVY };
	struct converter *converter = converter_new();
	struct frame *drawn = draw(), *out;
	g_assert_cmpint(convert(converter, drawn, WIDTH, HEIGHT, &out), ==, 0);
	g_assert_true(out == drawn); /* nothing to do: held, not copied */
	frame_release(out);
	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
		struct frame *raw = made_of(drawn, formats[i]);
		g_assert_cmpint(convert(converter, raw, WIDTH, HEIGHT, &out), ==, 0);
		check_pattern(out);
		g_assert_cmpint(out->capture_us, ==, 99);
		frame_release(out);
		g_assert_cmpint(convert(converter, raw, 1280, 720, &out), ==, 0);
		g_assert_cmpint(out->width, ==, 1280);
		check_pattern(out);
		frame_release(out);
		raw->bytes /= 2; /* a short frame */
		g_assert_cmpint(convert(converter, raw, WIDTH, HEIGHT, &out), ==, -EBADMSG);
		g_assert_cmpint(convert(converter, raw, 320, 180, &out), ==, -EBADMSG);
		frame_release(raw);
	}
	frame_release(drawn);
	converter_free(converter);
	g_assert_cmpint(frame_living(), ==, 0);
}

static void jpeg_give_back(struct frame *frame)
{
	tjFree(frame->planes[0]);
	g_free(frame);
}

static struct frame *jpeg_of(struct frame *drawn, int subsampling)
{
	static const struct frame_ops ops = { .give_back = jpeg_give_back };
	g_autofree uint8_t *rgb = g_malloc(WIDTH * HEIGHT * 3);
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	tjhandle tj = tjInitCompress();
	struct frame *frame = g_new0(struct frame, 1);
	I420ToRAW(drawn->planes[0], drawn->strides[0], drawn->planes[1], drawn->strides[1], drawn->planes[2],
		  drawn->strides[2], rgb, WIDTH * 3, WIDTH, HEIGHT);
	g_assert_cmpint(tjCompress2(tj, rgb, WIDTH, 0, HEIGHT, TJPF_RGB, &bytes, &size, subsampling, 90, 0), ==, 0);
	tjDestroy(tj);
	frame->format = FRAME_JPEG;
	frame->width = WIDTH;
	frame->height = HEIGHT;
	frame->full_range = true;
	frame->planes[0] = bytes;
	frame->bytes = size;
	frame_begin(frame, &ops, NULL);
	return frame;
}

/* Mean difference of the luma of two frames. */
static double difference(const struct frame *a, const struct frame *b)
{
	double sum = 0;
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			sum += ABS(a->planes[0][y * a->strides[0] + x] - b->planes[0][y * b->strides[0] + x]);
	return sum / (WIDTH * HEIGHT);
}

static void test_jpeg(void)
{
	static const int samplings[] = { TJSAMP_420, TJSAMP_422, TJSAMP_444 };
	struct converter *converter = converter_new();
	struct frame *drawn = draw(), *out;
	for (size_t i = 0; i < G_N_ELEMENTS(samplings); i++) {
		struct frame *jpeg = jpeg_of(drawn, samplings[i]);
		g_assert_cmpint(convert(converter, jpeg, WIDTH, HEIGHT, &out), ==, 0);
		g_assert_false(out->full_range);
		g_assert_cmpfloat(difference(drawn, out), <, 2.0);
		check_pattern(out);
		frame_release(out);
		size_t whole = jpeg->bytes;
		for (size_t cut = 1; cut < whole; cut += whole / 20 + 1) { /* never a crash, never half a picture */
			jpeg->bytes = cut;
			g_assert_cmpint(convert(converter, jpeg, WIDTH, HEIGHT, &out), ==, -EBADMSG);
		}
		jpeg->bytes = whole;
		jpeg->planes[0][1] = 0; /* no SOI */
		g_assert_cmpint(convert(converter, jpeg, WIDTH, HEIGHT, &out), ==, -EBADMSG);
		frame_release(jpeg);
	}
	frame_release(drawn);
	converter_free(converter);
}

static void test_fit(void)
{
	const struct frame f = { .width = 1920, .height = 1080 }, square = { .width = 720, .height = 720 };
	int w, h;
	convert_fit(&f, 640, 360, &w, &h);
	g_assert_true(w == 640 && h == 360);
	convert_fit(&square, 640, 360, &w, &h);
	g_assert_true(w == 360 && h == 360);
	convert_fit(&f, 4000, 4000, &w, &h);
	g_assert_true(w == 1920 && h == 1080);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/frame/counted", test_counted);
	g_test_add_func("/frame/raw", test_raw);
	g_test_add_func("/frame/jpeg", test_jpeg);
	g_test_add_func("/frame/fit", test_fit);
	return g_test_run();
}
