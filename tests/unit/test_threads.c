/* The threads of callbox-media and callbox-video at work: sound from a tone through Opus and the jitter buffer
 * into a file, pictures from the pattern through two unit channels into a view. What arrives is judged by
 * content; run under ThreadSanitizer too. */
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/base/channel.h"
#include "core/media/sound/sound.h"
#include "core/video/capture.h"
#include "core/video/render.h"
#include "drivers-glue/pattern.h"

#define LIMIT_US (60 * G_USEC_PER_SEC)

/* Waits until test(data), the limit fails the test. */
static void wait_until(bool (*test)(void *data), void *data)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (!test(data)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_main_context_iteration(NULL, FALSE);
		g_usleep(2000);
	}
}

/* ---- sound ---- */

struct wire {
	struct sound *to;
	int sequence, silent; /* atomic */
};

static void on_packet(const uint8_t *opus, size_t bytes, uint32_t rtp_time, bool marker, int64_t capture_us, void *data)
{
	struct wire *wire = data;
	(void)marker;
	int sequence = g_atomic_int_add(&wire->sequence, 1);
	if (bytes < 20)
		g_atomic_int_inc(&wire->silent);
	if (sequence % 20 != 7) /* one in twenty is lost */
		sound_receive(wire->to, opus, bytes, (uint16_t)sequence, rtp_time, capture_us);
}

static void on_device(const char *kind, const char *id, const char *state, const char *message, void *data)
{
	(void)kind, (void)id, (void)message, (void)data;
	g_assert_cmpstr(state, ==, "opened");
}

static const struct sound_ops sound_callbacks = { on_packet, on_device };

static bool has_decoded(void *data)
{
	struct sound_stats stats;
	sound_stats(data, &stats);
	return stats.jitter.decoded >= 100;
}

static bool has_been_silent(void *data)
{
	return g_atomic_int_get(&((struct wire *)data)->silent) > 5;
}

static double wav_rms(const char *file)
{
	g_autofree char *bytes = NULL;
	gsize size;
	g_assert_true(g_file_get_contents(file, &bytes, &size, NULL));
	g_assert_cmpmem(bytes, 4, "RIFF", 4);
	const int16_t *samples = (const int16_t *)(void *)(bytes + 44);
	size_t count = (size - 44) / 2, from = count / 4, to = count / 2;
	double sum = 0;
	for (size_t i = from; i < to; i++)
		sum += (double)samples[i] * samples[i];
	return sqrt(sum / (double)(to - from));
}

static void test_sound(void)
{
	g_autofree char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "heard.wav", NULL);
	g_autofree char *speaker = g_strconcat("file:", file, NULL);
	const struct sound_settings talks = { .microphone = "tone:440", .speaker = "null:", .bitrate_bps = 32000,
					      .echo_cancel = true };
	const struct sound_settings hears = { .microphone = "null:", .speaker = speaker, .bitrate_bps = 32000 };
	struct wire wire = { 0 }, nowhere = { 0 };
	struct sound *a, *b;
	g_assert_cmpint(sound_start(&hears, &sound_callbacks, &nowhere, &b), ==, 0);
	wire.to = b;
	g_assert_cmpint(sound_start(&talks, &sound_callbacks, &wire, &a), ==, 0);
	g_usleep(100000); /* the gate is closed: whatever time passes, nothing leaves */
	g_assert_cmpint(g_atomic_int_get(&wire.sequence), ==, 0);
	sound_gate(a, true);
	wait_until(has_decoded, b);
	sound_mute(a, true);
	wait_until(has_been_silent, &wire);
	sound_switch(a, "microphone", "null:");
	sound_playout_mute(b, true);
	struct sound_stats stats;
	sound_stats(b, &stats);
	g_assert_cmpuint(stats.jitter.fec + stats.jitter.concealed, >, 0);
	sound_stop(a);
	sound_stop(b);
	double rms = wav_rms(file);
	g_test_message("heard at %.0f of %d", rms, 5820);
	g_assert_cmpfloat(rms, >, 3000);
	g_assert_cmpfloat(rms, <, 8000);
	g_unlink(file);
	g_rmdir(dir);
}

/* ---- pictures ---- */

struct joined {
	struct unit_channel *to; /* of the other box */
};

static void bridge_unit(const struct unit *unit, void *data)
{
	unit_channel_send(((struct joined *)data)->to, unit);
}

static void bridge_idr(void *data)
{
	unit_channel_request_idr(((struct joined *)data)->to);
}

static void bridge_rate(int bits_per_second, int level, void *data)
{
	(void)bits_per_second, (void)level, (void)data;
}

static void bridge_closed(void *data)
{
	(void)data;
}

static const struct unit_channel_ops bridge = { bridge_unit, bridge_idr, bridge_rate, bridge_closed, NULL };

static void on_camera(const char *id, const char *state, const char *message, void *data)
{
	(void)id, (void)message, (void)data;
	g_assert_cmpstr(state, ==, "opened");
}

static void on_shown(void *data)
{
	g_atomic_int_inc((int *)data);
}

struct awaited {
	struct render *render;
	uint64_t shown; /* so many */
	enum video_codec codec;
};

static bool has_shown(void *data)
{
	const struct awaited *awaited = data;
	struct render_stats stats;
	render_stats(awaited->render, &stats);
	return stats.shown >= awaited->shown && stats.codec == awaited->codec;
}

static void test_pictures(void)
{
	const struct capture_wish wish = { .camera = (char *)"pattern:", .view = (char *)"null:", .width = 640,
					   .height = 360, .fps = 30, .bitrate_bps = 500000 };
	struct capture *captures[2];
	struct render *renders[2];
	struct joined joined[2];
	struct unit_channel *ends[2];
	const struct hardware_rules software = { .name = "software" };
	int first[2] = { 0, 0 };
	for (int i = 0; i < 2; i++) {
		int fds[2];
		renders[i] = render_start("null:", &software, on_shown, &first[i]);
		capture_start(&wish, on_camera, NULL, &captures[i]);
		g_assert_cmpint(channel_pair(fds), ==, 0);
		g_assert_cmpint(unit_channel_open(fds[0], NULL, &bridge, &joined[i], &ends[i]), ==, 0);
		render_units(renders[i], fds[1], captures[i]);
		unit_channel_set_codec(ends[i], VIDEO_H264, 0);
	}
	joined[0].to = ends[1];
	joined[1].to = ends[0];
	for (int i = 0; i < 2; i++)
		wait_until(has_shown, &(struct awaited){ renders[i], 40, VIDEO_H264 });
	for (int i = 0; i < 2; i++) { /* the other codec, in the call */
		struct render_stats stats;
		struct capture_stats sent;
		unit_channel_set_codec(ends[i], VIDEO_VP8, 0);
		render_stats(renders[1 - i], &stats);
		wait_until(has_shown, &(struct awaited){ renders[1 - i], stats.shown + 20, VIDEO_VP8 });
		capture_stats(captures[i], &sent);
		g_assert_cmpstr(sent.encoder, ==, "libvpx");
	}
	for (int i = 0; i < 2; i++) {
		struct picture picture;
		struct pattern_mark mark;
		struct render_stats stats;
		struct capture_stats sent;
		struct frame *newest = render_newest(renders[i]);
		g_assert_nonnull(newest);
		g_assert_cmpint(frame_picture(newest, &picture), ==, 0);
		g_assert_cmpint(pattern_read(&picture, &mark), ==, 0);
		frame_release(newest);
		render_stats(renders[i], &stats);
		capture_stats(captures[i], &sent);
		g_test_message("shown %" G_GUINT64_FORMAT ", latency p50 %.0f ms", stats.shown, stats.latency_p50_ms);
		g_assert_cmpint(g_atomic_int_get(&first[i]), ==, 1);
		g_assert_cmpuint(stats.pattern_frames, ==, stats.shown);
		g_assert_cmpint(sent.codec, ==, VIDEO_VP8);
		capture_mute(captures[i], true);
		capture_enable(captures[i], false);
		capture_switch(captures[i], "null:");
	}
	for (int i = 0; i < 2; i++) {
		render_units(renders[i], -1, NULL);
		capture_stop(captures[i]);
		render_stop(renders[i]);
		unit_channel_close(ends[i]);
	}
}

static int rate_of(struct capture *capture)
{
	struct capture_stats stats;
	capture_stats(capture, &stats);
	return stats.bitrate_bps;
}

/* The network's rate and the profile come by two ways, in any order; the lower counts. */
static void test_rates(void)
{
	const struct capture_wish wish = { .camera = (char *)"null:", .view = (char *)"null:", .width = 320,
					   .height = 180, .fps = 15, .bitrate_bps = 146000 };
	struct capture *capture;
	capture_start(&wish, on_camera, NULL, &capture);
	capture_set_rate(capture, 718000, 0);
	g_assert_cmpint(rate_of(capture), ==, 146000);
	capture_set_profile(capture, 1920, 1080, 5, 718000);
	g_assert_cmpint(rate_of(capture), ==, 718000);
	capture_set_rate(capture, 300000, 0);
	g_assert_cmpint(rate_of(capture), ==, 300000);
	capture_set_profile(capture, 320, 180, 15, 146000);
	g_assert_cmpint(rate_of(capture), ==, 146000);
	capture_stop(capture);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/threads/sound", test_sound);
	g_test_add_func("/threads/pictures", test_pictures);
	g_test_add_func("/threads/rates", test_rates);
	return g_test_run();
}
