/* guest_faults: one call inside a guest whose camera gets into trouble: alice has a real driver's camera and a tone,
 * bob sees and hears her. Each word of the command line is one trouble, judged by what bob sees: pictures with the right
 * bars are back again, a placeholder stands in when the camera is gone, the sound goes on.
 *
 * usage: guest_faults FOLDER CAMERA WORD…   prints result lines without numbers; $GUEST_CONF: more lines of
 * alice's callbox.conf
 *
 *   NAME=VALUE      sets a control of the camera by its V4L2 name; NAME=push for a button
 *   recover         bob sees new pictures of the camera
 *   placeholder     bob sees the placeholder within 500 ms (of the word before)
 *   back            … and the picture again within 2 s
 *   damaged, missing, restarted, wrong-time, lost   that number has grown since this word's last use
 *   unbind, bind    of vivid's platform device
 *   usb=SIGNAL      to the USB camera, the process of $GUEST_USB: USR1, USR2, RTMIN+N; see its own words
 *   ask=METHOD{…}   a request to alice's box that is done
 *   refused=METHOD{…}WORDS   one that is refused, with these words in the error
 *   closed          callbox-video lets go of the camera, descriptor and memory (R16)
 *   is=NAME:VALUE   a control of the camera has this value
 *   sound           at least 80 % of the sound since this word's last use was heard
 *   encoder:NAME    alice sends what this one encoded; own: her camera
 *   local-bars      a snapshot of her own picture has the bars
 *   talk=SECONDS    nothing happens for so long
 *   level           descriptors and living frames of callbox-video are what they were when the call began */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/videodev2.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"
#include "tests/vm/bars.h"

/* What is required (R8, R16), and how much later a guest on a busy machine may be. */
#define PLACEHOLDER_MS 500
#define BACK_MS 2000
#define CLOSED_MS 200
#define ENCODER_MS 5000
#define SLACK 4
#define RECOVER_MS 20000

struct watch {
	struct client *a, *b;
	GPid video; /* alice's callbox-video */
	const char *camera;
	char *shot;
	gint64 when_us; /* of the last deed */
	unsigned int fds;
	double numbers[8], received, concealed;
	gint64 heard_us;
	double slowest_placeholder_ms, slowest_back_ms;
};

static unsigned int failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok - %s\n", good ? "" : "not ", text);
	failed += !good;
}

static double number_of(struct client *client, const char *part, const char *group, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(stats, part);
	if (group)
		at = cJSON_GetObjectItemCaseSensitive(at, group);
	at = cJSON_GetObjectItemCaseSensitive(at, name);
	double value = cJSON_IsNumber(at) ? at->valuedouble : 0;
	cJSON_Delete(stats);
	return value;
}

static unsigned int descriptors(GPid pid)
{
	g_autofree char *folder = g_strdup_printf("/proc/%d/fd", (int)pid);
	unsigned int n = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	while (dir && g_dir_read_name(dir))
		n++;
	if (dir)
		g_dir_close(dir);
	return n;
}

/* ---- deeds ---- */

/* As v4l2-ctl names them: small letters, one "_" for what is neither letter nor digit. */
static void name_of(const char *label, char name[32])
{
	size_t n = 0;
	for (const char *c = label; *c && n < 31; c++)
		if (g_ascii_isalnum(*c))
			name[n++] = g_ascii_tolower(*c);
		else if (n > 0 && name[n - 1] != '_')
			name[n++] = '_';
	while (n > 0 && name[n - 1] == '_')
		n--;
	name[n] = '\0';
}

static void control(struct watch *w, const char *name, const char *value, bool is)
{
	int fd = open(w->camera, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct v4l2_queryctrl q = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };
	for (; ioctl(fd, VIDIOC_QUERYCTRL, &q) == 0; q.id |= V4L2_CTRL_FLAG_NEXT_CTRL) {
		char found[32];
		name_of((const char *)q.name, found);
		if (strcmp(found, name) != 0)
			continue;
		struct v4l2_control set = { .id = q.id, .value = atoi(value) };
		w->when_us = g_get_monotonic_time();
		if (ioctl(fd, is ? VIDIOC_G_CTRL : VIDIOC_S_CTRL, &set) < 0)
			check(false, "%s=%s: %s", name, value, g_strerror(errno));
		else if (is)
			check(set.value == atoi(value), "the camera's %s is %d", name, set.value);
		close(fd);
		return;
	}
	close(fd);
	check(false, "the camera has no control %s", name);
}

/* "METHOD{…}WORDS": the words that the error must hold; without any the request must be done. */
static void ask(struct watch *w, const char *text, bool refused)
{
	const char *brace = strchr(text, '{'), *end = strrchr(text, '}');
	g_autofree char *method = g_strndup(text, (gsize)(brace - text));
	g_autofree char *json = g_strndup(brace, (gsize)(end - brace + 1)), *error = NULL;
	cJSON *result = client_call(w->a, method, cJSON_Parse(json), &error);
	if (refused)
		check(error && strstr(error, end + 1), "%s %s is refused: %s", method, json, error ? error : "no");
	else
		check(!error, "%s %s%s%s", method, json, error ? ": " : "", error ? error : "");
	if (result && g_str_has_prefix(method, "get")) {
		char *all = cJSON_PrintUnformatted(result);
		printf("# %s\n", all);
		cJSON_free(all);
	}
	cJSON_Delete(result);
}

static void bound(struct watch *w, const char *what)
{
	g_autofree char *file = g_strdup_printf("/sys/bus/platform/drivers/vivid/%s", what);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	w->when_us = g_get_monotonic_time();
	if (fd < 0 || write(fd, "vivid.0", 7) != 7)
		check(false, "%s: %s", file, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void signal_send(struct watch *w, const char *text)
{
	GPid pid = atoi(g_getenv("GUEST_USB") ? g_getenv("GUEST_USB") : "0");
	int number = g_str_equal(text, "USR1") ? SIGUSR1 : g_str_equal(text, "USR2") ? SIGUSR2
		     : g_str_has_prefix(text, "RTMIN+")			     ? SIGRTMIN + atoi(text + 6) : 0;
	w->when_us = g_get_monotonic_time();
	if (number == 0 || pid <= 0 || kill(pid, number) < 0)
		check(false, "signal %s: %s", text, g_strerror(errno));
}

/* ---- what bob sees ---- */

/* Bars that are right, -1: no picture. placeholder: it is dark grey all around and has no bar. */
static int sees(struct watch *w, struct client *who, const char *which, bool *ret_placeholder)
{
	struct picture p = { 0 };
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "which", which);
	cJSON_AddStringToObject(params, "file", w->shot);
	g_autofree char *error = NULL;
	double corner[3], middle[3];
	cJSON_Delete(client_call(who, "snapshot", params, &error));
	*ret_placeholder = false;
	if (error || png_load(w->shot, &p) < 0)
		return -1;
	bars_mean(&p, 0, 0, p.width, p.height / 16, corner);
	bars_mean(&p, p.width * 3 / 8, p.height * 3 / 8, p.width / 8, p.height / 8, middle);
	*ret_placeholder = fabs(corner[0] - 60) < 10 && fabs(corner[1] - 128) < 8 && fabs(middle[0] - 160) < 40;
	int right = bars_right(&p);
	picture_finish(&p);
	return right;
}

static int bob_sees(struct watch *w, bool *ret_placeholder)
{
	return sees(w, w->b, "remote", ret_placeholder);
}

static double since_ms(const struct watch *w)
{
	return (double)(g_get_monotonic_time() - w->when_us) / 1000;
}

static void expect_placeholder(struct watch *w)
{
	bool there = false;
	double before = 0;
	while (!there && since_ms(w) < 5000) {
		bob_sees(w, &there);
		before = since_ms(w); /* with the time that looking takes */
	}
	w->slowest_placeholder_ms = MAX(w->slowest_placeholder_ms, before);
	check(there && before <= PLACEHOLDER_MS * SLACK, "placeholder: bob sees it after %.0f ms (%d are allowed)",
	      before, PLACEHOLDER_MS);
}

static void expect_back(struct watch *w)
{
	int right = 0;
	bool placeholder;
	double before = 0;
	while (right < 8 && since_ms(w) < 20000) {
		right = bob_sees(w, &placeholder);
		before = since_ms(w);
	}
	w->slowest_back_ms = MAX(w->slowest_back_ms, before);
	check(right == 8 && before <= BACK_MS * SLACK, "back: bob sees %d right bars after %.0f ms (%d are allowed)",
	      right, before, BACK_MS);
}

/* New pictures of the camera, sent and shown. */
static void expect_recovered(struct watch *w)
{
	double pictures = number_of(w->a, "video", NULL, "frames_captured");
	double shown = number_of(w->b, "video", NULL, "frames_shown");
	double now_pictures = 0, now_shown = 0;
	int right = 0;
	bool placeholder;
	while (since_ms(w) < RECOVER_MS && (now_pictures < pictures + 10 || now_shown < shown + 10)) {
		poll(NULL, 0, 50);
		now_pictures = number_of(w->a, "video", NULL, "frames_captured");
		now_shown = number_of(w->b, "video", NULL, "frames_shown");
	}
	double took = since_ms(w);
	for (int i = 0; i < 10 && right < 8; i++)
		right = bob_sees(w, &placeholder);
	check(now_pictures >= pictures + 10 && now_shown >= shown + 10 && right == 8,
	      "recovered: ten more pictures seen and %d bars right %.0f ms after the deed", right, took);
}

static const struct { const char *word, *name; } numbers[] = {
	{ "damaged", "camera_damaged" }, { "missing", "camera_missing" }, { "restarted", "camera_restarts" },
	{ "wrong-time", "camera_wrong_time" }, { "lost", "camera_lost" }, { "overtaken", "camera_overtaken" },
};

static bool expect_number(struct watch *w, const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		if (!g_str_equal(word, numbers[i].word))
			continue;
		double now = 0;
		gint64 limit = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
		while ((now = number_of(w->a, "video", NULL, numbers[i].name)) <= w->numbers[i] &&
		       g_get_monotonic_time() < limit)
			poll(NULL, 0, 50);
		check(now > w->numbers[i], "%s: %s grew from %.0f to %.0f", word, numbers[i].name, w->numbers[i], now);
		w->numbers[i] = now;
		return true;
	}
	return false;
}

static void expect_level(struct watch *w)
{
	unsigned int now = descriptors(w->video);
	double living = number_of(w->a, "video", NULL, "frames_living");
	check(now == w->fds && living <= 4,
	      "level: callbox-video has %u descriptors as when the call began (%u), %.0f frames live", now, w->fds,
	      living);
}

static void expect_sound(struct watch *w)
{
	double received = number_of(w->b, "media", "sound", "received");
	double concealed = number_of(w->b, "media", "sound", "concealed");
	gint64 now = g_get_monotonic_time();
	double came = received - w->received, lost = concealed - w->concealed;
	if (w->heard_us)
		check(came > 0 && lost <= (came + lost) * 0.2,
		      "sound: in %.1f s bob heard %.0f packets, %.0f were missing", (double)(now - w->heard_us) / 1e6,
		      came, lost);
	w->received = received;
	w->concealed = concealed;
	w->heard_us = now;
}

/* Descriptors and mappings of a video node. */
static unsigned int uses(GPid pid)
{
	g_autofree char *folder = g_strdup_printf("/proc/%d/fd", (int)pid), *maps = NULL;
	g_autofree char *maps_file = g_strdup_printf("/proc/%d/maps", (int)pid);
	unsigned int n = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(folder, name, NULL), *link = g_file_read_link(file, NULL);
		n += link && g_str_has_prefix(link, "/dev/video");
	}
	if (dir)
		g_dir_close(dir);
	g_file_get_contents(maps_file, &maps, NULL, NULL);
	for (const char *at = maps; at && (at = strstr(at, "/dev/video")); at++)
		n++;
	return n;
}

static void expect_closed(struct watch *w)
{
	unsigned int left = 0;
	w->when_us = g_get_monotonic_time();
	while ((left = uses(w->video)) > 0 && since_ms(w) < CLOSED_MS * SLACK)
		poll(NULL, 0, 5);
	check(left == 0, "closed: after %.0f ms %u descriptors and mappings of the camera are left (%d are allowed)",
	      since_ms(w), left, CLOSED_MS);
}

/* Who encodes now; another may have begun while the camera's first key frame was awaited. */
static void expect_encoder(struct watch *w, const char *name)
{
	char is[80] = "?";
	w->when_us = g_get_monotonic_time();
	for (;; poll(NULL, 0, 100)) {
		cJSON *stats = client_call(w->a, "stats", NULL, NULL);
		cJSON *video = cJSON_GetObjectItemCaseSensitive(stats, "video");
		const char *at = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(video, "encoder"));
		g_strlcpy(is, at ? at : "?", sizeof(is));
		bool over = strstr(is, name) || since_ms(w) > ENCODER_MS;
		char *all = over ? cJSON_PrintUnformatted(video) : NULL;
		if (all)
			printf("# after %.0f ms: %s\n", since_ms(w), all);
		cJSON_free(all);
		cJSON_Delete(stats);
		if (over)
			break;
	}
	check(strstr(is, name) != NULL, "%s encodes what alice sends (%s)", name, is);
}

static void expect_local(struct watch *w)
{
	bool placeholder;
	int right = sees(w, w->a, "local", &placeholder);
	check(right == 8, "alice's own picture has %d right bars", right);
}

static void talk(struct watch *w, int seconds)
{
	poll(NULL, 0, seconds * 1000);
	w->when_us = g_get_monotonic_time();
}

static void is_value(struct watch *w, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, ":", 2);
	control(w, words[0], words[1], true);
}

static void step(struct watch *w, const char *word)
{
	if (!g_str_has_prefix(word, "talk"))
		printf("# %s\n", word);
	const char *equals = strchr(word, '=');
	g_autofree char *name = equals ? g_strndup(word, (gsize)(equals - word)) : NULL;
	if (name && g_str_equal(name, "talk"))
		talk(w, atoi(equals + 1));
	else if (name && (g_str_equal(name, "ask") || g_str_equal(name, "refused")))
		ask(w, equals + 1, name[0] == 'r');
	else if (name && g_str_equal(name, "is"))
		is_value(w, equals + 1);
	else if (name && g_str_equal(name, "usb"))
		signal_send(w, equals + 1);
	else if (name)
		control(w, name, equals + 1, false);
	else if (g_str_equal(word, "bind") || g_str_equal(word, "unbind"))
		bound(w, word);
	else if (g_str_equal(word, "recover"))
		expect_recovered(w);
	else if (g_str_equal(word, "placeholder"))
		expect_placeholder(w);
	else if (g_str_equal(word, "back"))
		expect_back(w);
	else if (g_str_equal(word, "closed"))
		expect_closed(w);
	else if (g_str_has_prefix(word, "encoder:"))
		expect_encoder(w, word + 8);
	else if (g_str_equal(word, "local-bars"))
		expect_local(w);
	else if (g_str_equal(word, "level"))
		expect_level(w);
	else if (g_str_equal(word, "sound"))
		expect_sound(w);
	else if (!expect_number(w, word))
		check(false, "%s: no such word", word);
}

/* It must have lasted until now. */
static void hang_up(struct watch *w)
{
	g_autofree char *error = NULL;
	cJSON *early = client_take(w->b, "onCallEnd", 1);
	char *words = early ? cJSON_PrintUnformatted(early) : NULL;
	cJSON_Delete(client_call(w->a, "hangup", NULL, &error));
	cJSON *end = early ? NULL : client_take(w->b, "onCallEnd", 10000);
	check(!error && end, "the call lasted until alice hung up%s%s", error ? ": " : "",
	      words ? words : error ? error : "");
	cJSON_free(words);
	cJSON_Delete(early);
	cJSON_Delete(end);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 64;
	struct place *place = place_open(argv[1]);
	g_autofree char *camera = g_strconcat(g_str_has_prefix(argv[2], "v4l2:") ? "" : "v4l2:", argv[2], NULL);
	g_autofree char *ear = g_strdup_printf("file:%s/heard.wav", place->dir);
	const char *more = g_getenv("GUEST_CONF");
	const struct box_devices real = { .camera = camera, .microphone = "tone:1000", .speaker = "null:",
					  .more = more };
	/* What bob sends is of no interest here and shall not cost much. */
	const struct box_devices made = { .camera = "pattern:", .microphone = "tone:660", .speaker = ear,
					  .more = "width = 320\nheight = 180\nfps = 5\n" };
	place_hub_start(place);
	struct box *alice = box_create(place, "alice", "room-a", NULL, &real);
	struct box *bob = box_create(place, "bob", "room-b", NULL, &made);
	box_start(alice);
	box_start(bob);
	struct watch w = { .a = client_open(alice->socket), .b = client_open(bob->socket),
			   .camera = g_path_is_absolute(argv[2]) ? argv[2] : "/dev/video0",
			   .shot = g_build_filename(place->dir, "seen.png", NULL) };
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(w.a, "call", params, NULL));
	cJSON_Delete(client_expect(w.b, "onInvited"));
	cJSON_Delete(client_call(w.b, "accept", NULL, NULL));
	cJSON_Delete(client_expect(w.a, "onUserEnter"));
	cJSON_Delete(client_expect(w.b, "onUserEnter"));
	w.when_us = g_get_monotonic_time();
	w.video = box_child(alice, "callbox-video");
	expect_recovered(&w);
	w.fds = descriptors(w.video);
	for (int i = 3; i < argc; i++)
		step(&w, argv[i]);
	printf("# damaged %.0f, missing %.0f, overtaken %.0f, wrong time %.0f, restarts %.0f, lost %.0f\n",
	       number_of(w.a, "video", NULL, "camera_damaged"), number_of(w.a, "video", NULL, "camera_missing"),
	       number_of(w.a, "video", NULL, "camera_overtaken"), number_of(w.a, "video", NULL, "camera_wrong_time"),
	       number_of(w.a, "video", NULL, "camera_restarts"), number_of(w.a, "video", NULL, "camera_lost"));
	printf("# slowest placeholder %.0f ms, slowest picture back %.0f ms\n", w.slowest_placeholder_ms,
	       w.slowest_back_ms);
	hang_up(&w);
	g_free(w.shot);
	client_close(w.a);
	client_close(w.b);
	place_close(place);
	return failed ? 1 : 0;
}
