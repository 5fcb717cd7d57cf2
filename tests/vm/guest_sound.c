/* guest_sound: the sound driver inside a guest, on snd-aloop's cable, which changes no bit. What goes through it
 * are counted samples, so that each frame knows its number: frames that are lost, doubled or out of place show
 * exactly.
 *
 * usage: guest_sound capture|playback CARD [STALLS], foreign CARD, or faults|dead CARD (snd-pcmtest)
 * prints TAP lines without numbers */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/devices/sound_device.h"
#include "tests/vm/steady.h"

#define RATE SOUND_RATE
#define MOVED (SOUND_BLOCKS_MAX * SOUND_BLOCK)
#define CYCLE 30000 /* samples count 1..CYCLE and begin anew; 0 is silence */
#define SECONDS 4
#define STALL_AFTER_MS 1500
#define STALL_MS 150

static int16_t counted(int64_t frame)
{
	return (int16_t)(frame % CYCLE + 1);
}

/* This process stands still for STALL_MS, as one that the system starves. */
static pid_t stall_later(int times)
{
	pid_t victim = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	poll(NULL, 0, STALL_AFTER_MS);
	for (int i = 0; i < times; i++) {
		kill(victim, SIGSTOP);
		poll(NULL, 0, STALL_MS);
		kill(victim, SIGCONT);
		poll(NULL, 0, STALL_MS);
	}
	_exit(0);
}

static GPid run(const char *const *argv)
{
	GPid pid;
	g_autoptr(GError) error = NULL;
	if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
			   &pid, &error))
		g_error("%s", error->message);
	return pid;
}

static void write_wav(const char *file, const int16_t *samples, size_t count)
{
	uint8_t head[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0";
	uint32_t words[] = { (uint32_t)count * 2 + 36, RATE, RATE * 2, (uint32_t)count * 2 };
	memcpy(head + 4, &words[0], 4);
	memcpy(head + 24, &words[1], 4);
	memcpy(head + 28, &words[2], 4);
	head[32] = 2;
	head[34] = 16;
	memcpy(head + 36, "data", 4);
	memcpy(head + 40, &words[3], 4);
	FILE *out = fopen(file, "we");
	fwrite(head, 1, sizeof(head), out);
	fwrite(samples, 2, count, out);
	fclose(out);
}

static const struct sound_driver *open_stream(const char *id, bool capture, struct sound_stream **ret_stream)
{
	const char *address;
	char why[512];
	const struct sound_driver *driver = sound_driver_find(id, &address, why, sizeof(why));
	if (!driver || driver->open(address, capture, ret_stream, why, sizeof(why)) < 0)
		g_error("%s", why);
	return driver;
}

/* Where a sample with a number stands, less the number: the same for all frames that are in place. */
static int64_t place_of(int64_t at, int16_t sample)
{
	return ((at - sample) % CYCLE + CYCLE) % CYCLE;
}

struct places {
	int64_t first, last; /* of the sound before the stall, of the last frame that is none; -1: none */
	size_t zeros, other; /* since the first sound: silence, and frames that stand elsewhere */
};

static struct places judge(const int16_t *samples, size_t count)
{
	struct places p = { -1, -1, 0, 0 };
	size_t from = 0;
	while (from < count && samples[from] == 0)
		from++;
	for (size_t i = MIN(from + RATE / 2, count); i < count && p.first < 0; i++)
		if (samples[i] != 0)
			p.first = place_of((int64_t)i, samples[i]);
	for (size_t i = from; i < count; i++) {
		p.zeros += samples[i] == 0;
		if (samples[i] == 0)
			continue;
		p.last = place_of((int64_t)i, samples[i]);
		p.other += p.last != p.first;
	}
	return p;
}

/* How far the last frame stands from the place that the first had. */
static int64_t shift_of(const struct places *p)
{
	int64_t shift = (p->last - p->first + CYCLE) % CYCLE;
	return shift > CYCLE / 2 ? CYCLE - shift : shift;
}

/* Three xruns make the driver start the card anew with longer periods: what went by is known by the clock only. */
static int64_t shift_allowed(const struct sound_state *state)
{
	return state->xruns < 3 ? 0 : RATE / 100;
}

static void capture(const char *card, int times)
{
	g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s,DEV=1,SUBDEV=0", card);
	g_autofree char *other = g_strdup_printf("hw:CARD=%s,DEV=0,SUBDEV=0", card);
	size_t total = (SECONDS + 4) * RATE, count = SECONDS * RATE;
	g_autofree int16_t *samples = g_new(int16_t, total);
	for (size_t i = 0; i < total; i++)
		samples[i] = counted((int64_t)i);
	write_wav("/tmp/counted.wav", samples, total);
	GPid feeder = run((const char *const[]){ "aplay", "-q", "-D", other, "/tmp/counted.wav", NULL });
	poll(NULL, 0, 500);
	struct sound_stream *stream;
	pid_t staller = stall_later(times); /* before: a child would hold the card's memory too */
	const struct sound_driver *driver = open_stream(id, true, &stream);
	struct sound_state state;
	int64_t longest = 0;
	int r = 0;
	for (size_t at = 0; r == 0 && at < count; at += MOVED) {
		int64_t before = g_get_monotonic_time();
		r = driver->read(stream, samples + at, SOUND_BLOCKS_MAX);
		longest = MAX(longest, g_get_monotonic_time() - before);
	}
	driver->state(stream, &state);
	waitpid(staller, NULL, 0);
	struct places p = judge(samples, count);
	check(r == 0, "the microphone was read through %d stalls of %d ms (%d)", times, STALL_MS, r);
	check(state.xruns > 0 && state.missed > 0, "%u xruns cost %" G_GUINT64_FORMAT " frames", state.xruns,
	      state.missed);
	check(p.zeros == state.missed && p.first >= 0 && shift_of(&p) <= shift_allowed(&state),
	      "as many zeros were read (%zu), and the frames stand in their places: %" G_GINT64_FORMAT " off", p.zeros,
	      shift_of(&p));
	check(state.moved == (double)count, "the stream stands at frame %.0f of %zu", state.moved, count);
	check(longest < (STALL_MS + 20 + 60) * 1000, "the longest wait for a block was %" G_GINT64_FORMAT " ms, %d "
	      "of them the stall", longest / 1000, STALL_MS);
	driver->close(stream);
	kill(feeder, SIGKILL);
	waitpid(feeder, NULL, 0);
}

static void playback(const char *card, int times)
{
	g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s,DEV=0,SUBDEV=1", card);
	g_autofree char *other = g_strdup_printf("hw:CARD=%s,DEV=1,SUBDEV=1", card);
	struct sound_stream *stream;
	pid_t staller = stall_later(times); /* before: a child would hold the card's memory too */
	const struct sound_driver *driver = open_stream(id, false, &stream);
	GPid recorder = run((const char *const[]){ "arecord", "-q", "-D", other, "-f", "S16_LE", "-c", "1", "-r",
						    "48000", "-d", "4", "-t", "raw", "/tmp/heard.raw", NULL });
	int64_t content = 0;
	uint64_t missed = 0;
	struct sound_state state = { 0 };
	int r = 0, status;
	while (r == 0 && waitpid(recorder, &status, WNOHANG) == 0) {
		int16_t moved[MOVED];
		for (int i = 0; i < MOVED; i++)
			moved[i] = counted(content + i);
		r = driver->write(stream, moved, SOUND_BLOCKS_MAX);
		driver->state(stream, &state);
		/* what the time of an xrun was for is not played later */
		content += MOVED + (int64_t)(state.missed - missed);
		missed = state.missed;
	}
	kill(recorder, SIGTERM);
	waitpid(recorder, NULL, 0);
	waitpid(staller, NULL, 0);
	driver->close(stream);
	g_autofree char *heard = NULL;
	gsize bytes = 0;
	g_file_get_contents("/tmp/heard.raw", &heard, &bytes, NULL);
	check(r == 0 && bytes >= (SECONDS - 1) * RATE * 2, "the speaker played through %d stalls of %d ms (%d), %zu "
	      "frames were heard", times, STALL_MS, r, bytes / 2);
	if (bytes < (SECONDS - 1) * RATE * 2)
		return;
	struct places p = judge((const int16_t *)(void *)heard, bytes / 2);
	check(state.xruns > 0 && missed > 0, "%u xruns cost %" G_GUINT64_FORMAT " frames", state.xruns, missed);
	check(p.first >= 0 && shift_of(&p) <= shift_allowed(&state),
	      "what is heard stands in its place again, %" G_GINT64_FORMAT " frames off; %zu were displaced before, %zu "
	      "silent", shift_of(&p), p.other, p.zeros);
}

/* ---- a card that runs as another program has set it: the other end of the cable ---- */

/* The part of the windows of 10 ms that are a tone of 1000 Hz and nothing else. */
static double tone_part(const int16_t *samples, size_t count)
{
	unsigned int good = 0, all = 0;
	for (size_t at = 0; at + SOUND_BLOCK <= count; at += SOUND_BLOCK, all++) {
		double c = 0, s = 0, energy = 1;
		for (int i = 0; i < SOUND_BLOCK; i++) {
			c += samples[at + (size_t)i] * cos(2 * M_PI * 1000 * i / RATE);
			s += samples[at + (size_t)i] * sin(2 * M_PI * 1000 * i / RATE);
			energy += (double)samples[at + (size_t)i] * samples[at + (size_t)i];
		}
		good += energy > 1e7 && 2 * (c * c + s * s) / (energy * SOUND_BLOCK) > 0.99;
	}
	return all ? (double)good / all : 0;
}

/* Frames of a tone in that format; the samples' most significant bytes come last. */
static void tone_write(const char *file, unsigned int bytes, unsigned int rate, unsigned int channels)
{
	FILE *out = fopen(file, "we");
	for (unsigned int i = 0; i < rate * 6; i++)
		for (unsigned int c = 0; c < channels; c++) {
			int32_t sample = (int32_t)lrint(8e8 * sin(2 * M_PI * 1000 * i / rate));
			fwrite((uint8_t *)&sample + 4 - bytes, 1, bytes, out);
		}
	fclose(out);
}

static void foreign(const char *card)
{
	static const struct { const char *format; unsigned int bytes; const char *rate, *channels; } all[] = {
		{ "S32_LE", 4, "44100", "2" }, { "S24_3LE", 3, "32000", "4" }, { "S16_LE", 2, "96000", "1" },
		{ "S16_LE", 2, "8000", "8" },
	};
	g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s,DEV=1,SUBDEV=2", card);
	g_autofree char *other = g_strdup_printf("hw:CARD=%s,DEV=0,SUBDEV=2", card);
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		static int16_t heard[2 * RATE];
		struct sound_stream *stream;
		struct sound_state state;
		int r = 0;
		tone_write("/tmp/tone.raw", all[i].bytes, (unsigned int)atoi(all[i].rate),
			   (unsigned int)atoi(all[i].channels));
		GPid feeder = run((const char *const[]){ "aplay", "-q", "-D", other, "-t", "raw", "-f", all[i].format,
							 "-r", all[i].rate, "-c", all[i].channels, "/tmp/tone.raw",
							 NULL });
		poll(NULL, 0, 700);
		const struct sound_driver *driver = open_stream(id, true, &stream);
		for (size_t at = 0; r == 0 && at < G_N_ELEMENTS(heard); at += MOVED)
			r = driver->read(stream, heard + at, SOUND_BLOCKS_MAX);
		driver->state(stream, &state);
		driver->close(stream);
		kill(feeder, SIGKILL);
		waitpid(feeder, NULL, 0);
		double part = tone_part(heard + RATE / 4, G_N_ELEMENTS(heard) - RATE / 4);
		check(r == 0 && part > 0.97,
		      "%s, %s Hz, %s channels: the tone is whole %.1f %% of the time (%d, %u xruns)",
		      all[i].format, all[i].rate, all[i].channels, 100 * part, r, state.xruns);
	}
}

/* ---- snd-pcmtest: a card that refuses on command ---- */

static void inject(const char *fault, const char *value)
{
	g_autofree char *file = g_strdup_printf("/sys/module/snd_pcmtest/parameters/inject_%s", fault);
	FILE *out = fopen(file, "we");
	if (!out || fputs(value, out) < 0 || fclose(out) != 0)
		g_error("%s: %s", file, g_strerror(errno));
}

/* Opens it and moves a few blocks; 0, or what was said. */
static int try_card(const char *id, bool capture, char why[512])
{
	const char *address;
	struct sound_stream *stream;
	int16_t block[SOUND_BLOCK] = { 0 };
	why[0] = '\0';
	const struct sound_driver *driver = sound_driver_find(id, &address, why, 512);
	int r = driver->open(address, capture, &stream, why, 512);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 10; i++)
		r = capture ? driver->read(stream, block, 1) : driver->write(stream, block, 1);
	driver->close(stream);
	return r;
}

static void faults(const char *card)
{
	static const struct { const char *fault, *part; } all[] = {
		{ "open_err", "busy" }, { "hwpars_err", "busy" }, { "prepare_err", "Invalid argument" },
		{ "trigger_err", "" },
	};
	g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s", card);
	char why[512];
	for (int capture = 0; capture < 2; capture++) {
		int r = try_card(id, capture, why);
		check(r == 0, "%s without a fault: %d", capture ? "microphone" : "speaker", r);
		for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
			inject(all[i].fault, "1");
			r = try_card(id, capture, why);
			inject(all[i].fault, "0");
			bool told = (!why[0] || strstr(why, id)) && (all[i].part[0] == '\0' || strstr(why, all[i].part));
			check(r < 0 && told, "%s, %s: %d, %s", capture ? "microphone" : "speaker", all[i].fault, r,
			      why[0] ? why : "found while it runs");
		}
		r = try_card(id, capture, why);
		check(r == 0, "and works again: %d", r);
	}
}

/* Its clock stands still for seconds: poll does not wake. */
static void dead(const char *card)
{
	g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s", card);
	int16_t block[SOUND_BLOCK];
	struct sound_stream *stream;
	const struct sound_driver *driver = open_stream(id, true, &stream);
	int r = 0;
	for (int i = 0; r == 0 && i < 20; i++)
		r = driver->read(stream, block, 1);
	check(r == 0, "the card runs: %d", r);
	inject("delay", "1000");
	gint64 before = 0; /* the last frame's time */
	for (int i = 0; r == 0 && i < 100; i++) {
		before = g_get_monotonic_time();
		r = driver->read(stream, block, 1);
	}
	double ms = (double)(g_get_monotonic_time() - before) / 1000;
	inject("delay", "0");
	driver->close(stream);
	check(r == -EIO && ms <= 500, "a card that says nothing any more is given up after %.0f ms (%d)", ms, r);
}

int main(int argc, char **argv)
{
	int times = argc == 4 ? atoi(argv[3]) : 1;
	if (argc < 3 || times < 1)
		return 64;
	steady_start();
	if (strcmp(argv[1], "capture") == 0)
		capture(argv[2], times);
	else if (strcmp(argv[1], "playback") == 0)
		playback(argv[2], times);
	else if (strcmp(argv[1], "faults") == 0)
		faults(argv[2]);
	else if (strcmp(argv[1], "foreign") == 0)
		foreign(argv[2]);
	else if (strcmp(argv[1], "dead") == 0)
		dead(argv[2]);
	else
		return 64;
	return steady_finish();
}
