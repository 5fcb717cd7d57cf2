#include "core/devices/picture.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int picture_init(struct picture *picture, int width, int height)
{
	if (width < 16 || height < 16 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
	    width % 2 || height % 2)
		return -EINVAL;
	size_t luma = (size_t)width * (size_t)height;
	uint8_t *memory = malloc(luma + luma / 2);
	if (!memory)
		return -ENOMEM;
	*picture = (struct picture){
		.width = width, .height = height, .memory = memory,
		.planes = { memory, memory + luma, memory + luma + luma / 4 },
		.strides = { width, width / 2, width / 2 },
	};
	return 0;
}

void picture_finish(struct picture *picture)
{
	free(picture->memory);
	memset(picture, 0, sizeof(*picture));
}

static void plane_copy(uint8_t *to, int to_stride, const uint8_t *from, int from_stride, int width, int height)
{
	for (int y = 0; y < height; y++)
		memcpy(to + (ptrdiff_t)y * to_stride, from + (ptrdiff_t)y * from_stride, (size_t)width);
}

int picture_copy(struct picture *to, const struct picture *from)
{
	if (to->width != from->width || to->height != from->height) {
		picture_finish(to);
		int r = picture_init(to, from->width, from->height);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < 3; i++)
		plane_copy(to->planes[i], to->strides[i], from->planes[i], from->strides[i],
			   from->width >> (i > 0), from->height >> (i > 0));
	to->capture_us = from->capture_us;
	return 0;
}

void picture_fill(struct picture *picture, uint8_t y, uint8_t u, uint8_t v)
{
	const uint8_t values[3] = { y, u, v };
	for (int i = 0; i < 3; i++)
		for (int row = 0; row < picture->height >> (i > 0); row++)
			memset(picture->planes[i] + (ptrdiff_t)row * picture->strides[i], values[i],
			       (size_t)(picture->width >> (i > 0)));
}
