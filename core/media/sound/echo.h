/* echo: takes what the speaker plays out of what the microphone hears. Each call is from one thread: the
 * speaker's, the microphone's. Blocks carry their place on the device's own clock (sound_state). */
#ifndef CALLBOX_MEDIA_SOUND_ECHO_H
#define CALLBOX_MEDIA_SOUND_ECHO_H

#include "core/devices/sound_device.h"

struct echo;

int echo_create(struct echo **ret_echo);
void echo_destroy(struct echo *echo);

/* The block that was given to the speaker: state.moved is where it ends. serial: changes with the device. */
void echo_played(struct echo *echo, unsigned int serial, const struct sound_state *state,
		 const int16_t block[SOUND_BLOCK]);
/* The block that was heard; what is left of it comes back in place. */
void echo_cancel(struct echo *echo, unsigned int serial, const struct sound_state *state, int16_t block[SOUND_BLOCK]);

#endif
