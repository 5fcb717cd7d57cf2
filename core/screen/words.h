/* words: everything that the screen says, in every language it knows. Pure. */
#ifndef CALLBOX_SCREEN_WORDS_H
#define CALLBOX_SCREEN_WORDS_H

#include <time.h>

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGES };

enum word {
	WORD_READY, WORD_OFFLINE, WORD_DND, WORD_RECENT, WORD_NO_CALLS, WORD_HOW_TO_CALL, WORD_YESTERDAY,
	WORD_RINGS_AUDIO, WORD_RINGS_VIDEO, WORD_ANSWER, WORD_HANG_UP, WORD_PREPARING, WORD_CALLING,
	WORD_RINGBACK, WORD_CONNECTING, WORD_RECOVERING, WORD_CALL_AUDIO, WORD_CALL_VIDEO, WORD_NO_PICTURE,
	WORD_TROUBLE_NETWORK, WORD_TROUBLE_ACCOUNT, WORD_TROUBLE_CAMERA, WORD_TROUBLE_MICROPHONE,
	WORD_TROUBLE_SPEAKER, WORD_TROUBLE_VIDEO, WORDS,
};

const char *word(enum language language, enum word which);
/* "en", "zh"; anything else is English. */
enum language language_parse(const char *name);

/* What a state of the call is called, "" for those of which nothing is said. */
const char *word_of_state(enum language language, const char *state);
/* A trouble's code as callboxd names it; NULL: not known. */
const char *word_of_trouble(enum language language, const char *code);

/* "Saturday, 28 November"; caller frees. */
char *words_date(enum language language, const struct tm *day);
/* When a call was: the hour today, "Yesterday", else the day. Caller frees. */
char *words_when(enum language language, time_t when, time_t now);

#endif
