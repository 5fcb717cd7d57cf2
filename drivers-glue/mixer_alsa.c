/* mixer_alsa: the simple mixer of an ALSA card: which knob is meant, and decibels. */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#include "core/devices/mixer.h"

#define LINEAR_RANGE 2400 /* hundredths of a dB: shorter ranges are not bent */
#define HALVING 6000.0	  /* so much less is a tenth of the way */

struct mixer {
	snd_mixer_t *handle;
	snd_mixer_elem_t *knob;
	bool capture;
	char name[128];
};

/* In order of preference; then whatever else has a volume. */
static const char *const playback_names[] = { "Master", "Speaker", "PCM", "Headset", "Headphone", NULL };
static const char *const capture_names[] = { "Mic", "Capture", "Headset", "Headset Mic", "Internal Mic",
					     "Front Mic", NULL };

double mixer_share_of(long value, long min, long max)
{
	if (max <= min)
		return 1;
	if (max - min <= LINEAR_RANGE)
		return (double)(value - min) / (double)(max - min);
	double least = exp10((double)(min - max) / HALVING);
	return (exp10((double)(value - max) / HALVING) - least) / (1 - least);
}

long mixer_value_of(double share, long min, long max)
{
	if (max - min <= LINEAR_RANGE)
		return min + lrint(share * (double)(max - min));
	double least = exp10((double)(min - max) / HALVING);
	return lrint(HALVING * log10(share * (1 - least) + least)) + max;
}

/* "alsa:hw:CARD=PCH,DEV=0" → "hw:PCH"; what is no card by name has the mixer of its own name. */
static bool control_of(const char *id, char *to, size_t bytes)
{
	const char *pcm = g_str_has_prefix(id, "alsa:") ? id + 5 : NULL;
	const char *colon = pcm ? strchr(pcm, ':') : NULL;
	if (!pcm || g_str_has_prefix(pcm, "match:") || g_str_equal(pcm, "auto"))
		return false;
	if (!colon) {
		g_strlcpy(to, pcm, bytes);
		return true;
	}
	const char *card = strstr(colon, "CARD=");
	card = card ? card + 5 : colon + 1;
	g_snprintf(to, bytes, "hw:%.*s", (int)strcspn(card, ","), card);
	return true;
}

/* alsa-lib prints what is missing; here a missing mixer is an answer. */
static void no_print(const char *file, int line, const char *function, int err, const char *format, ...)
{
	(void)file;
	(void)line;
	(void)function;
	(void)err;
	(void)format;
}

static bool has_volume(snd_mixer_elem_t *knob, bool capture)
{
	return snd_mixer_selem_is_active(knob) && (capture ? snd_mixer_selem_has_capture_volume(knob)
							   : snd_mixer_selem_has_playback_volume(knob));
}

static snd_mixer_elem_t *find_knob(snd_mixer_t *handle, bool capture)
{
	for (const char *const *name = capture ? capture_names : playback_names; *name; name++)
		for (snd_mixer_elem_t *k = snd_mixer_first_elem(handle); k; k = snd_mixer_elem_next(k))
			if (has_volume(k, capture) && strcmp(snd_mixer_selem_get_name(k), *name) == 0)
				return k;
	for (snd_mixer_elem_t *k = snd_mixer_first_elem(handle); k; k = snd_mixer_elem_next(k))
		if (has_volume(k, capture))
			return k;
	return NULL;
}

void mixer_close(struct mixer *mixer)
{
	if (!mixer)
		return;
	if (mixer->handle)
		snd_mixer_close(mixer->handle);
	g_free(mixer);
}

int mixer_open(const char *id, bool capture, struct mixer **ret_mixer)
{
	char control[128];
	if (!control_of(id, control, sizeof(control)))
		return -ENODEV;
	snd_lib_error_set_handler(no_print);
	struct mixer *mixer = g_new0(struct mixer, 1);
	mixer->capture = capture;
	int r = snd_mixer_open(&mixer->handle, 0);
	if (r < 0)
		mixer->handle = NULL;
	if (r == 0 && (r = snd_mixer_attach(mixer->handle, control)) == 0 &&
	    (r = snd_mixer_selem_register(mixer->handle, NULL, NULL)) == 0)
		r = snd_mixer_load(mixer->handle);
	if (r == 0 && !(mixer->knob = find_knob(mixer->handle, capture)))
		r = -ENOENT;
	if (r < 0) {
		mixer_close(mixer);
		return r;
	}
	g_snprintf(mixer->name, sizeof(mixer->name), "%s: %s", control, snd_mixer_selem_get_name(mixer->knob));
	*ret_mixer = mixer;
	return 0;
}

const char *mixer_name(const struct mixer *mixer)
{
	return mixer->name;
}

/* Range and value in hundredths of a dB; where the card knows none, in its own steps. decibels: which. */
static int level_get(struct mixer *mixer, long *min, long *max, long *value, bool *decibels)
{
	snd_mixer_elem_t *k = mixer->knob;
	snd_mixer_selem_channel_id_t one = SND_MIXER_SCHN_MONO;
	int r = mixer->capture ? snd_mixer_selem_get_capture_dB_range(k, min, max)
			       : snd_mixer_selem_get_playback_dB_range(k, min, max);
	*decibels = r == 0 && *max > *min;
	if (*decibels)
		return mixer->capture ? snd_mixer_selem_get_capture_dB(k, one, value)
				      : snd_mixer_selem_get_playback_dB(k, one, value);
	r = mixer->capture ? snd_mixer_selem_get_capture_volume_range(k, min, max)
			   : snd_mixer_selem_get_playback_volume_range(k, min, max);
	if (r < 0)
		return r;
	return mixer->capture ? snd_mixer_selem_get_capture_volume(k, one, value)
			      : snd_mixer_selem_get_playback_volume(k, one, value);
}

int mixer_get(struct mixer *mixer, struct mixer_state *ret_state)
{
	long min = 0, max = 0, value = 0;
	bool decibels;
	int on = 1, r = level_get(mixer, &min, &max, &value, &decibels);
	if (r < 0)
		return r;
	bool has = mixer->capture ? snd_mixer_selem_has_capture_switch(mixer->knob)
				  : snd_mixer_selem_has_playback_switch(mixer->knob);
	if (has && mixer->capture)
		snd_mixer_selem_get_capture_switch(mixer->knob, SND_MIXER_SCHN_MONO, &on);
	else if (has)
		snd_mixer_selem_get_playback_switch(mixer->knob, SND_MIXER_SCHN_MONO, &on);
	double share = decibels ? mixer_share_of(MAX(value, min), min, max)
				: max > min ? (double)(value - min) / (double)(max - min) : 1;
	*ret_state = (struct mixer_state){ (int)lrint(CLAMP(share, 0, 1) * 100), on != 0, has };
	return 0;
}

int mixer_set(struct mixer *mixer, int percent)
{
	long min = 0, max = 0, value = 0;
	bool decibels;
	snd_mixer_elem_t *k = mixer->knob;
	int r = level_get(mixer, &min, &max, &value, &decibels);
	if (r < 0)
		return r;
	double share = CLAMP(percent, 0, 100) / 100.0;
	if (decibels) {
		value = percent <= 0 ? min : mixer_value_of(share, min, max);
		r = mixer->capture ? snd_mixer_selem_set_capture_dB_all(k, value, 0)
				   : snd_mixer_selem_set_playback_dB_all(k, value, 0);
	} else {
		value = min + lrint(share * (double)(max - min));
		r = mixer->capture ? snd_mixer_selem_set_capture_volume_all(k, value)
				   : snd_mixer_selem_set_playback_volume_all(k, value);
	}
	if (r == 0 && percent > 0 && !mixer->capture && snd_mixer_selem_has_playback_switch(k))
		snd_mixer_selem_set_playback_switch_all(k, 1);
	return r;
}

int mixer_fds(struct mixer *mixer, struct pollfd *fds, int most)
{
	return snd_mixer_poll_descriptors(mixer->handle, fds, (unsigned int)most);
}

int mixer_handle(struct mixer *mixer)
{
	struct pollfd fds[4];
	int n = mixer_fds(mixer, fds, G_N_ELEMENTS(fds));
	if (n > 0 && poll(fds, (nfds_t)MIN(n, (int)G_N_ELEMENTS(fds)), 0) > 0)
		for (int i = 0; i < MIN(n, (int)G_N_ELEMENTS(fds)); i++)
			if (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL))
				return -ENODEV;
	int r = snd_mixer_handle_events(mixer->handle);
	return r < 0 ? r : 0;
}
