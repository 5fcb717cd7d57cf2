#include "drivers-glue/pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* 80 cells in two rows at the top: 4 marker bits, 32 number, 28 time, 16 CRC. */
#define COLUMNS 40
#define CELLS 80
#define DARK 40
#define LIGHT 210

static int cell_side(const struct picture *picture)
{
	return picture->width / COLUMNS & ~1;
}

static uint16_t crc16(uint64_t payload)
{
	uint16_t crc = 0xffff;
	for (int bit = 59; bit >= 0; bit--) {
		bool flip = ((crc >> 15) & 1) != ((payload >> bit) & 1);
		crc = (uint16_t)(crc << 1);
		if (flip)
			crc ^= 0x1021;
	}
	return crc;
}

static void cells_of(const struct pattern_mark *mark, bool cells[CELLS])
{
	uint64_t payload = ((uint64_t)mark->number << 28) | (mark->time_ms & PATTERN_TIME_MASK);
	uint16_t crc = crc16(payload);
	for (int i = 0; i < 4; i++)
		cells[i] = i % 2 == 0;
	for (int i = 0; i < 60; i++)
		cells[4 + i] = (payload >> (59 - i)) & 1;
	for (int i = 0; i < 16; i++)
		cells[64 + i] = (crc >> (15 - i)) & 1;
}

static void rectangle(struct picture *p, int x, int y, int width, int height, const uint8_t yuv[3])
{
	for (int i = 0; i < 3; i++) {
		int shift = i > 0;
		for (int row = y >> shift; row < (y + height) >> shift; row++)
			memset(p->planes[i] + (ptrdiff_t)row * p->strides[i] + (x >> shift), yuv[i],
			       (size_t)(width >> shift));
	}
}

static void bars(struct picture *p, int top)
{
	static const uint8_t colours[7][3] = { { 180, 128, 128 }, { 162, 44, 142 }, { 131, 156, 44 },
					       { 112, 72, 58 },	  { 84, 184, 198 }, { 65, 100, 212 },
					       { 35, 212, 114 } };
	int left = 0;
	for (int i = 0; i < 7; i++) {
		int right = (p->width * (i + 1) / 7) & ~1;
		rectangle(p, left, top, right - left, p->height - top, colours[i]);
		left = right;
	}
}

void pattern_draw(struct picture *p, const struct pattern_mark *mark)
{
	static const uint8_t dark[3] = { DARK, 128, 128 }, light[3] = { LIGHT, 128, 128 };
	static const uint8_t box[3] = { 235, 128, 128 };
	bool cells[CELLS];
	int side = cell_side(p), top = 2 * side;
	bars(p, top);
	rectangle(p, 0, 0, p->width, top, dark);
	cells_of(mark, cells);
	for (int i = 0; i < CELLS; i++)
		rectangle(p, i % COLUMNS * side, i / COLUMNS * side, side, side, cells[i] ? light : dark);
	int size = p->height / 8 & ~1, range = p->width - size;
	int at = (int)(mark->number * 4 % (uint32_t)(2 * range));
	rectangle(p, (at < range ? at : 2 * range - at) & ~1, (top + p->height) / 2 & ~1, size, size, box);
}

/* Mean of the cell's inner half. */
static bool cell_read(const struct picture *p, int side, int index)
{
	int x = index % COLUMNS * side + side / 4, y = index / COLUMNS * side + side / 4, n = side / 2;
	int sum = 0;
	for (int row = y; row < y + n; row++)
		for (int column = x; column < x + n; column++)
			sum += p->planes[0][(ptrdiff_t)row * p->strides[0] + column];
	return sum > n * n * (DARK + LIGHT) / 2;
}

int pattern_read(const struct picture *p, struct pattern_mark *ret_mark)
{
	int side = cell_side(p);
	if (side < 4 || p->height < 2 * side)
		return -ENOENT;
	uint64_t payload = 0;
	uint16_t crc = 0;
	for (int i = 0; i < 4; i++)
		if (cell_read(p, side, i) != (i % 2 == 0))
			return -ENOENT;
	for (int i = 0; i < 60; i++)
		payload = payload << 1 | cell_read(p, side, 4 + i);
	for (int i = 0; i < 16; i++)
		crc = (uint16_t)(crc << 1 | cell_read(p, side, 64 + i));
	if (crc != crc16(payload))
		return -ENOENT;
	ret_mark->number = (uint32_t)(payload >> 28);
	ret_mark->time_ms = (uint32_t)payload & PATTERN_TIME_MASK;
	return 0;
}
