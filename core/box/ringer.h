/* ringer: what the room hears around a call: the ring of one that comes in, the tone that the caller waits with,
 * the tone of a refusal. Owner: struct box, main loop.
 *
 * The tones come from callbox-ring, a process that lives as long as the tone and can open no microphone: that opens
 * with the accept. Beside a connected call, whose callbox-media has the speaker, that process rings softly. */
#ifndef CALLBOX_BOX_RINGER_H
#define CALLBOX_BOX_RINGER_H

#include "core/box/box.h"

struct ringer *ringer_create(struct box *box);
void ringer_destroy(struct ringer *ringer);

/* The core's OUT_RING. */
void ringer_ring(struct ringer *ringer, const struct call_output *output);
/* Any event of the core: the end of a call that was refused. */
void ringer_event(struct ringer *ringer, const struct call_output *event);
/* A call's media has the speaker from now on: what waits for that call's end rings softly there. */
void ringer_session(struct ringer *ringer);
/* The speaker is wanted for something better. */
void ringer_stop(struct ringer *ringer);

#endif
