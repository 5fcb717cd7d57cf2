/* knobs: how loud speaker and microphone are, and the room's mute button. Owner: struct box, main loop.
 *
 * callbox-mixer turns the card's own knob and says when somebody else did. A card without one is weighed by
 * callbox-media, at the percentage that was set last. The process is started again when it dies. */
#ifndef CALLBOX_BOX_KNOBS_H
#define CALLBOX_BOX_KNOBS_H

#include "core/box/box.h"

struct knobs *knobs_create(struct box *box);
void knobs_destroy(struct knobs *knobs);

/* kind: speaker or microphone; percent: 0..100. -EINVAL: another kind. */
int knobs_set(struct knobs *knobs, const char *kind, int percent);
/* {speaker: {percent, on, mixer, name}, microphone: the same}; caller deletes. */
cJSON *knobs_json(const struct knobs *knobs);
/* The conf's microphone or speaker is another one now. */
void knobs_switched(struct knobs *knobs);
/* A session begins: callbox-media learns what it has to weigh. */
void knobs_session(struct knobs *knobs);

#endif
