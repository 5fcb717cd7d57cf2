/* unit_check: whether the units of a hardware encoder show what it was given: they are decoded in software and
 * compared, coarsely; until UNIT_CHECKS were. One thread. */
#ifndef CALLBOX_DRIVERS_GLUE_UNIT_CHECK_H
#define CALLBOX_DRIVERS_GLUE_UNIT_CHECK_H

#include "core/devices/frame.h"

#define UNIT_CHECKS 4

struct unit_check;

struct unit_check *unit_check_new(void); /* NULL: no memory */
void unit_check_free(struct unit_check *check);
/* The next unit, coded from frame for a stream of width x height. 0: it is good, or enough were; -EIO. */
int unit_check(struct unit_check *check, struct frame *frame, int width, int height, const uint8_t *bytes,
	       size_t size);

#endif
