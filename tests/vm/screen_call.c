/* screen_call: whole calls on a screen, inside a guest. Alice has a KMS screen with both views on it, bob none. What
 * is on the screen is read back by kmsdump (beside this program) at every step and judged by content: the far
 * pattern's number, the own one's in the inset, pages by how much is written where no pattern is.
 *
 * usage: screen_call CARD FOLDER [short [STEPS]]   prints TAP lines without numbers; pictures stay in FOLDER. With
 *        STEPS, a folder: a file there is made at each step, and goes on when somebody has removed it.
 *        screen_call judge FILE...   says of pictures what they show */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_S 40
#define KILL_LIMIT_MS 2000 /* a second is promised; a guest shares its processor with whatever runs beside it */
#define WIDTH 1280
#define HEIGHT 720

static const char *card, *folder;
static char *tools;
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

/* ---- what is seen ---- */

enum seen { SEEN_DARK, SEEN_PAGE, SEEN_PICTURES, SEEN_OTHER };
static const char *const seen_names[] = { "dark", "a page", "pictures", "something else" };

struct look {
	enum seen seen;
	uint32_t far_number, own_number; /* 0: not there */
	double green;			 /* of the background: a ringing page */
};

static int part_mark(const struct picture *p, int x, int y, int width, int height, struct pattern_mark *ret_mark)
{
	const struct picture part = { .width = width, .height = height,
				      .planes = { p->planes[0] + y * p->strides[0] + x }, .strides = { p->strides[0] } };
	return pattern_read(&part, ret_mark);
}

/* Share of bright pixels, and how green the lower left corner is. */
static double bright(const struct picture *p)
{
	long n = 0;
	for (int y = 0; y < p->height; y++)
		for (int x = 0; x < p->width; x++)
			n += p->planes[0][y * p->strides[0] + x] > 150;
	return (double)n / (p->width * p->height);
}

static void judge(const struct picture *p, struct look *look)
{
	struct pattern_mark mark;
	look->far_number = part_mark(p, 0, 0, p->width, p->height, &mark) == 0 ? mark.number : 0;
	int w = p->width / 4, h = p->height / 4;
	int x = p->width - 28 - w, y = p->height - 28 - h; /* margin and border */
	look->own_number = part_mark(p, x, y, w, h, &mark) == 0 ? mark.number : 0;
	look->green = 128 - p->planes[2][p->strides[2] * (p->height / 8) + 8];
	double share = bright(p);
	look->seen = look->far_number ? SEEN_PICTURES : share > 0.002 && share < 0.35 ? SEEN_PAGE : SEEN_OTHER;
}

/* The screen now, kept as FOLDER/name.png. */
static struct look look_at(const char *name)
{
	struct look look = { .seen = SEEN_DARK };
	g_autofree char *file = g_strdup_printf("%s/%s.png", folder, name);
	g_autofree char *program = g_build_filename(tools, "kmsdump", NULL);
	const char *const argv[] = { program, card, file, NULL };
	int status = 1;
	struct picture picture = { 0 };
	if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) &&
	    status == 0 && png_load(file, &picture) == 0)
		judge(&picture, &look);
	picture_finish(&picture);
	return look;
}

/* Looks until that is seen; the time it took in *ret_ms. */
static struct look look_for(enum seen seen, const char *name, gint64 *ret_ms)
{
	gint64 start = g_get_monotonic_time();
	struct look look;
	do
		look = look_at(name);
	while (look.seen != seen && g_get_monotonic_time() - start < LIMIT_S * G_USEC_PER_SEC && poll(NULL, 0, 200) >= 0);
	*ret_ms = (g_get_monotonic_time() - start) / 1000;
	return look;
}

static bool expect(enum seen seen, const char *name, const char *what)
{
	gint64 ms;
	struct look look = look_for(seen, name, &ms);
	check(look.seen == seen, "%s: %s is on the screen after %d ms", what, seen_names[look.seen], (int)ms);
	return look.seen == seen;
}

static int judge_files(char **files)
{
	for (; *files; files++) {
		struct picture picture = { 0 };
		struct look look = { .seen = SEEN_DARK };
		if (png_load(*files, &picture) == 0)
			judge(&picture, &look);
		printf("%s: %s, far number %u, own number %u\n", *files, seen_names[look.seen], look.far_number,
		       look.own_number);
		picture_finish(&picture);
	}
	return 0;
}

/* Lets somebody outside look at the screen too. */
static void step(const char *steps, const char *name)
{
	if (!steps)
		return;
	g_autofree char *file = g_build_filename(steps, name, NULL);
	g_file_set_contents(file, "", 0, NULL);
	for (int i = 0; i < LIMIT_S * 10 && access(file, F_OK) == 0; i++)
		poll(NULL, 0, 100);
}

/* ---- what is used ---- */

static int framebuffers(void)
{
	g_autofree char *text = NULL;
	int n = 0;
	const char *digits = strpbrk(card, "0123456789");
	g_autofree char *file = g_strdup_printf("/sys/kernel/debug/dri/%s/framebuffer", digits ? digits : "0");
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return -1;
	for (const char *at = text; (at = strstr(at, "framebuffer[")); at++)
		n++;
	return n;
}

static int descriptors(GPid pid)
{
	int n = 0;
	g_autofree char *name = g_strdup_printf("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(name);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

struct used {
	int framebuffers, daemon, screen;
};

static struct used used_by(const struct box *box)
{
	return (struct used){ framebuffers(), descriptors(box->pid), descriptors(box_child(box, "callbox-screen")) };
}

/* ---- the room ---- */

struct room {
	struct place *place;
	struct box *alice, *bob;
	struct client *a, *b;
};

static void verb(struct client *client, const char *name, const char *key, const char *value)
{
	cJSON *params = cJSON_CreateObject();
	if (key && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0))
		cJSON_AddBoolToObject(params, key, strcmp(value, "true") == 0);
	else if (key)
		cJSON_AddStringToObject(params, key, value);
	cJSON_Delete(client_call(client, name, params, NULL));
}

static void room_open(struct room *room)
{
	g_autofree char *more = g_strdup_printf("screen = kms:%s\nscreen_mode = %dx%d\nroom_name = Meeting Room 3\n"
						"screen_blank = 100ms\nwidth = 640\nheight = 360\nfps = 15\n%s", card,
						WIDTH, HEIGHT, g_getenv("SCREEN_MORE") ? g_getenv("SCREEN_MORE") : "");
	const struct box_devices screen = { .local_view = "kms:inset", .remote_view = "kms:", .more = more };
	const struct box_devices plain = { .microphone = "tone:660",
					   .more = g_getenv("SCREEN_MORE") ? g_getenv("SCREEN_MORE") : "fps = 15\n" };
	room->place = place_open("/tmp/room");
	place_hub_start(room->place);
	room->alice = box_create(room->place, "alice", "room-a", NULL, &screen);
	room->bob = box_create(room->place, "bob", "room-b", NULL, &plain);
	box_start(room->alice);
	box_start(room->bob);
	room->a = client_open(room->alice->socket);
	room->b = client_open(room->bob->socket);
}

static void room_close(struct room *room)
{
	client_close(room->a);
	client_close(room->b);
	g_autofree char *log = NULL, *kept = g_build_filename(folder, "alice.log", NULL);
	if (g_file_get_contents(room->alice->log, &log, NULL, NULL))
		g_file_set_contents(kept, log, -1, NULL);
	place_close(room->place);
}

static void call_begins(struct room *room)
{
	gint64 ms;
	verb(room->b, "call", "userId", "alice");
	cJSON_Delete(client_expect(room->a, "onInvited"));
	struct look look = look_for(SEEN_PAGE, "ringing", &ms);
	for (int i = 0; i < 100 && look.green < 5; i++)
		look = look_at("ringing");
	check(look.seen == SEEN_PAGE && look.green >= 5, "it rings: the ringing page");
	verb(room->a, "accept", NULL, NULL);
	cJSON_Delete(client_expect(room->b, "onUserEnter"));
}

static void call_ends(struct room *room)
{
	verb(room->a, "hangup", NULL, NULL);
	cJSON_Delete(client_expect(room->b, "onCallEnd"));
}

static void pictures_run(void)
{
	gint64 ms;
	struct look first = look_for(SEEN_PICTURES, "call", &ms), second = first;
	check(first.seen == SEEN_PICTURES, "in the call: %s after %d ms, far number %u", seen_names[first.seen], (int)ms,
	      first.far_number);
	for (int i = 0; i < 200 && (!second.own_number || second.far_number <= first.far_number); i++)
		second = look_at("call");
	check(second.far_number > first.far_number, "the far picture runs: number %u, then %u", first.far_number,
	      second.far_number);
	check(second.own_number > 0, "the own picture is its inset, number %u", second.own_number);
}

/* The far camera is covered: the page says so; uncovered: pictures again. */
static void cover(struct room *room)
{
	verb(room->b, "muteLocalVideo", "on", "true");
	expect(SEEN_PAGE, "covered", "the other side covers its camera");
	verb(room->b, "muteLocalVideo", "on", "false");
	expect(SEEN_PICTURES, "uncovered", "and uncovers it");
}

/* Nothing comes from the other side any more: its process stands still. */
static void lose_media(struct room *room)
{
	kill(box_child(room->bob, "callbox-media"), SIGSTOP);
	expect(SEEN_PAGE, "lost", "nothing is heard of the other side");
}

/* callbox-screen hangs while it has the screen: it is killed for it. */
static void hang_screen(struct room *room)
{
	GPid pid = box_child(room->alice, "callbox-screen");
	verb(room->b, "muteLocalVideo", "on", "true");
	expect(SEEN_PAGE, "covered-again", "the page again");
	kill(pid, SIGSTOP);
	verb(room->b, "muteLocalVideo", "on", "false");
	expect(SEEN_PICTURES, "hung", "callbox-screen hangs with the screen");
	check(box_child(room->alice, "callbox-screen") != pid, "it was killed for that");
}

/* The framebuffer on the first plane that shows one; 0: none. */
static uint32_t shown_buffer(int fd)
{
	uint32_t fb = 0;
	drmModePlaneRes *all = drmModeGetPlaneResources(fd);
	for (uint32_t i = 0; all && i < all->count_planes && !fb; i++) {
		drmModePlane *plane = drmModeGetPlane(fd, all->planes[i]);
		fb = plane ? plane->fb_id : 0;
		drmModeFreePlane(plane);
	}
	drmModeFreePlaneResources(all);
	return fb;
}

/* How long after the kill somebody else's framebuffer is on the screen. A look takes longer than that. */
static gint64 kill_and_measure(GPid own)
{
	bool of_video[4096] = { true };
	int fd = open(card, O_RDWR | O_CLOEXEC);
	drmSetClientCap(fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1);
	for (int i = 0; i < 200; i++, g_usleep(2000))
		of_video[shown_buffer(fd) % 4096] = true;
	kill(own, SIGKILL);
	gint64 start = g_get_monotonic_time();
	while (of_video[shown_buffer(fd) % 4096] && g_get_monotonic_time() - start < 5 * G_USEC_PER_SEC)
		g_usleep(2000);
	close(fd);
	return (g_get_monotonic_time() - start) / 1000;
}

/* Bob's pictures are stopped first, so that the page stays long enough to be looked at. */
static void kill_video(struct room *room)
{
	gint64 ms;
	GPid far = box_child(room->bob, "callbox-video");
	kill(far, SIGSTOP);
	gint64 killed_ms = kill_and_measure(box_child(room->alice, "callbox-video"));
	struct look look = look_for(SEEN_PAGE, "killed", &ms);
	check(look.seen == SEEN_PAGE && killed_ms <= KILL_LIMIT_MS,
	      "callbox-video is killed: the page is there after %d ms", (int)killed_ms);
	kill(far, SIGCONT);
	look = look_for(SEEN_PICTURES, "restarted", &ms);
	check(look.seen == SEEN_PICTURES, "its successor has the screen again: %s after %d ms", seen_names[look.seen],
	      (int)ms);
}

static void kill_screen(struct room *room)
{
	GPid pid = box_child(room->alice, "callbox-screen");
	kill(pid, SIGKILL);
	GPid other = pid;
	for (int i = 0; i < 500 && (other == pid || other <= 0); i++, poll(NULL, 0, 10))
		other = box_child(room->alice, "callbox-screen");
	check(other > 0 && other != pid, "callbox-screen is killed and started again");
	expect(SEEN_PAGE, "idle-again", "it has the screen");
}

static void dark(struct room *room)
{
	verb(room->a, "standby", "on", "true");
	expect(SEEN_DARK, "dark", "standby");
	call_begins(room);
	call_ends(room);
	expect(SEEN_PAGE, "idle-third", "after the call");
}

static void write_to(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("# %s: %s\n", file, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The connector is forced off or on, the way the kernel lets root do it; the event is sent by hand, because forcing
 * sends none. False: root alone may do that. */
static bool plug(bool in)
{
	const char *name = g_strrstr(card, "/") + 1;
	g_autofree char *uevent = g_strdup_printf("/sys/class/drm/%s/uevent", name);
	g_autofree char *status = g_strdup_printf("/sys/class/drm/%s-Virtual-1/status", name);
	if (access(status, W_OK) < 0) {
		printf("ok - unplugged and plugged again # SKIP %s: %s\n", status, g_strerror(errno));
		return false;
	}
	write_to(status, in ? "detect" : "off");
	write_to(uevent, "change");
	return true;
}

static void expect_device(struct room *room, const char *state, const char *what)
{
	cJSON *told = client_expect(room->a, "onDevice");
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItem(told, "state"));
	while (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(told, "kind")), "screen") != 0) {
		cJSON_Delete(told);
		told = client_expect(room->a, "onDevice");
		word = cJSON_GetStringValue(cJSON_GetObjectItem(told, "state"));
	}
	check(strcmp(word, state) == 0, "%s: %s", what, cJSON_GetStringValue(cJSON_GetObjectItem(told, "message")));
	cJSON_Delete(told);
}

static void unplug(struct room *room)
{
	client_forget(room->a);
	if (!plug(false))
		return;
	expect_device(room, "lost", "the screen is unplugged");
	plug(true);
	expect_device(room, "opened", "and plugged again");
	expect(SEEN_PAGE, "plugged", "plugged again");
}

static bool log_says(const struct box *box, const char *words)
{
	g_autofree char *text = NULL;
	return g_file_get_contents(box->log, &text, NULL, NULL) && strstr(text, words);
}

/* The call goes on without a screen, and is on it again. */
static void unplug_in_call(struct room *room)
{
	if (!plug(false))
		return;
	gint64 end = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
	while (!log_says(room->alice, "screen: nothing is connected") && g_get_monotonic_time() < end)
		poll(NULL, 0, 50);
	plug(true);
	expect(SEEN_PICTURES, "plugged-in-call", "unplugged and plugged again in the call");
}

/* The own picture without a call has the screen for itself. */
static void preview(struct room *room)
{
	verb(room->a, "preview", "on", "true");
	expect(SEEN_PICTURES, "preview", "a preview");
	verb(room->a, "preview", "on", "false");
	expect(SEEN_PAGE, "idle-preview", "after it");
}

/* What the first call left behind is there again after the second: no more of anything. */
static void second_call(struct room *room)
{
	struct used before = used_by(room->alice), after = { 0 };
	call_begins(room);
	expect(SEEN_PICTURES, "call-second", "a second call");
	cover(room);
	unplug_in_call(room);
	kill_video(room);
	hang_screen(room);
	lose_media(room);
	call_ends(room);
	expect(SEEN_PAGE, "idle-second", "after it");
	for (int i = 0; i < 100 && memcmp(&before, &after, sizeof(before)) != 0; i++, poll(NULL, 0, 50))
		after = used_by(room->alice);
	check(before.framebuffers == after.framebuffers, "framebuffers: %d before, %d after", before.framebuffers,
	      after.framebuffers);
	check(before.daemon == after.daemon && before.screen == after.screen,
	      "descriptors: callboxd %d before, %d after; callbox-screen %d, %d", before.daemon, after.daemon,
	      before.screen, after.screen);
}

int main(int argc, char **argv)
{
	struct room room = { 0 };
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 64;
	if (strcmp(argv[1], "judge") == 0)
		return judge_files(argv + 2);
	card = argv[1];
	folder = argv[2];
	tools = g_path_get_dirname(argv[0]);
	bool brief = argc > 3;
	const char *steps = argc > 4 ? argv[4] : NULL;
	room_open(&room);
	expect(SEEN_PAGE, "idle", "no call yet");
	step(steps, "idle");
	call_begins(&room);
	pictures_run();
	step(steps, "call");
	call_ends(&room);
	expect(SEEN_PAGE, "idle-after", "after the call");
	if (!brief) {
		second_call(&room);
		preview(&room);
		dark(&room);
		unplug(&room);
		kill_screen(&room);
	}
	room_close(&room);
	return failed ? 1 : 0;
}
