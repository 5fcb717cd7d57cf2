/* gain: evens out how loud the near end speaks, slowly, and keeps peaks below -1 dBFS. Pure; one thread. */
#ifndef CALLBOX_MEDIA_SOUND_GAIN_H
#define CALLBOX_MEDIA_SOUND_GAIN_H

#include <stdbool.h>

#include "core/devices/sound_device.h"

struct gain {
	double gain_db;	 /* slow */
	double floor_db; /* of the room's noise */
	double limit;	 /* 0..1, fast */
	double applied;	 /* at the end of the last block */
};

void gain_init(struct gain *gain);
/* frozen: what is heard may be the far end, which says nothing about who speaks here. */
void gain_run(struct gain *gain, int16_t block[SOUND_BLOCK], bool frozen);

#endif
