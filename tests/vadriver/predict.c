#include "tests/vadriver/predict.h"

#include <string.h>

bool luma_mode_possible(enum luma_mode mode, const struct neighbours *n)
{
	switch (mode) {
	case LUMA_VERTICAL:
		return n->top;
	case LUMA_HORIZONTAL:
		return n->left;
	case LUMA_PLANE:
		return n->top && n->left && n->top_left;
	case LUMA_DC:
	case LUMA_MODES:
		break;
	}
	return true;
}

bool chroma_mode_possible(enum chroma_mode mode, const struct neighbours *n)
{
	switch (mode) {
	case CHROMA_HORIZONTAL:
		return n->left;
	case CHROMA_VERTICAL:
		return n->top;
	case CHROMA_PLANE:
		return n->top && n->left && n->top_left;
	case CHROMA_DC:
	case CHROMA_MODES:
		break;
	}
	return true;
}

/* at: the block's first pixel; size 16 or 8. */
static void plane_mode(const uint8_t *at, int pitch, int size, uint8_t *to)
{
	int half = size / 2, horizontal = 0, vertical = 0;
	for (int i = 0; i < half; i++) {
		horizontal += (i + 1) * (at[half + i - pitch] - at[half - 2 - i - pitch]);
		vertical += (i + 1) * (at[(half + i) * pitch - 1] - at[(half - 2 - i) * pitch - 1]);
	}
	int factor = size == 16 ? 5 : 34;
	int a = 16 * (at[(size - 1) * pitch - 1] + at[size - 1 - pitch]);
	int b = (factor * horizontal + 32) >> 6, c = (factor * vertical + 32) >> 6;
	for (int y = 0; y < size; y++) {
		for (int x = 0; x < size; x++) {
			int value = (a + b * (x - half + 1) + c * (y - half + 1) + 16) >> 5;
			to[y * size + x] = (uint8_t)CLAMP(value, 0, 255);
		}
	}
}

static void copy_top(const uint8_t *at, int pitch, int size, uint8_t *to)
{
	for (int y = 0; y < size; y++)
		memcpy(to + y * size, at - pitch, (size_t)size);
}

static void copy_left(const uint8_t *at, int pitch, int size, uint8_t *to)
{
	for (int y = 0; y < size; y++)
		memset(to + y * size, at[y * pitch - 1], (size_t)size);
}

static int sum_top(const uint8_t *at, int pitch, int count)
{
	int sum = 0;
	for (int i = 0; i < count; i++)
		sum += at[i - pitch];
	return sum;
}

static int sum_left(const uint8_t *at, int pitch, int count)
{
	int sum = 0;
	for (int i = 0; i < count; i++)
		sum += at[i * pitch - 1];
	return sum;
}

void predict_luma(const struct frame *frame, int x, int y, enum luma_mode mode,
		const struct neighbours *n, uint8_t to[256])
{
	int pitch = frame->pitch[0], dc = 128;
	const uint8_t *at = frame->plane[0] + y * pitch + x;
	switch (mode) {
	case LUMA_VERTICAL:
		copy_top(at, pitch, 16, to);
		return;
	case LUMA_HORIZONTAL:
		copy_left(at, pitch, 16, to);
		return;
	case LUMA_PLANE:
		plane_mode(at, pitch, 16, to);
		return;
	case LUMA_DC:
	case LUMA_MODES:
		break;
	}
	if (n->left && n->top)
		dc = (sum_left(at, pitch, 16) + sum_top(at, pitch, 16) + 16) >> 5;
	else if (n->left)
		dc = (sum_left(at, pitch, 16) + 8) >> 4;
	else if (n->top)
		dc = (sum_top(at, pitch, 16) + 8) >> 4;
	memset(to, dc, 256);
}

/* Of one 4x4 block of chroma: the diagonal ones take both sides, the others their own first. */
static int chroma_dc(const uint8_t *at, int pitch, const struct neighbours *n, int block_x, int block_y)
{
	const uint8_t *above = at + block_x * 4, *beside = at + block_y * 4 * pitch;
	if (block_x == block_y && n->left && n->top)
		return (sum_left(beside, pitch, 4) + sum_top(above, pitch, 4) + 4) >> 3;
	bool top_first = block_x > block_y || block_x == block_y;
	if (n->top && (top_first || !n->left))
		return (sum_top(above, pitch, 4) + 2) >> 2;
	if (n->left)
		return (sum_left(beside, pitch, 4) + 2) >> 2;
	return 128;
}

void predict_chroma(const struct frame *frame, int plane, int x, int y, enum chroma_mode mode,
		const struct neighbours *n, uint8_t to[64])
{
	int pitch = frame->pitch[plane];
	const uint8_t *at = frame->plane[plane] + y * pitch + x;
	switch (mode) {
	case CHROMA_VERTICAL:
		copy_top(at, pitch, 8, to);
		return;
	case CHROMA_HORIZONTAL:
		copy_left(at, pitch, 8, to);
		return;
	case CHROMA_PLANE:
		plane_mode(at, pitch, 8, to);
		return;
	case CHROMA_DC:
	case CHROMA_MODES:
		break;
	}
	for (int block = 0; block < 4; block++) {
		int block_x = block & 1, block_y = block >> 1;
		int dc = chroma_dc(at, pitch, n, block_x, block_y);
		for (int row = 0; row < 4; row++)
			memset(to + (block_y * 4 + row) * 8 + block_x * 4, dc, 4);
	}
}

void predict_inter_luma(const struct frame *reference, int x, int y, const int mv[2], uint8_t to[256])
{
	int from_x = x + mv[0] / 4, from_y = y + mv[1] / 4;
	const uint8_t *plane = reference->plane[0];
	int pitch = reference->pitch[0], width = reference->width, height = reference->height;
	if (from_x >= 0 && from_y >= 0 && from_x + 16 <= width && from_y + 16 <= height) {
		for (int row = 0; row < 16; row++)
			memcpy(to + row * 16, plane + (from_y + row) * pitch + from_x, 16);
		return;
	}
	for (int row = 0; row < 16; row++) {
		const uint8_t *line = plane + CLAMP(from_y + row, 0, height - 1) * pitch;
		for (int column = 0; column < 16; column++)
			to[row * 16 + column] = line[CLAMP(from_x + column, 0, width - 1)];
	}
}

void predict_inter_chroma(const struct frame *reference, int plane, int x, int y, const int mv[2],
		uint8_t to[64])
{
	int width = reference->width / 2, height = reference->height / 2, pitch = reference->pitch[plane];
	int from_x = x + (mv[0] >> 3), from_y = y + (mv[1] >> 3), dx = mv[0] & 7, dy = mv[1] & 7;
	for (int row = 0; row < 8; row++) {
		const uint8_t *a = reference->plane[plane] + CLAMP(from_y + row, 0, height - 1) * pitch;
		const uint8_t *b = reference->plane[plane] + CLAMP(from_y + row + 1, 0, height - 1) * pitch;
		for (int column = 0; column < 8; column++) {
			int left = CLAMP(from_x + column, 0, width - 1);
			int right = CLAMP(from_x + column + 1, 0, width - 1);
			int value = (8 - dx) * (8 - dy) * a[left] + dx * (8 - dy) * a[right] +
					(8 - dx) * dy * b[left] + dx * dy * b[right];
			to[row * 8 + column] = (uint8_t)((value + 32) >> 6);
		}
	}
}
