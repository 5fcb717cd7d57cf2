/* hunt: a call to one account, or to several: each is asked in turn, with a call_id of its own, until one
 * answers. A box has one call at a time, so nobody is invited beside another. Owner: struct box, main thread.
 *
 *   call {userIds: [a, b, c]} ─► a: busy, rejected, not answered, not to be had ─► b: accepted ─► over
 *
 * It is also over when the user ends it, when the list does, and when another call has come meanwhile. */
#ifndef CALLBOX_BOX_HUNT_H
#define CALLBOX_BOX_HUNT_H

#include "core/box/box.h"

#define HUNT_USERS_MAX 32

/* Calls request->user, or with users (a JSON array) all of these; request->call_id is not looked at: ret_id gets
 * that of the call that begins now. Replaces an earlier hunt. 0, or a negative errno and words in *ret_error, which
 * the caller frees. */
int hunt_call(struct box *box, const struct call_request *request, const cJSON *users, char ret_id[CALL_ID_CHARS + 1],
	      char **ret_error);
/* A call has ended, and nobody has been told yet: calls the next account, if one is to be called. */
void hunt_call_ended(struct box *box, const char *call_id, int reason_code);
/* Adds the accounts that are still to be asked to a call's JSON, as next. */
void hunt_describe(const struct box *box, cJSON *call);
void hunt_free(struct hunt *hunt);

#endif
