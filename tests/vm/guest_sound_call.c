/* guest_sound_call: calls inside a guest whose sound cards come and go. Alice has snd-aloop cards; bob has a tone
 * and a file. What bob heard is judged by content.
 *
 * usage: guest_sound_call SCENE FOLDER   prints TAP lines without numbers */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/uinput.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/sound_scene.h"
#include "tests/vm/steady.h"

static const char two_cards[] = "alsa:match:first alsa:match:SECOND";

/* The card in use goes: the next one is used within 500 ms; then none is left; then the first comes back. */
static void scene_unplug(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = two_cards, .speaker = two_cards,
					     .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=1", 1000), second = feed("hw:CARD=Second,DEV=1", 1600);
	scene_open(&s, folder, &devices, "tone:660");
	scene_call(&s);
	GPid recorder = run((const char *const[]){ "arecord", "-q", "-D", "hw:CARD=Second,DEV=1", "-f", "S16_LE", "-c",
						   "1", "-r", "48000", "-t", "raw", "/tmp/second.raw", NULL });
	check(device_event(s.alice, "microphone", "opened", "CARD=First", 0) >= 0, "the first card is the microphone");
	poll(NULL, 0, 1500);
	gint64 now = g_get_monotonic_time();
	GPid unbind = write_later(UNBIND, "snd_aloop.0");
	double lost = device_event(s.alice, "microphone", "lost", "CARD=First", now);
	end(first);
	double back = device_event(s.alice, "microphone", "back", "CARD=Second", now);
	check(lost >= 0 && back >= 0 && back <= 500, "unplugged: told after %.0f ms, the second card after %.0f ms", lost,
	      back);
	waitpid(unbind, NULL, 0);
	poll(NULL, 0, 1500);
	end(recorder);
	now = g_get_monotonic_time();
	unbind = write_later(UNBIND, "snd_aloop.1");
	lost = device_event(s.alice, "microphone", "lost", "CARD=Second", now);
	end(second);
	waitpid(unbind, NULL, 0);
	double before = number_of(s.alice, "sound", "captured");
	poll(NULL, 0, 500);
	double silent = number_of(s.alice, "sound", "captured") - before;
	check(lost >= 0 && silent >= 30, "no card left: silence at the old pace, %.0f blocks in 500 ms", silent);
	now = g_get_monotonic_time();
	waitpid(write_later(BIND, "snd_aloop.1"), NULL, 0);
	waitpid(write_later(BIND, "snd_aloop.0"), NULL, 0);
	back = device_event(s.alice, "microphone", "back", "CARD=First", now);
	first = feed("hw:CARD=First,DEV=1", 1000);
	check(back >= 0 && back <= 2000, "plugged in again: back on the first card after %.0f ms", back);
	poll(NULL, 0, 1500);
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44), other = heard_load("/tmp/second.raw", 0);
	long a = tone_change(&heard, 0, 1000, true), b = tone_change(&heard, a + 5, 1600, true);
	long a_end = b < 0 ? -1 : b;
	while (a_end > a && a_end > 0 && share_of(heard.samples + (a_end - 1) * WINDOW, 1000) <= 0.7)
		a_end--;
	check(a >= 0 && b > a && b - a_end <= 50, "heard: 1000 Hz, %ld ms of nothing, 1600 Hz", (b - a_end) * 10);
	check(tone_part(&heard, a, a_end, 1000) > 0.9, "the tone before was whole: %.0f %%",
	      100 * tone_part(&heard, a, a_end, 1000));
	check(tone_change(&heard, b + 100, 1000, true) > b, "and 1000 Hz again at the end");
	check(tone_change(&other, 0, 660, true) >= 0, "the second card's speaker played the other side's 660 Hz");
	g_free(heard.bytes);
	g_free(other.bytes);
	scene_close(&s);
}

/* A cable whose clock runs 0.1 % fast: the tone is whole, at its pitch. */
static void scene_shift(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1",
					     .speaker = "null:", .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=0", 1000);
	end(run((const char *const[]){ "amixer", "-c", "First", "cset",
				       "iface=PCM,name='PCM Rate Shift 100000',device=1,subdevice=0", "100100", NULL }));
	scene_open(&s, folder, &devices, "tone:660");
	scene_call(&s);
	poll(NULL, 0, 6000);
	double xruns = number_of(s.alice, "sound", "microphone_xruns"), holes = number_of(s.bob, "sound", "concealed");
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44);
	long a = tone_change(&heard, 0, 1000, true);
	double part = a < 0 ? 0 : tone_part(&heard, a + 20, (long)heard.windows - 20, 1000);
	check(part > 0.97, "a clock 1000 ppm fast: the tone is there %.1f %% of the time (%.0f xruns, %.0f packets "
	      "concealed)", 100 * part, xruns, holes);
	g_free(heard.bytes);
	scene_close(&s);
}

/* callbox-media stands still for 100 ms in a call. */
static void scene_stall(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1,SUBDEV=0",
					     .speaker = "alsa:hw:CARD=First,DEV=0,SUBDEV=1", .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=0,SUBDEV=0", 1000);
	scene_open(&s, folder, &devices, "tone:660");
	scene_call(&s);
	poll(NULL, 0, 2000);
	double before = number_of(s.alice, "sound", "delay_ms");
	GPid media = box_child(s.alice_box, "callbox-media");
	kill(media, SIGSTOP);
	poll(NULL, 0, 100);
	kill(media, SIGCONT);
	poll(NULL, 0, 2000);
	double microphone = number_of(s.alice, "sound", "microphone_missed");
	double speaker = number_of(s.alice, "sound", "speaker_missed");
	double delay = number_of(s.alice, "sound", "delay_ms"), captured = number_of(s.alice, "sound", "captured");
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44);
	long a = tone_change(&heard, 0, 1000, true);
	long hole = a < 0 ? -1 : tone_change(&heard, a, 1000, false);
	long again = hole < 0 ? -1 : tone_change(&heard, hole, 1000, true);
	check(microphone > 0 && microphone < 4800 * 1.5 && speaker > 2000 && speaker < 4800 * 2,
	      "a stall of 100 ms cost %.0f frames of the microphone, %.0f of the speaker", microphone, speaker);
	check(a >= 0 && (hole < 0 || (again > hole && again - hole <= 25)),
	      "the tone was away for %ld ms and is whole again", hole < 0 ? 0 : (again - hole) * 10);
	check(delay <= before + 60, "the other side's sound waited %.0f ms before it, %.0f ms after it (%.0f blocks "
	      "captured)", before, delay, captured);
	g_free(heard.bytes);
	scene_close(&s);
}

/* What alice's speaker plays comes back into her microphone through another cable, 60 to 120 ms later. Bob speaks noise;
 * what he hears of himself is weighed. */
static void scene_echo(const char *folder)
{
	struct scene s;
	g_autofree char *speech = g_strconcat(folder, "-speech.wav", NULL);
	g_autofree char *cancel = g_strdup("echo_cancel = yes\nnoise_suppress = no\ngain_control = no\n");
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1,SUBDEV=1",
					     .speaker = "alsa:hw:CARD=First,DEV=0,SUBDEV=0", .more = cancel };
	speech_write(speech);
	g_autofree char *voice = g_strconcat("file:", speech, NULL);
	scene_open(&s, folder, &devices, voice);
	scene_call(&s);
	GPid room = run((const char *const[]){ "alsaloop", "-C", "hw:CARD=First,DEV=1,SUBDEV=0", "-P",
						"hw:CARD=First,DEV=0,SUBDEV=1", "-c", "1", "-r", "48000", "-f",
						"S16_LE", "-t", "60000", "-S", "none", NULL });
	poll(NULL, 0, 20000);
	double reduced = number_of(s.alice, "sound", "echo_reduced_db"), in = number_of(s.alice, "sound", "speaker_dbfs");
	double linear = number_of(s.alice, "sound", "echo_linear_db"), ppm = number_of(s.alice, "sound", "drift_ppm");
	double back = number_of(s.bob, "sound", "speaker_dbfs"), xruns = number_of(s.alice, "sound", "speaker_xruns");
	scene_hangup(&s);
	end(room);
	check(reduced > 20, "a room with an echo: bob speaks at %.0f dBFS and hears himself at %.0f; reduced by %.1f dB, "
	      "%.1f of them linear; clocks %.1f ppm apart, %.0f xruns", in, back, reduced, linear, ppm, xruns);
	scene_close(&s);
}

/* ---- ringing ---- */

static bool is_child_of(long pid, pid_t parent)
{
	while (pid > 1 && pid != parent) {
		g_autofree char *file = g_strdup_printf("/proc/%ld/stat", pid), *text = NULL;
		int above = 0;
		if (!g_file_get_contents(file, &text, NULL, NULL) ||
		    sscanf(strrchr(text, ')') + 1, " %*c %d", &above) != 1)
			return false;
		pid = above;
	}
	return pid == parent;
}

static unsigned int links_of(const char *pid, char letter)
{
	g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
	unsigned int n = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *link = g_build_filename(folder, name, NULL);
		g_autofree char *to = g_file_read_link(link, NULL);
		n += to && g_str_has_prefix(to, "/dev/snd/pcm") && to[strlen(to) - 1] == letter;
	}
	if (dir)
		g_dir_close(dir);
	return n;
}

/* Descriptors of the box's processes on PCM devices: letter c microphones, p speakers. */
static unsigned int open_pcms(const struct box *box, char letter)
{
	unsigned int n = 0;
	GDir *dir = g_dir_open("/proc", 0, NULL);
	for (const char *name; (name = g_dir_read_name(dir));)
		if (g_ascii_isdigit(name[0]) && is_child_of(strtol(name, NULL, 10), box->pid))
			n += links_of(name, letter);
	g_dir_close(dir);
	return n;
}

/* Looks again and again for ms: the most microphones and speakers that were open at once. */
static void look_on(const struct box *box, int ms, unsigned int *ret_microphones, unsigned int *ret_speakers)
{
	gint64 until = g_get_monotonic_time() + ms * 1000;
	*ret_microphones = *ret_speakers = 0;
	while (g_get_monotonic_time() < until) {
		*ret_microphones = MAX(*ret_microphones, open_pcms(box, 'c'));
		*ret_speakers = MAX(*ret_speakers, open_pcms(box, 'p'));
		poll(NULL, 0, 20);
	}
}

static unsigned int wait_pcms(const struct box *box, char letter, unsigned int wanted)
{
	gint64 until = g_get_monotonic_time() + LIMIT_MS * 1000;
	unsigned int n;
	while ((n = open_pcms(box, letter)) != wanted && g_get_monotonic_time() < until)
		poll(NULL, 0, 5);
	return n;
}

static double either_part(const struct heard *heard, double hz1, double hz2)
{
	long n = 0;
	for (size_t i = 0; i < heard->windows; i++)
		n += share_of(heard->samples + i * WINDOW, hz1) > 0.5 || share_of(heard->samples + i * WINDOW, hz2) > 0.5;
	return heard->windows ? (double)n / (double)heard->windows : 0;
}

static const char *const recorder_of_first[] = { "arecord", "-q", "-D", "hw:CARD=First,DEV=1", "-f", "S16_LE", "-c",
						 "1", "-r", "48000", "-t", "raw", "/tmp/ring.raw", NULL };

static void call(struct client *from, struct client *to, const char *user)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", user);
	cJSON_AddNumberToObject(params, "type", 1);
	cJSON_Delete(client_call(from, "call", params, NULL));
	cJSON_Delete(client_expect(to, "onInvited"));
}

/* It rings in alice's room, and nothing there can listen until she accepts. */
static void scene_ring(const char *folder)
{
	struct scene s;
	unsigned int microphones, speakers;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:auto", .speaker = "alsa:auto",
					     .more = QUIET };
	scene_open(&s, folder, &devices, "tone:660");
	GPid recorder = run(recorder_of_first);
	call(s.bob, s.alice, "alice");
	look_on(s.alice_box, 4000, &microphones, &speakers);
	end(recorder);
	check(microphones == 0 && speakers == 1, "while it rings %u microphones are open, %u speaker", microphones,
	      speakers);
	cJSON_Delete(client_call(s.alice, "accept", NULL, NULL));
	unsigned int open = wait_pcms(s.alice_box, 'c', 1);
	unsigned int out = wait_pcms(s.alice_box, 'p', 1);
	check(open == 1 && out == 1, "accepted: %u microphone and %u speaker are open", open, out);
	cJSON_Delete(client_expect(s.alice, "onUserEnter"));
	cJSON_Delete(client_call(s.alice, "hangup", NULL, NULL));
	gint64 now = g_get_monotonic_time();
	open = wait_pcms(s.alice_box, 'c', 0);
	out = wait_pcms(s.alice_box, 'p', 0);
	double ms = (double)(g_get_monotonic_time() - now) / 1000;
	check(open == 0 && out == 0 && ms < 400, "hung up: both are closed after %.0f ms", ms);
	struct heard heard = heard_load("/tmp/ring.raw", 0);
	double part = either_part(&heard, 784, 988);
	check(part > 0.15 && part < 0.6, "the ring was heard %.0f %% of the time", 100 * part);
	g_free(heard.bytes);
	cJSON_Delete(client_expect(s.bob, "onCallEnd"));
	recorder = run(recorder_of_first);
	call(s.alice, s.bob, "bob");
	look_on(s.alice_box, 2500, &microphones, &speakers);
	check(microphones == 0 && speakers == 1, "while it rings there %u microphones are open here, %u speaker",
	      microphones, speakers);
	cJSON_Delete(client_call(s.bob, "reject", NULL, NULL));
	poll(NULL, 0, 2500);
	end(recorder);
	heard = heard_load("/tmp/ring.raw", 0);
	long on = tone_change(&heard, 0, 425, true), off = tone_change(&heard, on, 425, false);
	long busy = tone_change(&heard, off, 425, true), busy_off = tone_change(&heard, busy, 425, false);
	check(on >= 0 && off - on >= 85 && off - on <= 115, "the waiting caller hears 425 Hz for %ld ms",
	      (off - on) * 10);
	check(busy > off && busy_off - busy >= 40 && busy_off - busy <= 60,
	      "and after the refusal for %ld ms at a time", (busy_off - busy) * 10);
	g_free(heard.bytes);
	scene_close(&s);
}

/* ---- knobs and buttons ---- */

static bool bool_of(const cJSON *json, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static int percent_of(const cJSON *json)
{
	return (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "percent"));
}

static void set_volume(struct client *client, const char *kind, int percent)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "kind", kind);
	cJSON_AddNumberToObject(params, "percent", percent);
	cJSON_Delete(client_call(client, "setVolume", params, NULL));
}

/* What alsamixer's own scale says. */
static int amixer_percent(const char *card, const char *knob)
{
	g_autofree char *command = g_strdup_printf("amixer -c %s -M sget %s", card, knob), *out = NULL;
	g_spawn_command_line_sync(command, &out, NULL, NULL, NULL);
	const char *bracket = out ? strchr(out, '[') : NULL;
	return bracket ? atoi(bracket + 1) : -1;
}

static void amixer_set(const char *card, const char *knob, const char *value)
{
	waitpid(run((const char *const[]){ "amixer", "-q", "-c", card, "-M", "sset", knob, value, NULL }), NULL, 0);
}

/* The next onMuteChange: 1 muted, 0 not, -1 none came. */
static int mute_event(struct client *client)
{
	cJSON *event = client_take(client, "onMuteChange", LIMIT_MS);
	int muted = event ? bool_of(event, "audioMuted") : -1;
	cJSON_Delete(event);
	return muted;
}

static cJSON *volume_of(struct client *client, const char *kind)
{
	cJSON *all = client_call(client, "getVolume", NULL, NULL);
	cJSON *one = cJSON_DetachItemFromObject(all, kind);
	cJSON_Delete(all);
	return one;
}

/* Waits until it has this, mixer or on. */
static cJSON *wait_knob(struct client *client, const char *kind, const char *has)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;
	cJSON *one = volume_of(client, kind);
	while (!bool_of(one, has) && g_get_monotonic_time() < limit) {
		cJSON_Delete(one);
		poll(NULL, 0, 20);
		one = volume_of(client, kind);
	}
	return one;
}

/* A card with a mixer (snd-dummy). */
static void scene_volume(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:match:dummy",
					     .speaker = "alsa:match:dummy", .more = QUIET };
	scene_open(&s, folder, &devices, "tone:660");
	cJSON *speaker = wait_knob(s.alice, "speaker", "mixer"), *microphone = wait_knob(s.alice, "microphone", "mixer");
	check(strcmp(text_of(speaker, "name"), "hw:Dummy: Master") == 0, "the speaker's knob is %s",
	      text_of(speaker, "name"));
	check(strcmp(text_of(microphone, "name"), "hw:Dummy: Mic") == 0, "the microphone's knob is %s",
	      text_of(microphone, "name"));
	cJSON_Delete(speaker);
	cJSON_Delete(microphone);
	client_forget(s.alice);
	set_volume(s.alice, "speaker", 50);
	cJSON *event = client_expect(s.alice, "onVolumeChange");
	int percent = percent_of(event), theirs = amixer_percent("Dummy", "Master");
	check(ABS(percent - 50) <= 2 && ABS(theirs - percent) <= 1, "set to 50: it is %d %%, amixer says %d %%", percent,
	      theirs);
	cJSON_Delete(event);
	amixer_set("Dummy", "Master", "80%");
	event = client_expect(s.alice, "onVolumeChange");
	theirs = amixer_percent("Dummy", "Master");
	check(ABS(percent_of(event) - theirs) <= 1 && ABS(theirs - 80) <= 2,
	      "somebody else turned it to %d %%: told as %d %%", theirs, percent_of(event));
	cJSON_Delete(event);
	amixer_set("Dummy", "Mic", "cap");
	cJSON_Delete(wait_knob(s.alice, "microphone", "on"));
	client_forget(s.alice);
	amixer_set("Dummy", "Mic", "nocap");
	int off = mute_event(s.alice);
	amixer_set("Dummy", "Mic", "cap");
	int on = mute_event(s.alice);
	check(off == 1 && on == 0, "the card's capture switch mutes (%d) and unmutes (%d)", off, on);
	scene_close(&s);
}

/* A cable has no mixer: the sound itself is weighed. */
static void scene_weigh(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1",
					     .speaker = "null:", .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=0", 1000);
	scene_open(&s, folder, &devices, "tone:660");
	scene_call(&s);
	poll(NULL, 0, 1500);
	double before = number_of(s.bob, "sound", "speaker_dbfs");
	set_volume(s.alice, "microphone", 50);
	cJSON *event = client_expect(s.alice, "onVolumeChange");
	bool mixer = bool_of(event, "mixer");
	cJSON_Delete(event);
	poll(NULL, 0, 1500);
	double after = number_of(s.bob, "sound", "speaker_dbfs");
	check(!mixer && before > -30 && fabs(before - after - 18) < 3, "no mixer: at 50 %% bob hears %.1f dB in place of "
	      "%.1f", after, before);
	scene_hangup(&s);
	end(first);
	scene_close(&s);
}

static int button_make(void)
{
	struct uinput_setup setup = { .id = { .bustype = BUS_USB, .vendor = 1, .product = 1 }, .name = "A Mute Button" };
	int fd = open("/dev/uinput", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		g_error("/dev/uinput: %s", g_strerror(errno));
	ioctl(fd, UI_SET_EVBIT, EV_KEY);
	ioctl(fd, UI_SET_KEYBIT, KEY_MICMUTE);
	ioctl(fd, UI_DEV_SETUP, &setup);
	ioctl(fd, UI_DEV_CREATE);
	return fd;
}

static void button_press(int fd)
{
	for (int down = 1; down >= 0; down--) {
		const struct input_event events[] = { { .type = EV_KEY, .code = KEY_MICMUTE, .value = down },
						      { .type = EV_SYN, .code = SYN_REPORT } };
		if (write(fd, events, sizeof(events)) != sizeof(events))
			g_error("uinput: %s", g_strerror(errno));
	}
}

/* Bob is told in the call; every client of alice sees it. */
static void scene_button(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .more = QUIET "mute_button = evdev:*mute button\n" };
	int button = button_make();
	scene_open(&s, folder, &devices, "tone:660");
	struct client *other = client_open(s.alice_box->socket);
	scene_call(&s);
	poll(NULL, 0, 1500); /* plugged in, found within a second */
	client_forget(s.alice);
	gint64 now = g_get_monotonic_time();
	button_press(button);
	int muted = mute_event(s.alice);
	double ms = (double)(g_get_monotonic_time() - now) / 1000;
	cJSON *told = client_expect(s.bob, "onAudioMuted");
	check(muted == 1 && mute_event(other) == 1 && bool_of(told, "muted"),
	      "the button mutes after %.0f ms; another client and the other side see it", ms);
	cJSON_Delete(told);
	poll(NULL, 0, 1500);
	double silent = number_of(s.bob, "sound", "speaker_dbfs");
	button_press(button);
	muted = mute_event(s.alice);
	poll(NULL, 0, 1500);
	double loud = number_of(s.bob, "sound", "speaker_dbfs");
	check(muted == 0 && silent < -60 && loud > -40, "muted, bob hears %.0f dB; again, and he hears %.0f dB", silent,
	      loud);
	close(button);
	poll(NULL, 0, 1200);
	button = button_make(); /* unplugged and plugged in */
	poll(NULL, 0, 1500);
	button_press(button);
	check(mute_event(s.alice) == 1, "unplugged and plugged in, it works again");
	close(button);
	scene_hangup(&s);
	client_close(other);
	scene_close(&s);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(const char *folder); } scenes[] = {
		{ "unplug", scene_unplug }, { "shift", scene_shift }, { "stall", scene_stall },
		{ "ring", scene_ring }, { "echo", scene_echo },
		{ "volume", scene_volume }, { "weigh", scene_weigh }, { "button", scene_button },
	};
	for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(scenes); i++)
		if (strcmp(argv[1], scenes[i].name) == 0) {
			steady_start();
			scenes[i].run(argv[2]);
			return steady_finish();
		}
	return 64;
}
