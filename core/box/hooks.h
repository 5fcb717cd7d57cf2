/* hooks: the administrator's own programs, run when something happens to a call or to the box. Set up by
 * hooks.conf(5). No shell; what a peer said is only ever in the environment and on stdin, as printable UTF-8.
 * At most HOOKS_AT_ONCE run, HOOKS_QUEUED wait, the oldest of these is dropped first.
 *
 * Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_HOOKS_H
#define CALLBOX_BOX_HOOKS_H

#include <cjson/cJSON.h>

#include "core/base/settings.h"

#define HOOKS_AT_ONCE 2
#define HOOKS_QUEUED 64
#define HOOK_ANSWER_MS 500 /* call-incoming: silence after this is an allow */

enum hook {
	HOOK_CALL_INCOMING, HOOK_CALL_OUTGOING, HOOK_CALL_RINGING, HOOK_CALL_CONNECTED, HOOK_CALL_END,
	HOOK_CALL_REFUSED, HOOK_CALL_MISSED, HOOK_TYPE_CHANGE, HOOK_MUTE_CHANGE, HOOK_CAMERA_CHANGE,
	HOOK_MEDIA_LOST, HOOK_MEDIA_BACK, HOOK_STANDBY_ENTER, HOOK_STANDBY_LEAVE, HOOK_DND_CHANGE, HOOKS,
};

/* What a hook is told; NULL and negative: not said. */
struct hook_facts {
	const char *call_id, *peer, *from, *to, *reason, *on;
	int type;	       /* 1 audio, 2 video, 3 other; 0 */
	double duration_ms;    /* -1 */
};

enum hook_answer { HOOK_ALLOW, HOOK_REFUSE, HOOK_AUTO };
typedef void (*hook_answer_fn)(enum hook_answer answer, const char *call_id, void *data);

extern const struct setting hooks_table[];

struct hooks;

/* A folder without hooks.conf has no hooks. On failure *ret_error (caller frees) names file, line and hook. */
int hooks_load(const char *folder, struct hooks **ret_hooks, char **ret_error);
/* Kills what runs. */
void hooks_free(struct hooks *hooks);
void hooks_print(const struct hooks *hooks);

/* Whether a program is set for it. */
bool hooks_has(const struct hooks *hooks, enum hook hook);
/* Facts are copied. Does nothing when no program is set. */
void hooks_run(struct hooks *hooks, enum hook hook, const struct hook_facts *facts);
/* call-incoming, before all that waits: answer comes within HOOK_ANSWER_MS, never from within this call. */
void hooks_ask(struct hooks *hooks, const struct hook_facts *facts, hook_answer_fn answer, void *data);

#endif
