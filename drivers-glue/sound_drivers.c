/* The one table of sound drivers. */
#include "drivers-glue/sound_drivers.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

const struct sound_driver *const sound_drivers[] = { &sound_alsa, &sound_tone, &sound_file, &sound_null, NULL };

static const struct sound_driver *driver_of(const char *id, const char **ret_address)
{
	for (const struct sound_driver *const *d = sound_drivers; *d; d++) {
		size_t length = strlen((*d)->name);
		if (strncmp(id, (*d)->name, length) == 0 && id[length] == ':') {
			*ret_address = id + length + 1;
			return *d;
		}
	}
	return NULL;
}

const struct sound_driver *sound_driver_find(const char *id, const char **ret_address, char *why,
					     size_t why_bytes)
{
	const struct sound_driver *driver = driver_of(id, ret_address);
	if (!driver)
		snprintf(why, why_bytes, "conf: sound device \"%s\": no such driver; there are alsa:PCM, "
			 "alsa:match:PATTERN, alsa:auto, tone:HERTZ, file:WAV and null:", id);
	return driver;
}

/* The end of the first device of a list: a blank before the next DRIVER:. Names may hold blanks. */
static size_t first_length(const char *wish)
{
	const char *address;
	for (const char *blank = strchr(wish, ' '); blank; blank = strchr(blank + 1, ' '))
		if (driver_of(blank + 1, &address))
			return (size_t)(blank - wish);
	return strlen(wish);
}

unsigned int sound_devices(const char *wish, bool capture, char ret_ids[SOUND_CHOICES][SOUND_ID])
{
	unsigned int n = 0;
	while (*wish && n < SOUND_CHOICES) {
		size_t length = first_length(wish);
		const char *address;
		char *id = ret_ids[n];
		g_strlcpy(id, wish, MIN((size_t)SOUND_ID, length + 1));
		g_strchomp(id);
		wish += length + strspn(wish + length, " ");
		const struct sound_driver *driver = driver_of(id, &address);
		char pattern[SOUND_ID];
		unsigned int found = 0;
		if (driver && driver->expand) {
			g_strlcpy(pattern, address, sizeof(pattern));
			found = driver->expand(pattern, capture, ret_ids + n, SOUND_CHOICES - n);
		}
		n += found ? found : 1;
	}
	if (n == 0)
		g_strlcpy(ret_ids[n++], "null:", SOUND_ID);
	return n;
}
