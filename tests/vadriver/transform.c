#include "tests/vadriver/transform.h"

#include <glib.h>
#include <stdlib.h>

static const int zigzag[16] = { 0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15 };

/* By QP % 6 and the class of the position: both coordinates even, both odd, else. */
static const int factors[6][3] = { { 13107, 5243, 8066 }, { 11916, 4660, 7490 }, { 10082, 4194, 6554 },
	{ 9362, 3647, 5825 }, { 8192, 3355, 5243 }, { 7282, 2893, 4559 } };
static const int scales[6][3] = { { 10, 16, 13 }, { 11, 18, 14 }, { 13, 20, 16 }, { 14, 23, 18 },
	{ 16, 25, 20 }, { 18, 29, 23 } };

static int class_of(int raster)
{
	int x = raster & 3, y = raster >> 2;
	if ((x & 1) == 0 && (y & 1) == 0)
		return 0;
	return (x & 1) && (y & 1) ? 1 : 2;
}

void transform_forward(const int difference[16], int coefficients[16])
{
	int rows[16];
	for (int pass = 0; pass < 2; pass++) {
		const int *from = pass == 0 ? difference : rows;
		int *to = pass == 0 ? rows : coefficients;
		int step = pass == 0 ? 1 : 4, line = pass == 0 ? 4 : 1;
		for (int i = 0; i < 4; i++) {
			const int *x = from + i * line;
			int *y = to + i * line;
			int s03 = x[0] + x[3 * step], s12 = x[step] + x[2 * step];
			int d03 = x[0] - x[3 * step], d12 = x[step] - x[2 * step];
			y[0] = s03 + s12;
			y[step] = 2 * d03 + d12;
			y[2 * step] = s03 - s12;
			y[3 * step] = d03 - 2 * d12;
		}
	}
}

void transform_inverse_add(const int scaled[16], const uint8_t *prediction, int prediction_pitch, uint8_t *to,
		int to_pitch)
{
	int rows[16], block[16];
	for (int pass = 0; pass < 2; pass++) {
		const int *from = pass == 0 ? scaled : rows;
		int *out = pass == 0 ? rows : block;
		int step = pass == 0 ? 1 : 4, line = pass == 0 ? 4 : 1;
		for (int i = 0; i < 4; i++) {
			const int *d = from + i * line;
			int *f = out + i * line;
			int e0 = d[0] + d[2 * step], e1 = d[0] - d[2 * step];
			int e2 = (d[step] >> 1) - d[3 * step], e3 = d[step] + (d[3 * step] >> 1);
			f[0] = e0 + e3;
			f[step] = e1 + e2;
			f[2 * step] = e1 - e2;
			f[3 * step] = e0 - e3;
		}
	}
	for (int y = 0; y < 4; y++) {
		for (int x = 0; x < 4; x++) {
			int value = prediction[y * prediction_pitch + x] + ((block[y * 4 + x] + 32) >> 6);
			to[y * to_pitch + x] = (uint8_t)CLAMP(value, 0, 255);
		}
	}
}

static int level_of(int coefficient, int factor, int rounding, int shift)
{
	int level = (int)(((int64_t)abs(coefficient) * factor + rounding) >> shift);
	level = MIN(level, LEVEL_MAX);
	return coefficient < 0 ? -level : level;
}

int quantize(const int coefficients[16], int levels[16], int first, int qp, bool intra)
{
	int shift = 15 + qp / 6, rounding = (1 << shift) / (intra ? 3 : 6), count = 0;
	for (int i = first; i < 16; i++) {
		int at = zigzag[i];
		levels[i] = level_of(coefficients[at], factors[qp % 6][class_of(at)], rounding, shift);
		count += levels[i] != 0;
	}
	return count;
}

void scale(const int levels[16], int scaled[16], int first, int qp)
{
	for (int i = first; i < 16; i++) {
		int at = zigzag[i];
		scaled[at] = levels[i] * scales[qp % 6][class_of(at)] * (1 << (qp / 6));
	}
}

static void hadamard(const int from[16], int to[16])
{
	int rows[16];
	for (int pass = 0; pass < 2; pass++) {
		const int *in = pass == 0 ? from : rows;
		int *out = pass == 0 ? rows : to;
		int step = pass == 0 ? 1 : 4, line = pass == 0 ? 4 : 1;
		for (int i = 0; i < 4; i++) {
			const int *x = in + i * line;
			int *y = out + i * line;
			int a = x[0] + x[step], b = x[0] - x[step];
			int c = x[2 * step] + x[3 * step], d = x[2 * step] - x[3 * step];
			y[0] = a + c;
			y[step] = a - c;
			y[2 * step] = b - d;
			y[3 * step] = b + d;
		}
	}
}

int quantize_luma_dc(const int dc[16], int levels[16], int qp)
{
	int sums[16], shift = 16 + qp / 6, rounding = (1 << shift) / 3, count = 0;
	hadamard(dc, sums);
	for (int i = 0; i < 16; i++) {
		int sum = sums[zigzag[i]];
		int half = sum < 0 ? -((-sum + 1) >> 1) : (sum + 1) >> 1;
		levels[i] = level_of(half, factors[qp % 6][0], rounding, shift);
		count += levels[i] != 0;
	}
	return count;
}

void scale_luma_dc(const int levels[16], int dc[16], int qp)
{
	int matrix[16], sums[16], factor = 16 * scales[qp % 6][0];
	for (int i = 0; i < 16; i++)
		matrix[zigzag[i]] = levels[i];
	hadamard(matrix, sums);
	for (int i = 0; i < 16; i++) {
		if (qp >= 36)
			dc[i] = sums[i] * factor * (1 << (qp / 6 - 6));
		else
			dc[i] = (sums[i] * factor + (1 << (5 - qp / 6))) >> (6 - qp / 6);
	}
}

static void square(const int from[4], int to[4])
{
	to[0] = from[0] + from[1] + from[2] + from[3];
	to[1] = from[0] - from[1] + from[2] - from[3];
	to[2] = from[0] + from[1] - from[2] - from[3];
	to[3] = from[0] - from[1] - from[2] + from[3];
}

int quantize_chroma_dc(const int dc[4], int levels[4], int qp, bool intra)
{
	int sums[4], shift = 16 + qp / 6, rounding = (1 << shift) / (intra ? 3 : 6), count = 0;
	square(dc, sums);
	for (int i = 0; i < 4; i++) {
		levels[i] = level_of(sums[i], factors[qp % 6][0], rounding, shift);
		count += levels[i] != 0;
	}
	return count;
}

void scale_chroma_dc(const int levels[4], int dc[4], int qp)
{
	int sums[4];
	square(levels, sums);
	for (int i = 0; i < 4; i++)
		dc[i] = (sums[i] * 16 * scales[qp % 6][0] * (1 << (qp / 6))) >> 5;
}

int chroma_qp(int qp, int offset)
{
	static const uint8_t above_29[22] = { 29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38,
		38, 38, 39, 39, 39, 39 };
	int index = CLAMP(qp + offset, 0, 51);
	return index < 30 ? index : above_29[index - 30];
}
