/* events: the names of everything that a control client can be told, with what comes along, and which hook an
 * event sets off. The table is also the manual's. Pure, but for events_hook(): main loop. */
#ifndef CALLBOX_BOX_EVENTS_H
#define CALLBOX_BOX_EVENTS_H

#include <stdio.h>

#include "core/box/box.h"

struct event_row {
	const char *name, *payload, *when;
};
extern const struct event_row event_rows[]; /* name NULL ends it */

/* The name that events have here: an alias of it gives the same; NULL: there is no such event. */
const char *event_name(const char *name);
/* The other name under which old clients know an event; NULL: none. */
const char *event_alias(const char *name);
void events_print_man(FILE *out);

/* Runs the hook that belongs to an event of the core. */
void events_hook(struct box *box, const struct call_output *event);
/* Runs a hook of the box's own about the live call, if there is one. */
void events_box_hook(struct box *box, enum hook hook, bool on);

#endif
