/* screen: callbox-screen, and who may draw on the screen: it, or callbox-video while a call's pictures are there.
 *
 *   pictures come    callbox-screen ◄─ yield ─┐           pictures go     callbox-video ◄─ views null: ─┐
 *                    ─ yielded ─► callboxd ─ views kms: ─► callbox-video          callbox-screen ◄─ take ─┘
 *
 * A process that dies loses the screen by that; callbox-screen is started again. Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_SCREEN_H
#define CALLBOX_BOX_SCREEN_H

#include "core/box/box.h"

struct screen;

/* NULL when there is no screen (screen = none). */
struct screen *screen_create(struct box *box);
void screen_destroy(struct screen *screen);

/* Something that can be seen may have changed: looked at soon. NULL is fine in all three. */
void screen_touch(struct screen *screen);
/* An event that clients are told: what failed, what works again. */
void screen_note(struct screen *screen, const char *event, const cJSON *payload);
void screen_standby(struct screen *screen, bool on);

/* 0, or -EINVAL with what is wrong with the screen's settings (caller frees). */
int screen_check(const struct conf *conf, char **ret_why);
/* A view of the conf as callbox-video is to open it: kms: with what the screen's settings add. alone: nothing else is
 * on the screen. Caller frees. */
char *screen_view(const struct conf *conf, const char *view, bool alone);

/* screen_page.c: {"m": "show", …}, the whole page, from the box's state. offline_ms: how long no account has been
 * online; …_failed: that failed in the present call. Caller deletes. */
struct screen_facts {
	int64_t offline_ms;
	bool camera_failed, microphone_failed, speaker_failed, video_failed;
};
cJSON *screen_page(struct box *box, const cJSON *state, const struct screen_facts *facts);

#endif
