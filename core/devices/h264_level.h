/* h264_level: what a level of H.264 allows (ITU-T H.264, table A-1), in macroblocks of 16x16. Pure. */
#ifndef CALLBOX_DEVICES_H264_LEVEL_H
#define CALLBOX_DEVICES_H264_LEVEL_H

struct h264_level {
	int level;	     /* times ten */
	int picture, second; /* most macroblocks of each */
};

/* The level, or the next above; the highest when there is none. */
const struct h264_level *h264_level_find(int level);
/* The highest level that allows no more than that, which may be any; at least the lowest. */
int h264_level_within(int picture, int second);

#endif
