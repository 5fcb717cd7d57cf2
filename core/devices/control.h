/* control: words that set a camera's controls, as conf and people write them: "brightness=140", "zoom_absolute=200",
 * "power_line_frequency=50_hz"; and presets, words "NAME:CONTROL=VALUE,CONTROL=VALUE". Names are those of v4l2-ctl.
 * Pure functions, any thread. */
#ifndef CALLBOX_DEVICES_CONTROL_H
#define CALLBOX_DEVICES_CONTROL_H

#include <stdbool.h>

#define CONTROL_BYTES 48

struct control_word {
	char name[CONTROL_BYTES], value[CONTROL_BYTES];
};

/* What a camera says of one of its controls. */
struct camera_control {
	char name[CONTROL_BYTES];
	const char *type;     /* number, switch, menu, button */
	int min, max, step, initial, value;
	char item[CONTROL_BYTES]; /* of a menu: the one that is chosen */
	const char *note;     /* "inactive", "read-only" or "" */
};

/* 0, or -EINVAL. */
int control_word_parse(const char *word, struct control_word *ret_word);
/* Both: 0, or -EINVAL with *ret_why (caller frees). words may be NULL. */
int control_words_check(const char *words, char **ret_why);
int control_presets_check(const char *presets, char **ret_why);
/* The words of a preset, separated by blanks; NULL: there is none of this name. Caller frees. */
char *control_preset_find(const char *presets, const char *name);
/* more's words after those of words that they do not replace. Caller frees. */
char *control_words_merge(const char *words, const char *more);
/* "Exposure, Dynamic Framerate" is exposure_dynamic_framerate. */
void control_name_of(const char *label, char name[CONTROL_BYTES]);

#endif
