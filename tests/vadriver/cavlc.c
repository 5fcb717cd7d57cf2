#include "tests/vadriver/cavlc.h"

#include <stdlib.h>

/* A code word: its length and its value. */
struct code {
	uint8_t length, value;
};
#define C(length, value) { length, value }
#define NO { 0, 0 }

/* Table 9-5 by column of nC, trailing ones, total of coefficients. */
static const struct code coeff_token[3][4][17] = {
	{
		{ C(1, 1), C(6, 5), C(8, 7), C(9, 7), C(10, 7), C(11, 7), C(13, 15), C(13, 11), C(13, 8),
			C(14, 15), C(14, 11), C(15, 15), C(15, 11), C(16, 15), C(16, 11), C(16, 7), C(16, 4) },
		{ NO, C(2, 1), C(6, 4), C(8, 6), C(9, 6), C(10, 6), C(11, 6), C(13, 14), C(13, 10), C(14, 14),
			C(14, 10), C(15, 14), C(15, 10), C(15, 1), C(16, 14), C(16, 10), C(16, 6) },
		{ NO, NO, C(3, 1), C(7, 5), C(8, 5), C(9, 5), C(10, 5), C(11, 5), C(13, 13), C(13, 9),
			C(14, 13), C(14, 9), C(15, 13), C(15, 9), C(16, 13), C(16, 9), C(16, 5) },
		{ NO, NO, NO, C(5, 3), C(6, 3), C(7, 4), C(8, 4), C(9, 4), C(10, 4), C(11, 4), C(13, 12),
			C(14, 12), C(14, 8), C(15, 12), C(15, 8), C(16, 12), C(16, 8) },
	},
	{
		{ C(2, 3), C(6, 11), C(6, 7), C(7, 7), C(8, 7), C(8, 4), C(9, 7), C(11, 15), C(11, 11),
			C(12, 15), C(12, 11), C(12, 8), C(13, 15), C(13, 11), C(13, 7), C(14, 9), C(14, 7) },
		{ NO, C(2, 2), C(5, 7), C(6, 10), C(6, 6), C(7, 6), C(8, 6), C(9, 6), C(11, 14), C(11, 10),
			C(12, 14), C(12, 10), C(13, 14), C(13, 10), C(14, 11), C(14, 8), C(14, 6) },
		{ NO, NO, C(3, 3), C(6, 9), C(6, 5), C(7, 5), C(8, 5), C(9, 5), C(11, 13), C(11, 9), C(12, 13),
			C(12, 9), C(13, 13), C(13, 9), C(13, 6), C(14, 10), C(14, 5) },
		{ NO, NO, NO, C(4, 5), C(4, 4), C(5, 6), C(6, 8), C(6, 4), C(7, 4), C(9, 4), C(11, 12),
			C(11, 8), C(12, 12), C(13, 12), C(13, 8), C(13, 1), C(14, 4) },
	},
	{
		{ C(4, 15), C(6, 15), C(6, 11), C(6, 8), C(7, 15), C(7, 11), C(7, 9), C(7, 8), C(8, 15),
			C(8, 11), C(9, 15), C(9, 11), C(9, 8), C(10, 13), C(10, 9), C(10, 5), C(10, 1) },
		{ NO, C(4, 14), C(5, 15), C(5, 12), C(5, 10), C(5, 8), C(6, 14), C(6, 10), C(7, 14), C(8, 14),
			C(8, 10), C(9, 14), C(9, 10), C(9, 7), C(10, 12), C(10, 8), C(10, 4) },
		{ NO, NO, C(4, 13), C(5, 14), C(5, 11), C(5, 9), C(6, 13), C(6, 9), C(7, 13), C(7, 10),
			C(8, 13), C(8, 9), C(9, 13), C(9, 9), C(10, 11), C(10, 7), C(10, 3) },
		{ NO, NO, NO, C(4, 12), C(4, 11), C(4, 10), C(4, 9), C(4, 8), C(5, 13), C(6, 12), C(7, 12),
			C(8, 12), C(8, 8), C(9, 12), C(10, 10), C(10, 6), C(10, 2) },
	},
};

static const struct code coeff_token_chroma_dc[4][5] = {
	{ C(2, 1), C(6, 7), C(6, 4), C(6, 3), C(6, 2) },
	{ NO, C(1, 1), C(6, 6), C(7, 3), C(8, 3) },
	{ NO, NO, C(3, 1), C(7, 2), C(8, 2) },
	{ NO, NO, NO, C(6, 5), C(7, 0) },
};

/* Tables 9-7 and 9-8 by total of coefficients - 1, zeros. */
static const struct code total_zeros[15][16] = {
	{ C(1, 1), C(3, 3), C(3, 2), C(4, 3), C(4, 2), C(5, 3), C(5, 2), C(6, 3), C(6, 2), C(7, 3), C(7, 2),
		C(8, 3), C(8, 2), C(9, 3), C(9, 2), C(9, 1) },
	{ C(3, 7), C(3, 6), C(3, 5), C(3, 4), C(3, 3), C(4, 5), C(4, 4), C(4, 3), C(4, 2), C(5, 3), C(5, 2),
		C(6, 3), C(6, 2), C(6, 1), C(6, 0) },
	{ C(4, 5), C(3, 7), C(3, 6), C(3, 5), C(4, 4), C(4, 3), C(3, 4), C(3, 3), C(4, 2), C(5, 3), C(5, 2),
		C(6, 1), C(5, 1), C(6, 0) },
	{ C(5, 3), C(3, 7), C(4, 5), C(4, 4), C(3, 6), C(3, 5), C(3, 4), C(4, 3), C(3, 3), C(4, 2), C(5, 2),
		C(5, 1), C(5, 0) },
	{ C(4, 5), C(4, 4), C(4, 3), C(3, 7), C(3, 6), C(3, 5), C(3, 4), C(3, 3), C(4, 2), C(5, 1), C(4, 1),
		C(5, 0) },
	{ C(6, 1), C(5, 1), C(3, 7), C(3, 6), C(3, 5), C(3, 4), C(3, 3), C(3, 2), C(4, 1), C(3, 1), C(6, 0) },
	{ C(6, 1), C(5, 1), C(3, 5), C(3, 4), C(3, 3), C(2, 3), C(3, 2), C(4, 1), C(3, 1), C(6, 0) },
	{ C(6, 1), C(4, 1), C(5, 1), C(3, 3), C(2, 3), C(2, 2), C(3, 2), C(3, 1), C(6, 0) },
	{ C(6, 1), C(6, 0), C(4, 1), C(2, 3), C(2, 2), C(3, 1), C(2, 1), C(5, 1) },
	{ C(5, 1), C(5, 0), C(3, 1), C(2, 3), C(2, 2), C(2, 1), C(4, 1) },
	{ C(4, 0), C(4, 1), C(3, 1), C(3, 2), C(1, 1), C(3, 3) },
	{ C(4, 0), C(4, 1), C(2, 1), C(1, 1), C(3, 1) },
	{ C(3, 0), C(3, 1), C(1, 1), C(2, 1) },
	{ C(2, 0), C(2, 1), C(1, 1) },
	{ C(1, 0), C(1, 1) },
};

static const struct code total_zeros_chroma_dc[3][4] = {
	{ C(1, 1), C(2, 1), C(3, 1), C(3, 0) },
	{ C(1, 1), C(2, 1), C(2, 0) },
	{ C(1, 1), C(1, 0) },
};

/* Table 9-10 by zeros left - 1 (all above 6 alike), run. */
static const struct code run_before[7][15] = {
	{ C(1, 1), C(1, 0) },
	{ C(1, 1), C(2, 1), C(2, 0) },
	{ C(2, 3), C(2, 2), C(2, 1), C(2, 0) },
	{ C(2, 3), C(2, 2), C(2, 1), C(3, 1), C(3, 0) },
	{ C(2, 3), C(2, 2), C(3, 3), C(3, 2), C(3, 1), C(3, 0) },
	{ C(2, 3), C(3, 0), C(3, 1), C(3, 3), C(3, 2), C(3, 5), C(3, 4) },
	{ C(3, 7), C(3, 6), C(3, 5), C(3, 4), C(3, 3), C(3, 2), C(3, 1), C(4, 1), C(5, 1), C(6, 1), C(7, 1),
		C(8, 1), C(9, 1), C(10, 1), C(11, 1) },
};

static void put_code(struct bit_writer *writer, struct code code)
{
	put_bits(writer, code.value, code.length);
}

/* A block's non-zero levels, highest frequency first, with the zeros that stand before each. */
struct runs {
	int total, trailing_ones, zeros;
	int level[16], run[16];
};

static struct runs runs_of(const int *levels, int count)
{
	struct runs r = { 0 };
	int last = count - 1;
	while (last >= 0 && levels[last] == 0)
		last--;
	for (int i = last; i >= 0; i--) {
		if (levels[i] != 0)
			r.level[r.total++] = levels[i];
		else
			r.run[r.total - 1]++;
		r.zeros += levels[i] == 0;
	}
	while (r.trailing_ones < 3 && r.trailing_ones < r.total && abs(r.level[r.trailing_ones]) == 1)
		r.trailing_ones++;
	return r;
}

static void put_coeff_token(struct bit_writer *writer, const struct runs *r, int context)
{
	if (context == CONTEXT_CHROMA_DC)
		put_code(writer, coeff_token_chroma_dc[r->trailing_ones][r->total]);
	else if (context >= 8)
		put_bits(writer, r->total == 0 ? 3u : (uint32_t)((r->total - 1) << 2 | r->trailing_ones), 6);
	else
		put_code(writer,
				coeff_token[context < 2 ? 0 : context < 4 ? 1 : 2][r->trailing_ones][r->total]);
}

/* One level_prefix and level_suffix; code is levelCode of 9.2.2.1. */
static void put_level(struct bit_writer *writer, int code, unsigned int suffix_length)
{
	if (suffix_length == 0 && code >= 14 && code < 30) {
		put_bits(writer, 1, 15);
		put_bits(writer, (uint32_t)(code - 14), 4);
	} else if (suffix_length == 0 && code < 14) {
		put_bits(writer, 1, (unsigned int)code + 1);
	} else if (suffix_length > 0 && code < 15 << suffix_length) {
		put_bits(writer, 1, (unsigned int)(code >> suffix_length) + 1);
		put_bits(writer, (uint32_t)code, suffix_length);
	} else {
		int escaped = code - (suffix_length == 0 ? 30 : 15 << suffix_length);
		put_bits(writer, 1, 16);
		put_bits(writer, (uint32_t)escaped, 12);
	}
}

static void put_levels(struct bit_writer *writer, const struct runs *r)
{
	unsigned int suffix_length = r->total > 10 && r->trailing_ones < 3;
	for (int i = 0; i < r->trailing_ones; i++)
		put_bits(writer, r->level[i] < 0, 1);
	for (int i = r->trailing_ones; i < r->total; i++) {
		int level = r->level[i], code = level > 0 ? 2 * level - 2 : -2 * level - 1;
		if (i == r->trailing_ones && r->trailing_ones < 3)
			code -= 2;
		put_level(writer, code, suffix_length);
		if (suffix_length == 0)
			suffix_length = 1;
		if (abs(level) > 3 << (suffix_length - 1) && suffix_length < 6)
			suffix_length++;
	}
}

void residual_write(struct bit_writer *writer, const int *levels, int count, int context)
{
	const struct runs r = runs_of(levels, count);
	put_coeff_token(writer, &r, context);
	if (r.total == 0)
		return;
	put_levels(writer, &r);
	if (r.total < count)
		put_code(writer, count == 4 ? total_zeros_chroma_dc[r.total - 1][r.zeros] :
					      total_zeros[r.total - 1][r.zeros]);
	int left = r.zeros;
	for (int i = 0; i < r.total - 1 && left > 0; i++) {
		put_code(writer, run_before[left > 6 ? 6 : left - 1][r.run[i]]);
		left -= r.run[i];
	}
}
