/* sound_drivers: every driver that sound_drivers.c may list. */
#ifndef CALLBOX_DRIVERS_GLUE_SOUND_DRIVERS_H
#define CALLBOX_DRIVERS_GLUE_SOUND_DRIVERS_H

#include "core/devices/sound_device.h"

extern const struct sound_driver sound_alsa, sound_tone, sound_file;

#endif
