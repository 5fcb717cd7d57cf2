/* Cameras without one: what of their times and numbers is believed, quirks.conf and its mistakes, words for
 * controls, access units of a camera's encoder, and what the source does about a camera in trouble (a scripted
 * driver). */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/devices/devices.h"
#include "core/devices/quirks.h"
#include "core/video/source.h"
#include "drivers-glue/camera_h264.h"
#include "drivers-glue/camera_stamp.h"

/* ---- stamps ---- */

static void test_sequence(void)
{
	static const struct { uint32_t numbers[6]; uint64_t missing; } rows[] = {
		{ { 0, 1, 2, 3, 4, 5 }, 0 },
		{ { 0, 1, 4, 5, 9, 10 }, 5 },
		{ { UINT32_MAX - 1, UINT32_MAX, 0, 1, 2, 3 }, 0 },	/* wraps */
		{ { UINT32_MAX - 1, UINT32_MAX, 2, 3, 4, 5 }, 2 },	/* and misses two there */
		{ { 7, 7, 8, 8, 9, 10 }, 0 },				/* repeats itself */
		{ { 500, 501, 0, 1, 2, 3 }, 0 },			/* begins again */
		{ { 0, 1, 90000, 90001, 90002, 90003 }, 0 },		/* jumps */
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct camera_stamp stamp = { 0 };
		struct camera_counts counts = { 0 };
		for (size_t n = 0; n < G_N_ELEMENTS(rows[i].numbers); n++)
			camera_stamp_sequence(&stamp, rows[i].numbers[n], &counts);
		g_assert_cmpuint(counts.missing, ==, rows[i].missing);
	}
}

static void test_time(void)
{
	const int64_t now = 1000000000;
	static const struct { int64_t offset; bool monotonic, right; uint64_t wrong; } rows[] = {
		{ -20000, true, true, 0 }, { 40000, true, false, 1 }, { -5000000, true, false, 1 },
		{ -20000, false, false, 0 }, { -999999, true, true, 0 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct camera_stamp stamp = { 0 };
		struct camera_counts counts = { 0 };
		int64_t us = camera_stamp_time(&stamp, now + rows[i].offset, rows[i].monotonic, now, &counts);
		g_assert_cmpint(us, ==, rows[i].right ? now + rows[i].offset : now);
		g_assert_cmpuint(counts.wrong_time, ==, rows[i].wrong);
	}
	struct camera_stamp stamp = { 0 };
	struct camera_counts counts = { 0 };
	int64_t last = 0;
	for (int i = 0; i < 100; i++) { /* the driver's clock stands still, runs back, wraps */
		int64_t us = camera_stamp_time(&stamp, i % 3 ? now - i : 12345, true, now + i / 10, &counts);
		g_assert_cmpint(us, >, last);
		last = us;
	}
	stamp = (struct camera_stamp){ .ignore_time = true };
	g_assert_cmpint(camera_stamp_time(&stamp, now - 20000, true, now, &counts), ==, now);
}

/* ---- quirks ---- */

static int load(const char *text, struct quirks **ret_quirks, char **ret_error)
{
	g_autofree char *file = NULL;
	close(g_file_open_tmp("quirks-XXXXXX.conf", &file, NULL));
	g_assert_true(g_file_set_contents(file, text, -1, NULL));
	int r = quirks_load(file, ret_quirks, ret_error);
	g_unlink(file);
	return r;
}

static void test_quirks(void)
{
	static const char text[] = "# a comment\n\n[driver uvc*]\nskip_formats = NV12 MJPG\nsettle_frames = 3 # why\n"
				   "[card HD*]\nsize = 1280x720\n[usb 046d:0825]\nsettle_frames = 7\nexpbuf = no\n";
	struct quirks *quirks = NULL;
	char *error = NULL;
	struct quirk q;
	g_assert_cmpint(load(text, &quirks, &error), ==, 0);
	const struct camera_names both = { "uvcvideo", "HD Webcam", "046d:0825" }, none = { "vivid", "vivid", "" };
	quirks_find(quirks, &both, &q);
	g_assert_cmpstr(q.skip_formats, ==, "NV12 MJPG");
	g_assert_cmpstr(q.size, ==, "1280x720");
	g_assert_cmpint(q.settle_frames, ==, 7);
	g_assert_false(q.expbuf);
	quirk_clear(&q);
	quirks_find(quirks, &none, &q);
	g_assert_null(q.skip_formats);
	g_assert_cmpint(q.settle_frames, ==, 0);
	g_assert_cmpint(q.warm_up_ms, ==, 2000);
	g_assert_true(q.expbuf);
	quirk_clear(&q);
	quirks_free(quirks);
	quirks_find(NULL, &none, &q);
	g_assert_true(q.expbuf);
	quirk_clear(&q);
}

static void test_quirks_mistakes(void)
{
	static const struct { const char *text, *error; } rows[] = {
		{ "settle_frames = 1\n", ".conf:1: settle_frames = 1: stands before the first [section]" },
		{ "[driver vivid]\n\nsettle = 1\n", ".conf:3: settle: unknown key" },
		{ "[driver vivid]\nfps = 30\n[card X]\n# no\nfps = 3000\n", ".conf:5: fps: 3000 is outside 0..240" },
		{ "[usb]\n", ".conf:1: [usb]: a section is" },
		{ "[bus pci]\n", ".conf:1: [bus pci]: \"bus\" is none of driver, card, usb" },
		{ "[driver vivid\n", ".conf:1: [driver vivid: a section is" },
		{ "[card A]\nsize = big\n", ".conf:2: size: \"big\" is no WIDTHxHEIGHT" },
		{ "[card A]\nwarm_up = 1h\n", ".conf:2: warm_up: 3600000 ms is outside 500..60000" },
		{ "[card A]\nwhat\n", ".conf:2: \"what\": a line is KEY = VALUE" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct quirks *quirks = NULL;
		g_autofree char *error = NULL;
		g_assert_cmpint(load(rows[i].text, &quirks, &error), <, 0);
		if (!strstr(error, rows[i].error))
			g_error("\"%s\" is not in \"%s\"", rows[i].error, error);
	}
}

/* ---- words for controls ---- */

static void test_words(void)
{
	struct control_word word;
	char name[CONTROL_BYTES], *why = NULL;
	g_assert_cmpint(control_word_parse("brightness=140", &word), ==, 0);
	g_assert_cmpstr(word.name, ==, "brightness");
	g_assert_cmpstr(word.value, ==, "140");
	static const char *const wrong[] = { "", "brightness", "=1", "brightness=", "Brightness=1", "a b=1" };
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_cmpint(control_word_parse(wrong[i], &word), ==, -EINVAL);
	control_name_of("Exposure, Dynamic Framerate", name);
	g_assert_cmpstr(name, ==, "exposure_dynamic_framerate");
	g_assert_cmpint(control_presets_check("wide:zoom_absolute=100,pan_absolute=0 board:zoom_absolute=300", &why),
			==, 0);
	g_assert_cmpint(control_presets_check("wide:zoom", &why), ==, -EINVAL);
	g_clear_pointer(&why, g_free);
	g_assert_cmpint(control_presets_check("wide", &why), ==, -EINVAL);
	g_clear_pointer(&why, g_free);
	g_autofree char *preset = control_preset_find("wide:a=1,b=2 wider:c=3", "wide");
	g_assert_cmpstr(preset, ==, "a=1 b=2");
	g_assert_null(control_preset_find("wide:a=1", "wid"));
	g_autofree char *all = control_words_merge("a=1 b=2", "b=3 c=4 c=5");
	g_assert_cmpstr(all, ==, "a=1 b=3 c=5");
}

/* ---- access units ---- */

static void unit_home(struct frame *frame)
{
	g_free(frame);
}

static struct frame *unit_of(const uint8_t *bytes, size_t size)
{
	static const struct frame_ops ops = { .give_back = unit_home };
	struct frame *frame = g_new0(struct frame, 1);
	frame->format = FRAME_H264;
	frame->planes[0] = (uint8_t *)bytes;
	frame->bytes = size;
	frame_begin(frame, &ops, NULL);
	return frame;
}

static void test_units(void)
{
	static const uint8_t whole[] = { 0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 1, 2 };
	static const uint8_t idr[] = { 0, 0, 0, 1, 0x65, 3, 4 }, slice[] = { 0, 0, 1, 0x41, 5, 6 };
	static const uint8_t junk[] = { 1, 2, 3, 4, 5 };
	struct camera_h264 h264 = { .bytes = 0 };
	struct frame *out;
	g_assert_cmpint(camera_h264_unit(&h264, unit_of(idr, sizeof(idr)), &out), ==, 0);
	g_assert_false(out->keyframe); /* its sets were never seen */
	frame_release(out);
	g_assert_cmpint(camera_h264_unit(&h264, unit_of(whole, sizeof(whole)), &out), ==, 0);
	g_assert_true(out->keyframe);
	g_assert_cmpuint(out->bytes, ==, sizeof(whole));
	frame_release(out);
	g_assert_cmpint(camera_h264_unit(&h264, unit_of(slice, sizeof(slice)), &out), ==, 0);
	g_assert_false(out->keyframe);
	frame_release(out);
	g_assert_cmpint(camera_h264_unit(&h264, unit_of(idr, sizeof(idr)), &out), ==, 0);
	g_assert_true(out->keyframe);
	g_assert_cmpuint(out->bytes, ==, 14 + sizeof(idr)); /* the sets that were sent once, and the unit */
	g_assert_true(memcmp(out->planes[0], whole, 14) == 0);
	g_assert_true(memcmp(out->planes[0] + 14, idr, sizeof(idr)) == 0);
	frame_release(out);
	g_assert_cmpint(camera_h264_unit(&h264, unit_of(junk, sizeof(junk)), &out), ==, -EBADMSG);
	g_assert_cmpint(frame_living(), ==, 0);
}

/* Whatever bytes come: no byte outside is touched, and every frame comes home. */
static void test_units_random(void)
{
	struct camera_h264 h264 = { .bytes = 0 };
	GRand *random = g_rand_new_with_seed(4);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)g_rand_int_range(random, 1, i % 50 ? 64 : 3000);
		g_autofree uint8_t *bytes = g_malloc(size);
		struct frame *out;
		for (size_t b = 0; b < size; b++) { /* many start codes and parameter sets */
			int dice = g_rand_int_range(random, 0, 8);
			bytes[b] = dice < 4 ? 0 : dice < 6 ? 1 : dice == 6 ? 0x67 + b % 2 : (uint8_t)g_rand_int(random);
		}
		if (camera_h264_unit(&h264, unit_of(bytes, size), &out) == 0)
			frame_release(out);
	}
	g_rand_free(random);
	g_assert_cmpint(frame_living(), ==, 0);
}

/* ---- the source, with a camera that does as it is told ---- */

struct camera {
	struct camera_wish wish;
};

static struct {
	int open_r, next_r, restart_r; /* what the calls return */
	int opened, restarted, closed;
	int words_set;
} script;

static int script_open(const char *address, const struct camera_wish *wish, struct camera **ret_camera, char *why,
		       size_t why_bytes)
{
	(void)address;
	script.opened++;
	if (script.open_r < 0) {
		g_strlcpy(why, "not there", why_bytes);
		return script.open_r;
	}
	*ret_camera = g_new0(struct camera, 1);
	(*ret_camera)->wish = *wish;
	return 0;
}

static int script_next(struct camera *camera, int timeout_ms, struct frame **ret_frame)
{
	if (script.next_r == -ETIMEDOUT)
		g_usleep((gulong)timeout_ms * 1000);
	if (script.next_r < 0)
		return script.next_r;
	g_usleep(10000);
	return frame_new(FRAME_I420, camera->wish.width, camera->wish.height, ret_frame);
}

static int script_restart(struct camera *camera)
{
	(void)camera;
	script.restarted++;
	return script.restart_r;
}

static int script_control(struct camera *camera, const char *name, const char *value, char *why, size_t why_bytes)
{
	(void)camera;
	(void)value;
	script.words_set++;
	if (strcmp(name, "none") == 0) {
		g_strlcpy(why, "no such control", why_bytes);
		return -ENOENT;
	}
	return 0;
}

static void script_describe(const struct camera *camera, char *text, size_t text_bytes)
{
	(void)camera;
	g_strlcpy(text, "script", text_bytes);
}

static void script_close(struct camera *camera)
{
	script.closed++;
	g_free(camera);
}

static const struct camera_driver script_driver = {
	.name = "script", .open = script_open, .next = script_next, .restart = script_restart,
	.control_set = script_control, .describe = script_describe, .close = script_close,
};
const struct camera_driver *const camera_drivers[] = { &script_driver, NULL };
const struct view_driver *const view_drivers[] = { NULL };
const struct encoder_driver *const encoder_drivers[] = { NULL };
const struct decoder_driver *const decoder_drivers[] = { NULL };

static GString *states;

static void on_camera(const char *id, const char *state, const char *message, void *data)
{
	(void)id;
	(void)message;
	(void)data;
	g_string_append_printf(states, "%s ", state);
}

static struct source *source_begin(const char *controls)
{
	const struct camera_wish wish = { .width = 320, .height = 180, .fps = 30 };
	memset(&script, 0, sizeof(script));
	states = g_string_new(NULL);
	return source_new("script:", &wish, controls, on_camera, NULL);
}

/* Runs until so many frames of the camera, or placeholders, came. */
static void run(struct source *source, int frames, bool live)
{
	gint64 limit = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	while (frames > 0) {
		struct frame *frame;
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		if (source_next(source, &frame) < 0)
			continue;
		frames -= source_is_live(source) == live;
		frame_release(frame);
	}
}

static void source_end(struct source *source, const char *expected)
{
	g_assert_cmpstr(states->str, ==, expected);
	source_free(source);
	g_string_free(states, TRUE);
	g_assert_cmpint(script.closed, ==, script.opened - (script.open_r < 0));
	g_assert_cmpint(frame_living(), ==, 0);
}

static void test_source_broken(void)
{
	struct source *source = source_begin(NULL);
	struct frame *frame;
	run(source, 3, true);
	script.next_r = -EIO;
	g_assert_cmpint(source_next(source, &frame), ==, -EAGAIN);
	g_assert_cmpint(script.restarted, ==, 1);
	script.next_r = 0;
	run(source, 3, true); /* nobody is told: the call goes on */
	script.next_r = -EIO;
	script.restart_r = -EIO;
	run(source, 10, false);
	g_assert_cmpint(script.opened, <, 12); /* it can be opened, but not at the speed of the machine */
	script.next_r = 0;
	run(source, 3, true);
	source_end(source, "opened lost back ");
}

static void test_source_unplugged(void)
{
	struct source *source = source_begin("brightness=3 none=1");
	struct frame *frame;
	run(source, 2, true);
	g_assert_cmpint(script.words_set, ==, 2);
	script.next_r = -ENODEV;
	script.open_r = -ENOENT;
	source_next(source, &frame);
	gint64 began = g_get_monotonic_time();
	run(source, 1, false);
	g_assert_cmpint(g_get_monotonic_time() - began, <, 500000); /* R8 */
	run(source, 4, false);
	script.next_r = script.open_r = 0;
	run(source, 2, true);
	g_assert_cmpint(script.words_set, ==, 4); /* set again on the camera that came */
	script.open_r = 0;
	script.opened = script.closed + 1; /* failed openings are not closed */
	source_end(source, "opened lost back ");
}

static void test_source_stalled(void)
{
	struct source *source = source_begin(NULL);
	run(source, 2, true);
	script.next_r = -ETIMEDOUT;
	run(source, 1, false); /* begun anew after 2 s, then a placeholder */
	g_assert_cmpint(script.restarted, ==, 1);
	while (script.closed == 0) /* and 2 s later given up */
		run(source, 1, false);
	script.next_r = 0;
	run(source, 2, true);
	source_end(source, "opened lost back ");
}

static void test_source_damaged(void)
{
	struct source *source = source_begin(NULL);
	struct frame *frame;
	gint64 limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	run(source, 2, true);
	while (script.restarted == 0) { /* its pictures look good, but no decoder likes them */
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		if (source_next(source, &frame) < 0)
			continue;
		source_damaged(source);
		frame_release(frame);
	}
	run(source, 3, true);
	script.next_r = -ESTALE;
	g_assert_cmpint(source_next(source, &frame), ==, -EAGAIN);
	g_assert_cmpint(source_next(source, &frame), ==, -EAGAIN);
	script.next_r = 0;
	run(source, 3, true); /* two changes of format, one after the other */
	g_assert_cmpint(script.restarted, ==, 3);
	source_end(source, "opened ");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/camera/sequence", test_sequence);
	g_test_add_func("/camera/time", test_time);
	g_test_add_func("/camera/quirks", test_quirks);
	g_test_add_func("/camera/quirks-mistakes", test_quirks_mistakes);
	g_test_add_func("/camera/words", test_words);
	g_test_add_func("/camera/units", test_units);
	g_test_add_func("/camera/units-random", test_units_random);
	g_test_add_func("/camera/broken", test_source_broken);
	g_test_add_func("/camera/unplugged", test_source_unplugged);
	g_test_add_func("/camera/stalled", test_source_stalled);
	g_test_add_func("/camera/damaged", test_source_damaged);
	return g_test_run();
}
