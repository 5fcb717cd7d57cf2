/* view: where pictures are shown. One const struct a driver, in drivers-glue/drivers.c. One thread a view. */
#ifndef CALLBOX_DEVICES_VIEW_H
#define CALLBOX_DEVICES_VIEW_H

#include <stddef.h>

#include "core/devices/frame.h"

struct view;

struct view_driver {
	const char *name;
	int (*open)(const char *address, struct view **ret_view, char *why, size_t why_bytes);
	/* Any raw frame of any size; one that must stay on the screen is held. An error: the view is lost. */
	int (*show)(struct view *view, struct frame *frame);
	void (*close)(struct view *view); /* shows or writes what is pending */
};

#endif
