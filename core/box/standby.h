/* standby: whether somebody uses the room. After standby_delay without a call and without a touch the box is in
 * standby; a call, a ring (wake_on_ring) or any verb that does something brings it back. The screen
 * goes dark with it; what else it means is the hooks' matter. Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_STANDBY_H
#define CALLBOX_BOX_STANDBY_H

#include "core/box/box.h"

struct standby *standby_create(struct box *box);
void standby_destroy(struct standby *standby);
/* Somebody did something: the delay begins anew. */
void standby_touch(struct standby *standby);
/* A call began, went on or is over: who calls or talks is somebody. What only comes in is not, nor is its end. */
void standby_call(struct standby *standby);
/* It rings here. */
void standby_ring(struct standby *standby);
/* By hand; -EBUSY while a call is live. */
int standby_set(struct standby *standby, bool on);
bool standby_is_on(const struct standby *standby);

#endif
