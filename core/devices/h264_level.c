#include "core/devices/h264_level.h"

#include <stddef.h>

static const struct h264_level levels[] = {
	{ 10, 99, 1485 },     { 11, 396, 3000 },     { 12, 396, 6000 },	    { 13, 396, 11880 },
	{ 20, 396, 11880 },   { 21, 792, 19800 },    { 22, 1620, 20250 },   { 30, 1620, 40500 },
	{ 31, 3600, 108000 }, { 32, 5120, 216000 },  { 40, 8192, 245760 },  { 41, 8192, 245760 },
	{ 42, 8704, 522240 }, { 50, 22080, 589824 }, { 51, 36864, 983040 }, { 52, 36864, 2073600 },
};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

const struct h264_level *h264_level_find(int level)
{
	size_t i = 0;
	while (i + 1 < LEVELS && levels[i].level < level)
		i++;
	return &levels[i];
}

int h264_level_within(int picture, int second)
{
	size_t i = LEVELS - 1;
	while (i > 0 && (levels[i].picture > picture || levels[i].second > second))
		i--;
	return levels[i].level;
}
