/* api: what the files of the control socket's verbs share. Private to them.
 *
 *   api.c        finds the verb, the manual's list     api_call.c   calls
 *   api_camera.c a camera's controls
 *   api_media.c  switches, devices, views, numbers     api_box.c    records, accounts, policy, events
 */
#ifndef CALLBOX_BOX_API_H
#define CALLBOX_BOX_API_H

#include "core/box/box.h"

struct verb {
	struct box *box;
	struct control_request *request;
	const cJSON *params;
};

struct verb_row {
	const char *name;
	void (*run)(struct verb *v); /* answers the request exactly once, now or later */
	bool touches;		     /* somebody uses the room: out of standby */
	const char *params, *help;
};

/* name NULL ends each. */
extern const struct verb_row api_call_verbs[], api_media_verbs[], api_camera_verbs[], api_box_verbs[];

/* A text parameter; NULL when it is missing. */
const char *api_text(const struct verb *v, const char *name);
/* Answers with what was done: r 0 and result (taken, may be NULL), or a negative errno and its words (taken).
 * Carries out what the core wants. */
void api_answer(struct verb *v, int r, char *error, cJSON *result);
/* false: the parameter is missing or no bool, and the request is answered. */
bool api_flag(struct verb *v, const char *name, bool *ret_on);
/* What the verb does, for the mute button too: all clients see it. */
void api_mute_audio(struct box *box, bool on);
void api_wrong_state(struct verb *v, const char *needs);

#endif
