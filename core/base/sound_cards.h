/* sound_cards: the sound cards that the kernel has, as /proc/asound tells: no card is opened for it, so that
 * every process may ask. Pure functions of files; any thread. */
#ifndef CALLBOX_BASE_SOUND_CARDS_H
#define CALLBOX_BASE_SOUND_CARDS_H

#include <stdbool.h>
#include <stddef.h>

#define SOUND_CARDS_MAX 32
#define SOUND_CARDS_PROC "/proc/asound"

struct sound_card {
	int number;
	char id[32], driver[64], name[96], longname[160];
	int microphone, speaker; /* its first PCM device of that direction; -1: it has none */
};

/* In order of their numbers; at most SOUND_CARDS_MAX. proc: SOUND_CARDS_PROC, or a test's copy. */
unsigned int sound_cards_load(const char *proc, struct sound_card cards[SOUND_CARDS_MAX]);

/* Whether the pattern fits id, name or longname: shell wildcards, case does not matter. */
bool sound_card_fits(const struct sound_card *card, const char *pattern);
/* snd-aloop: a cable, not a card that anybody can hear. */
bool sound_card_is_loopback(const struct sound_card *card);

/* What keeps a program from opening that direction now: "busy: ... uses it", "no permission ...", "it has no
 * microphone"; false and an empty text: nothing. */
bool sound_card_trouble(const char *proc, const struct sound_card *card, bool capture, char *ret_why,
			size_t why_bytes);

#endif
