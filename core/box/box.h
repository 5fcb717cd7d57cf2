/* box: the daemon's parts and who owns them. One thread: the default main loop.
 *
 *   callboxctl, panels ⇄ control ── api ──► call core ──► outputs ─┬─► line ⇄ callbox-provider (one an account)
 *                                              ▲                   ├─► session ⇄ callbox-media, callbox-video
 *                                              │                   ├─► control: events
 *                          messages, media facts, timers           ├─► history: journal, records
 *                                                                  ├─► hooks, standby, screen ⇄ callbox-screen
 *                                                                  └─► ringer ⇄ callbox-ring, knobs ⇄ callbox-mixer
 *
 * Whoever feeds the core calls box_drain() afterwards, which carries the outputs out in order. */
#ifndef CALLBOX_BOX_BOX_H
#define CALLBOX_BOX_BOX_H

#include <glib.h>

#include "core/box/conf.h"
#include "core/box/control.h"
#include "core/box/history.h"
#include "core/box/hooks.h"
#include "core/box/token.h"
#include "core/call/call_core.h"

struct hunt;
struct knobs;
struct line;
struct screen;
struct session;
struct ringer;
struct standby;

struct box {
	const char *folder; /* of the conf files */
	struct conf conf;
	struct account_conf **accounts;
	struct fsm *fsm;
	char *boot; /* random per process */
	struct history *history;
	struct control *control;
	struct call_core *core;
	GPtrArray *lines;
	struct session *session; /* media of the live call or of a preview; NULL when idle */
	struct session *held;	 /* media of a held call: without devices */
	struct hunt *hunt; /* whom to call next; NULL: nobody */
	struct hooks *hooks;
	struct token *token;
	struct standby *standby;
	GPtrArray *watchers; /* NULL: none yet */
	uint64_t sequence;   /* of the last event */
	struct ringer *ringer;
	struct knobs *knobs;
	struct screen *screen; /* NULL: there is none */
	char lost[CALL_ID_CHARS + 1]; /* the call that waits for its media; "": none */
	char rings[CALL_ID_CHARS + 1]; /* the call that rings, as the last onRing said; "": none */
	bool beep;	     /* the next session begins with a beep */
	guint timer;
	GMainLoop *loop;
	bool audio_muted, video_muted, audio_enabled, video_enabled;
	bool silent, dark; /* what the hooks were last told: no sound, no picture leaves this room */
};

int64_t box_now_ms(void); /* CLOCK_BOOTTIME */
/* Carries out what the core wants, then arms its timer. */
void box_drain(struct box *box);
/* Sound and picture switches: told to the media, the peer and the clients. */
void box_switches(struct box *box);
/* After a call or a preview: all on again; mutes as mic_unmute_on_disconnect says. */
void box_switches_restore(struct box *box);
/* An event that is not the core's: to all subscribers. payload is taken. */
void box_event(struct box *box, const char *name, cJSON *payload);
cJSON *box_state(struct box *box);

/* api.c: one row a verb */
void api_call(struct control_request *request, const char *method, const cJSON *params, void *box);
void api_print_man(FILE *out);

#endif
