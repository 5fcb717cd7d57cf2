/* mixer: the volume knob of one direction of a sound card, and its switch. One thread.
 *
 * Percent is what people hear, not what the register holds: a range of more than 24 dB is bent so that half is 18 dB
 * below the whole, about a third as loud. -ENOENT: the card has no such knob, sound is weighed by callbox-media then. */
#ifndef CALLBOX_DEVICES_MIXER_H
#define CALLBOX_DEVICES_MIXER_H

#include <poll.h>
#include <stdbool.h>

struct mixer;

struct mixer_state {
	int percent; /* 0..100 */
	bool on;     /* its switch; true where it has none */
	bool has_switch;
};

/* id: a device of sound_device.h. 0, -ENOENT as above, or another -errno: there is no such card. */
int mixer_open(const char *id, bool capture, struct mixer **ret_mixer);
void mixer_close(struct mixer *mixer);
const char *mixer_name(const struct mixer *mixer); /* "CARD: KNOB" */

int mixer_get(struct mixer *mixer, struct mixer_state *ret_state);
/* Above 0 the playback switch goes on too. */
int mixer_set(struct mixer *mixer, int percent);

/* To wait for: their number. */
int mixer_fds(struct mixer *mixer, struct pollfd *fds, int most);
/* After one woke. Negative: the card has gone. */
int mixer_handle(struct mixer *mixer);

/* The bending alone: share 0..1 of the knob's way ⇄ hundredths of a dB between min and max. */
double mixer_share_of(long value, long min, long max);
long mixer_value_of(double share, long min, long max);

#endif
