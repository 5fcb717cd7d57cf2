#include "core/devices/devices.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_driver(const char *id, const char *name, const char **ret_address)
{
	size_t length = strlen(name);
	if (strncmp(id, name, length) != 0 || id[length] != ':')
		return false;
	*ret_address = id + length + 1;
	return true;
}

const struct camera_driver *camera_find(const char *id, const char **ret_address, char *why, size_t why_bytes)
{
	for (const struct camera_driver *const *d = camera_drivers; *d; d++)
		if (is_driver(id, (*d)->name, ret_address))
			return *d;
	snprintf(why, why_bytes, "conf: camera \"%s\": no such driver; there are v4l2:DEVICE, pattern:, file:FILM and "
		 "null:", id);
	return NULL;
}

const struct view_driver *view_find(const char *id, const char **ret_address, char *why, size_t why_bytes)
{
	for (const struct view_driver *const *d = view_drivers; *d; d++)
		if (is_driver(id, (*d)->name, ret_address))
			return *d;
	snprintf(why, why_bytes, "conf: view \"%s\": no such driver; there are kms:, kms:inset, png:FILE, raw:FILE, "
		 "null: and, where SDL2 was there at build time, window:", id);
	return NULL;
}
