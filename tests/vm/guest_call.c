/* guest_call: one call inside a guest with the kernel's own virtual drivers. Alice has vivid as camera and
 * the ends of two snd-aloop cables as microphone and speaker; bob has the shipped pattern and tone. What each
 * side saw and heard is judged by content: colours of vivid's bars, its running counter, the tones' pitch.
 *
 * usage: guest_call FOLDER [FRAMES]   prints TAP; pictures and sound stay in FOLDER. */
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define RATE 48000
#define LIMIT_S 120

static unsigned int number, failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok %u - %s\n", good ? "" : "not ", ++number, text);
	failed += !good;
}

static GPid run(const char *const *argv)
{
	GPid pid;
	g_autoptr(GError) error = NULL;
	if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
			   G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, &error))
		g_error("%s", error->message);
	return pid;
}

static void end(GPid pid)
{
	kill(pid, SIGINT);
	waitpid(pid, NULL, 0);
}

static double stat_number(struct client *client, const char *part, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(stats, part), name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
	cJSON_Delete(stats);
	return value;
}

static void wait_frames(struct client *client, const char *who, double frames)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
	double shown = 0;
	while ((shown = stat_number(client, "video", "frames_shown")) < frames &&
	       g_get_monotonic_time() < limit)
		poll(NULL, 0, 200);
	check(shown >= frames, "%s was shown %.0f pictures of the other side", who, shown);
}

static void snapshot(struct client *client, const char *file)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "which", "remote");
	cJSON_AddStringToObject(params, "file", file);
	cJSON_Delete(client_call(client, "snapshot", params, NULL));
}

/* ---- what vivid draws: eight bars of 75 % colour, text and a running counter over them ---- */

static void mean(const struct picture *p, int x, int y, int width, int height, double yuv[3])
{
	for (int i = 0; i < 3; i++) {
		int shift = i > 0;
		double sum = 0;
		for (int row = y >> shift; row < (y + height) >> shift; row++)
			for (int column = x >> shift; column < (x + width) >> shift; column++)
				sum += p->planes[i][row * p->strides[i] + column];
		yuv[i] = sum / ((width >> shift) * (height >> shift));
	}
}

static void check_bars(const struct picture *p)
{
	static const struct { const char *name; double u, v; } bars[] = {
		{ "white", 128, 128 }, { "yellow", 44, 142 }, { "cyan", 156, 44 }, { "green", 72, 58 },
		{ "magenta", 184, 198 }, { "red", 100, 212 }, { "blue", 212, 114 }, { "black", 128, 128 },
	};
	double last = 256;
	for (int i = 0; i < 8; i++) {
		double yuv[3];
		int width = p->width / 8;
		mean(p, i * width + width / 4, p->height * 3 / 4, width / 2, p->height / 8, yuv);
		bool colour = fabs(yuv[1] - bars[i].u) < 25 && fabs(yuv[2] - bars[i].v) < 25;
		check(colour && yuv[0] < last, "bar %d is %s (%.0f %.0f %.0f)", i + 1, bars[i].name, yuv[0],
		      yuv[1], yuv[2]);
		last = yuv[0] + 4;
	}
}

static double difference(const struct picture *a, const struct picture *b, int top, int height)
{
	double sum = 0;
	for (int y = top; y < top + height; y++)
		for (int x = 0; x < a->width; x++)
			sum += abs(a->planes[0][y * a->strides[0] + x] - b->planes[0][y * b->strides[0] + x]);
	return sum / (a->width * height);
}

static bool load_both(const char *first, const char *second, struct picture *a, struct picture *b)
{
	return png_load(first, a) == 0 && png_load(second, b) == 0 && a->width == b->width && a->height == b->height;
}

/* Two pictures of one size: a slow guest may go to a smaller one between them. */
static void snapshots(struct client *client, const char *who, const char *first, const char *second)
{
	bool same = false;
	for (int i = 0; i < 3 && !same; i++) {
		struct picture a = { 0 }, b = { 0 };
		snapshot(client, first);
		wait_frames(client, who, stat_number(client, "video", "frames_shown") + 20);
		snapshot(client, second);
		same = load_both(first, second, &a, &b);
		picture_finish(&a);
		picture_finish(&b);
	}
}

static void check_picture(const char *first, const char *second)
{
	struct picture a = { 0 }, b = { 0 };
	bool loaded = load_both(first, second, &a, &b);
	check(loaded, "two pictures of vivid came through, %dx%d", a.width, a.height);
	if (!loaded)
		return;
	check_bars(&b);
	double text = difference(&a, &b, 0, a.height / 3), below = difference(&a, &b, a.height * 3 / 4, a.height / 8);
	check(text > 0.05 && text > 2 * below + 0.03,
	      "the counter ran on (%.2f), the bars stood still (%.2f)", text, below);
	picture_finish(&a);
	picture_finish(&b);
}

/* ---- tones: share of the energy at one pitch (Goertzel) in windows of 50 ms. A guest on a busy host stops and
 * starts, which tears holes into any sound: the best tenth of the windows says whether the tone is there, the
 * median, which is only printed, how whole it is ---- */

#define WINDOW (RATE / 20)

static double window_share(const int16_t *samples, double hz)
{
	double w = 2 * M_PI * hz / RATE, s1 = 0, s2 = 0, energy = 0;
	for (int i = 0; i < WINDOW; i++) {
		double s = samples[i] + 2 * cos(w) * s1 - s2;
		s2 = s1;
		s1 = s;
		energy += (double)samples[i] * samples[i];
	}
	double power = s1 * s1 + s2 * s2 - 2 * cos(w) * s1 * s2;
	return energy > 1000 ? power * 2 / (energy * WINDOW) : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double tone_share(const char *file, double hz, double *ret_median)
{
	g_autofree char *bytes = NULL;
	gsize size = 0;
	if (!g_file_get_contents(file, &bytes, &size, NULL) || size < 44 + 4 * RATE)
		return 0;
	const int16_t *samples = (const int16_t *)(void *)(bytes + 44);
	size_t windows = (size - 44) / 2 / WINDOW;
	g_autofree double *shares = g_new(double, windows);
	for (size_t i = 0; i < windows; i++)
		shares[i] = window_share(samples + i * WINDOW, hz);
	qsort(shares, windows, sizeof(shares[0]), by_value);
	*ret_median = shares[windows / 2];
	return shares[windows * 9 / 10];
}

static void check_tone(const char *file, double hz, const char *what)
{
	double median = 0, share = tone_share(file, hz, &median);
	check(share > 0.8, "%s: %.0f Hz is %.0f %% of what was heard at best, %.0f %% half of the time", what, hz,
	      share * 100, median * 100);
}

static void check_records(struct client *client, const char *who)
{
	cJSON *all = client_call(client, "getCallRecords", NULL, NULL);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(all, "records");
	check(cJSON_GetArraySize(list) == 1, "%s holds %d call record", who, cJSON_GetArraySize(list));
	cJSON_Delete(all);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 64;
	double frames = argc > 2 ? g_ascii_strtod(argv[2], NULL) : 150;
	struct place *place = place_open(argv[1]);
	g_autofree char *seen1 = g_build_filename(place->dir, "vivid-1.png", NULL);
	g_autofree char *seen2 = g_build_filename(place->dir, "vivid-2.png", NULL);
	g_autofree char *seen_pattern = g_build_filename(place->dir, "pattern.png", NULL);
	g_autofree char *cable = g_build_filename(place->dir, "cable.wav", NULL);
	g_autofree char *heard = g_build_filename(place->dir, "heard.wav", NULL);
	g_autofree char *heard_speaker = g_strconcat("file:", heard, NULL);
	const struct box_devices real = {
		.camera = "v4l2:/dev/video0", .microphone = "alsa:hw:Loopback,1,0",
		.speaker = "alsa:hw:Loopback,0,1", .more = "echo_cancel = no\nnoise_suppress = no\ngain_control = no\n",
	};
	const struct box_devices made = { .microphone = "tone:660", .speaker = heard_speaker };
	GPid feeder = run((const char *const[]){ "speaker-test", "-D", "hw:Loopback,0,0", "-c", "1", "-r", "48000",
						 "-F", "S16_LE", "-t", "sine", "-f", "1000", NULL });
	place_hub_start(place);
	struct box *alice = box_create(place, "alice", "room-a", NULL, &real);
	struct box *bob = box_create(place, "bob", "room-b", NULL, &made);
	box_start(alice);
	box_start(bob);
	struct client *a = client_open(alice->socket), *b = client_open(bob->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(a, "call", params, NULL));
	cJSON_Delete(client_expect(b, "onInvited"));
	cJSON_Delete(client_call(b, "accept", NULL, NULL));
	cJSON_Delete(client_expect(a, "onUserEnter"));
	cJSON_Delete(client_expect(b, "onUserEnter"));
	check(true, "connected");
	GPid recorder = run((const char *const[]){ "arecord", "-q", "-D", "hw:Loopback,1,1", "-f", "S16_LE", "-c",
						   "1", "-r", "48000", "-d", "6", cable, NULL });
	wait_frames(a, "alice", frames);
	wait_frames(b, "bob", frames);
	cJSON *stats = client_call(a, "stats", NULL, NULL);
	char *text = cJSON_Print(stats);
	g_autofree char *stats_file = g_build_filename(place->dir, "alice-stats.json", NULL);
	g_file_set_contents(stats_file, text, -1, NULL);
	cJSON_free(text);
	cJSON_Delete(stats);
	snapshot(a, seen_pattern);
	snapshots(b, "bob, going on,", seen1, seen2);
	waitpid(recorder, NULL, 0);
	cJSON_Delete(client_call(a, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(b, "onCallEnd"));
	check_picture(seen1, seen2);
	struct picture pattern = { 0 };
	struct pattern_mark mark;
	check(png_load(seen_pattern, &pattern) == 0 && pattern_read(&pattern, &mark) == 0,
	      "alice sees bob's numbered pattern");
	picture_finish(&pattern);
	check_tone(heard, 1000, "microphone hw:Loopback to the other side");
	check_tone(cable, 660, "the other side to speaker hw:Loopback");
	check_records(a, "alice");
	check_records(b, "bob");
	end(feeder);
	client_close(a);
	client_close(b);
	place_close(place);
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
