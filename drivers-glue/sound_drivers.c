/* The one table of sound drivers. */
#include "drivers-glue/sound_drivers.h"

#include <stdio.h>
#include <string.h>

const struct sound_driver *const sound_drivers[] = { &sound_alsa, &sound_tone, &sound_file, &sound_null, NULL };

const struct sound_driver *sound_driver_find(const char *id, const char **ret_address, char *why,
					     size_t why_bytes)
{
	for (const struct sound_driver *const *d = sound_drivers; *d; d++) {
		size_t length = strlen((*d)->name);
		if (strncmp(id, (*d)->name, length) == 0 && id[length] == ':') {
			*ret_address = id + length + 1;
			return *d;
		}
	}
	snprintf(why, why_bytes, "conf: sound device \"%s\": no such driver; there are alsa:PCM, tone:HERTZ, "
		 "file:WAV and null:", id);
	return NULL;
}
