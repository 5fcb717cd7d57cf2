/* The parts of sound that need no card: the kernel's list of cards, sample formats, WAV files, tones, wishes. */
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/base/sound_cards.h"
#include "core/box/drifts.h"
#include "core/devices/sound_device.h"
#include "core/devices/wav.h"
#include "core/media/sound/tones.h"
#include "drivers-glue/alsa_samples.h"

/* ---- cards ---- */

static const char cards_text[] =
	" 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n"
	"                      HDA Intel PCH at 0xf7d10000 irq 30\n"
	" 1 [Loopback       ]: Loopback - Loopback\n"
	"                      Loopback 1\n"
	" 3 [Speakerphone   ]: USB-Audio - Jabra SPEAK 510 USB\n"
	"                      Jabra SPEAK 510 USB at usb-0000:00:14.0-1, full speed\n";

static char *made_proc(void)
{
	static const char *const folders[] = { "card0/pcm0p/sub0", "card0/pcm3p/sub0", "card1/pcm0c/sub0",
					       "card1/pcm0p/sub0", "card3/pcm0c/sub0", "card3/pcm0p/sub0" };
	char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
	g_autofree char *cards = g_build_filename(dir, "cards", NULL);
	g_file_set_contents(cards, cards_text, -1, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *folder = g_build_filename(dir, folders[i], NULL);
		g_autofree char *status = g_build_filename(folder, "status", NULL);
		g_mkdir_with_parents(folder, 0700);
		g_file_set_contents(status, "closed\n", -1, NULL);
	}
	g_autofree char *busy = g_build_filename(dir, "card3/pcm0c/sub0/status", NULL);
	g_file_set_contents(busy, "state: RUNNING\nowner_pid   : 1\ntrigger_time: 1.0\n", -1, NULL);
	return dir;
}

static void remove_all(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *one = g_build_filename(path, name, NULL);
		remove_all(one);
	}
	if (dir)
		g_dir_close(dir);
	g_remove(path);
}

static void test_cards(void)
{
	g_autofree char *proc = made_proc();
	struct sound_card cards[SOUND_CARDS_MAX];
	char why[256];
	g_assert_cmpuint(sound_cards_load(proc, cards), ==, 3);
	g_assert_cmpstr(cards[0].id, ==, "PCH");
	g_assert_cmpstr(cards[0].driver, ==, "HDA-Intel");
	g_assert_cmpstr(cards[0].name, ==, "HDA Intel PCH");
	g_assert_cmpint(cards[0].microphone, ==, -1);
	g_assert_cmpint(cards[0].speaker, ==, 0);
	g_assert_true(sound_card_is_loopback(&cards[1]));
	g_assert_cmpint(cards[2].number, ==, 3);
	g_assert_true(sound_card_fits(&cards[2], "*jabra*"));
	g_assert_true(sound_card_fits(&cards[2], "SPEAKERPHONE"));
	g_assert_true(sound_card_fits(&cards[2], "*full speed"));
	g_assert_false(sound_card_fits(&cards[0], "*jabra*"));
	g_assert_true(sound_card_trouble(proc, &cards[0], true, why, sizeof(why)));
	g_assert_cmpstr(why, ==, "it has no microphone");
	g_assert_true(sound_card_trouble(proc, &cards[2], true, why, sizeof(why)));
	g_assert_true(g_str_has_prefix(why, "busy: "));
	g_assert_false(sound_card_trouble(proc, &cards[2], false, why, sizeof(why)));
	g_assert_cmpstr(why, ==, "");
	remove_all(proc);
	g_assert_cmpuint(sound_cards_load(proc, cards), ==, 0);
}

static void test_wishes(void)
{
	char ids[SOUND_CHOICES][SOUND_ID];
	g_assert_cmpuint(sound_devices("alsa:hw:CARD=A file:/x y/z.wav  null:", true, ids), ==, 3);
	g_assert_cmpstr(ids[0], ==, "alsa:hw:CARD=A");
	g_assert_cmpstr(ids[1], ==, "file:/x y/z.wav");
	g_assert_cmpstr(ids[2], ==, "null:");
	g_assert_cmpuint(sound_devices("alsa:match:no such card at all", true, ids), ==, 1);
	g_assert_cmpstr(ids[0], ==, "alsa:match:no such card at all");
	g_assert_cmpuint(sound_devices("nonsense", false, ids), ==, 1);
	const char *address;
	char why[256];
	g_assert_null(sound_driver_find("nonsense", &address, why, sizeof(why)));
	g_assert_nonnull(strstr(why, "nonsense"));
	const struct sound_driver *alsa = sound_driver_find("alsa:match:none", &address, why,
							    sizeof(why));
	struct sound_stream *stream;
	g_assert_cmpint(alsa->open(address, true, &stream, why, sizeof(why)), <, 0);
	g_assert_cmpstr(why, ==, "microphone alsa:match:none: no sound card with a microphone fits");
}

/* ---- samples ---- */

static void test_samples(void)
{
	static const int16_t mono[] = { 0, 1, -1, 32767, -32768, 12345, -12345 };
	enum { COUNT = G_N_ELEMENTS(mono) };
	for (const snd_pcm_format_t *f = alsa_formats; *f != SND_PCM_FORMAT_UNKNOWN; f++)
		for (unsigned int channels = 1; channels <= ALSA_CHANNELS_MAX; channels++) {
			uint8_t frames[COUNT * ALSA_FRAME_MAX];
			int16_t back[COUNT];
			alsa_from_mono(mono, *f, channels, COUNT, frames);
			alsa_to_mono(frames, *f, channels, COUNT, back);
			g_assert_cmpmem(back, sizeof(back), mono, sizeof(mono));
			g_assert_cmpuint(alsa_sample_bytes(*f), ==, (unsigned int)snd_pcm_format_physical_width(*f) / 8);
		}
	const uint8_t low[] = { 0x00, 0x00, 0xff, 0xff }; /* -65536 as S24 in four bytes */
	int16_t one;
	alsa_to_mono(low, SND_PCM_FORMAT_S24_LE, 1, 1, &one);
	g_assert_cmpint(one, ==, -256);
}

/* ---- WAV ---- */

static size_t wav_make(uint8_t *to, unsigned int kind, unsigned int channels, unsigned int rate, unsigned int bits,
		       unsigned int frames)
{
	uint32_t bytes = frames * channels * bits / 8, block = channels * bits / 8;
	uint32_t riff = 36 + bytes, byte_rate = rate * block, sixteen = 16;
	memcpy(to, "RIFF", 4);
	memcpy(to + 4, &riff, 4);
	memcpy(to + 8, "WAVEfmt ", 8);
	memcpy(to + 16, &sixteen, 4);
	memcpy(to + 20, &(uint16_t){ (uint16_t)kind }, 2);
	memcpy(to + 22, &(uint16_t){ (uint16_t)channels }, 2);
	memcpy(to + 24, &rate, 4);
	memcpy(to + 28, &byte_rate, 4);
	memcpy(to + 32, &(uint16_t){ (uint16_t)block }, 2);
	memcpy(to + 34, &(uint16_t){ (uint16_t)bits }, 2);
	memcpy(to + 36, "data", 4);
	memcpy(to + 40, &bytes, 4);
	for (unsigned int i = 0; i < frames; i++)
		for (unsigned int c = 0; c < channels; c++) {
			double value = 0.5 * sin(2 * G_PI * 1000 * i / rate);
			int32_t whole = (int32_t)lrint(value * 2147483647.0);
			float number = (float)value;
			uint8_t *at = to + 44 + (i * channels + c) * bits / 8;
			if (kind == 3)
				memcpy(at, &number, 4);
			else if (bits == 8)
				*at = (uint8_t)((whole >> 24) + 128);
			else
				memcpy(at, (uint8_t *)&whole + 4 - bits / 8, bits / 8);
		}
	return 44 + bytes;
}

static double tone_level(const int16_t *samples, size_t count, double hz)
{
	double c = 0, s = 0;
	for (size_t i = 0; i < count; i++) {
		c += samples[i] * cos(2 * G_PI * hz * (double)i / SOUND_RATE);
		s += samples[i] * sin(2 * G_PI * hz * (double)i / SOUND_RATE);
	}
	return 2 * sqrt(c * c + s * s) / (double)count;
}

static void test_wav(void)
{
	static const struct { unsigned int kind, channels, rate, bits; } good[] = {
		{ 1, 1, 48000, 16 }, { 1, 2, 44100, 16 }, { 1, 1, 8000, 8 }, { 1, 2, 96000, 24 }, { 1, 8, 48000, 32 },
		{ 3, 1, 16000, 32 },
	};
	g_autofree uint8_t *bytes = g_malloc0(1 << 22);
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		unsigned int rate = good[i].rate;
		size_t size = wav_make(bytes, good[i].kind, good[i].channels, rate, good[i].bits, rate / 2);
		int16_t *samples;
		size_t count;
		g_assert_cmpint(wav_parse(bytes, size, &samples, &count), ==, 0);
		g_assert_cmpint(ABS((int)count - SOUND_RATE / 2), <, 100);
		double level = tone_level(samples + 4800, 9600, 1000);
		g_assert_cmpfloat(fabs(level - 16384), <, 500);
		free(samples);
		for (size_t cut = 0; cut < 44; cut++)
			g_assert_cmpint(wav_parse(bytes, cut, &samples, &count), <, 0);
	}
	size_t size = wav_make(bytes, 2, 1, 48000, 4, 100);
	int16_t *samples;
	size_t count;
	g_assert_cmpint(wav_parse(bytes, size, &samples, &count), <, 0);
	char why[256];
	g_assert_cmpint(wav_load("/nowhere/at/all.wav", &samples, &count, why, sizeof(why)), <, 0);
	g_assert_cmpstr(why, ==, "/nowhere/at/all.wav: No such file or directory");
}

/* ---- tones ---- */

/* Blocks of the first ten seconds in which something is heard; -1 ended: the tone never did. */
static int heard_blocks(const char *what, int volume, int *ret_ended)
{
	struct tone *tone;
	char why[64];
	int heard = 0;
	*ret_ended = -1;
	g_assert_cmpint(tone_create(what, volume, &tone, why, sizeof(why)), ==, 0);
	for (int i = 0; i < 1000; i++) {
		int16_t block[SOUND_BLOCK] = { 0 };
		int loudest = 0;
		bool more = tone_mix(tone, block);
		for (int k = 0; k < SOUND_BLOCK; k++)
			loudest = MAX(loudest, abs(block[k]));
		heard += loudest > 100;
		if (!more && *ret_ended < 0)
			*ret_ended = i;
	}
	tone_destroy(tone);
	return heard;
}

static void test_tones(void)
{
	int ended;
	g_assert_cmpint(heard_blocks("ring", 100, &ended), ==, 400); /* 1 s on, 2 s off */
	g_assert_cmpint(ended, ==, -1);
	g_assert_cmpint(heard_blocks("ringback", 80, &ended), ==, 200);
	g_assert_cmpint(heard_blocks("busy", 80, &ended), ==, 250);
	g_assert_cmpint(ended, ==, 499);
	g_assert_cmpint(heard_blocks("beep", 80, &ended), ==, 25);
	g_assert_cmpint(ended, ==, 24);
	g_assert_cmpint(heard_blocks("ring", 0, &ended), ==, 0);
}

/* ---- what is remembered of two clocks ---- */

static void test_drifts(void)
{
	g_autofree char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL), *file = g_build_filename(dir, "drift", NULL);
	cJSON *pairs = drifts_load(dir);
	g_assert_cmpint(cJSON_GetArraySize(pairs), ==, 0);
	cJSON_Delete(pairs);
	for (int i = 0; i < DRIFTS_MAX + 4; i++) {
		g_autofree char *speaker = g_strdup_printf("alsa:hw:CARD=S%d", i);
		drifts_put(dir, "alsa:hw:CARD=M", speaker, -1000 * i);
	}
	drifts_put(dir, "alsa:hw:CARD=M", "alsa:hw:CARD=S10", 12345);
	pairs = drifts_load(dir);
	g_assert_cmpint(cJSON_GetArraySize(pairs), ==, DRIFTS_MAX);
	const cJSON *first = cJSON_GetArrayItem(pairs, 0), *second = cJSON_GetArrayItem(pairs, 1);
	g_assert_cmpstr(message_string(first, "speaker", ""), ==, "alsa:hw:CARD=S10");
	g_assert_cmpint(message_int(first, "nanos", 0), ==, 12345);
	g_assert_cmpint(message_int(second, "nanos", 0), ==, -19000);
	cJSON_Delete(pairs);
	g_file_set_contents(file, "nonsense\n1\t2\n99999999\ta\tb\n5x\ta\tb\n7\ta\tb\n", -1, NULL);
	pairs = drifts_load(dir);
	g_assert_cmpint(cJSON_GetArraySize(pairs), ==, 1);
	cJSON_Delete(pairs);
	remove_all(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sound/cards", test_cards);
	g_test_add_func("/sound/wishes", test_wishes);
	g_test_add_func("/sound/samples", test_samples);
	g_test_add_func("/sound/wav", test_wav);
	g_test_add_func("/sound/tones", test_tones);
	g_test_add_func("/sound/drifts", test_drifts);
	return g_test_run();
}
