#include "tests/vadriver/slice.h"

#include <stdlib.h>
#include <string.h>

#include "tests/vadriver/cavlc.h"
#include "tests/vadriver/predict.h"
#include "tests/vadriver/transform.h"

/* Where the macroblock stands, and what is known of its neighbours in the slice. */
struct place {
	int mb_x, mb_y, index;
	struct macroblock *self;
	const struct macroblock *left, *top, *top_left, *top_right; /* NULL: not available */
};

/* A macroblock's choice and its quantized residual; levels in scan order, blocks in raster order. */
struct choice {
	bool intra;
	enum luma_mode luma_mode;
	enum chroma_mode chroma_mode;
	int mv[2];
	uint8_t luma[256], chroma[2][64]; /* prediction */
	int luma_dc[16], luma_levels[16][16];
	int chroma_dc[2][4], chroma_levels[2][4][16];
	int cbp_luma, cbp_chroma;
};

void coder_init(struct coder *coder, int width_mbs, int height_mbs)
{
	*coder = (struct coder){ .width_mbs = width_mbs, .height_mbs = height_mbs, .range = 16 };
	frame_init(&coder->source, width_mbs, height_mbs);
	frame_init(&coder->reference, width_mbs, height_mbs);
	frame_init(&coder->reconstructed, width_mbs, height_mbs);
	coder->macroblocks = g_new0(struct macroblock, (gsize)width_mbs * (gsize)height_mbs);
}

void coder_finish(struct coder *coder)
{
	frame_finish(&coder->source);
	frame_finish(&coder->reference);
	frame_finish(&coder->reconstructed);
	g_clear_pointer(&coder->macroblocks, g_free);
}

void coder_reset(struct coder *coder)
{
	memset(coder->macroblocks, 0,
			sizeof(*coder->macroblocks) * (size_t)(coder->width_mbs * coder->height_mbs));
}

static const struct macroblock *find(const struct coder *coder, int mb_x, int mb_y, int slice)
{
	if (mb_x < 0 || mb_y < 0 || mb_x >= coder->width_mbs)
		return NULL;
	const struct macroblock *mb = &coder->macroblocks[mb_y * coder->width_mbs + mb_x];
	return mb->coded && mb->slice == slice ? mb : NULL;
}

static struct place place_of(const struct coder *coder, int index, int slice)
{
	struct place at = { .mb_x = index % coder->width_mbs, .mb_y = index / coder->width_mbs,
		.index = index, .self = &coder->macroblocks[index] };
	at.left = find(coder, at.mb_x - 1, at.mb_y, slice);
	at.top = find(coder, at.mb_x, at.mb_y - 1, slice);
	at.top_left = find(coder, at.mb_x - 1, at.mb_y - 1, slice);
	at.top_right = find(coder, at.mb_x + 1, at.mb_y - 1, slice);
	return at;
}

/* ---- motion vectors ---- */

static int median(int a, int b, int c)
{
	return MAX(MIN(a, b), MIN(MAX(a, b), c));
}

/* 8.4.1.3 for a 16x16 partition and one reference. */
static void predict_mv(const struct place *at, int mv[2])
{
	static const struct macroblock none = { .intra = true };
	const struct macroblock *a = at->left, *b = at->top;
	const struct macroblock *c = at->top_right != NULL ? at->top_right : at->top_left;
	if (a != NULL && b == NULL && c == NULL)
		b = c = a;
	a = a != NULL ? a : &none;
	b = b != NULL ? b : &none;
	c = c != NULL ? c : &none;
	int inter = !a->intra + !b->intra + !c->intra;
	if (inter == 1) {
		const struct macroblock *only = !a->intra ? a : !b->intra ? b : c;
		memcpy(mv, only->mv, sizeof(only->mv));
		return;
	}
	for (int i = 0; i < 2; i++)
		mv[i] = median(a->mv[i], b->mv[i], c->mv[i]);
}

/* 8.4.1.1 */
static void predict_skip_mv(const struct place *at, int mv[2])
{
	const struct macroblock *a = at->left, *b = at->top;
	mv[0] = mv[1] = 0;
	if (a == NULL || b == NULL || (!a->intra && a->mv[0] == 0 && a->mv[1] == 0) ||
			(!b->intra && b->mv[0] == 0 && b->mv[1] == 0))
		return;
	predict_mv(at, mv);
}

/* Sum of absolute differences of 16x16; what is beyond limit need not be exact. */
static int difference(const struct frame *source, int x, int y, const uint8_t *prediction, int pitch, int limit)
{
	int sum = 0;
	for (int row = 0; row < 16 && sum < limit; row++) {
		const uint8_t *line = source->plane[0] + (y + row) * source->pitch[0] + x;
		for (int column = 0; column < 16; column++)
			sum += abs(line[column] - prediction[row * pitch + column]);
	}
	return sum;
}

static int bits_of(int value)
{
	int bits = 1;
	for (int magnitude = 2 * abs(value); magnitude > 0; magnitude >>= 1)
		bits += 2;
	return bits;
}

struct search {
	const struct coder *coder;
	int x, y, lambda, predicted[2];
	int best[2], best_cost;
};

static void try_mv(struct search *s, int mv_x, int mv_y)
{
	uint8_t prediction[256];
	const int mv[2] = { mv_x, mv_y };
	const struct frame *reference = &s->coder->reference;
	int range = s->coder->range * 4;
	int to_x = s->x + mv_x / 4, to_y = s->y + mv_y / 4;
	if (abs(mv_x) > range || abs(mv_y) > range || to_x < -16 || to_y < -16 || to_x > reference->width ||
			to_y > reference->height)
		return;
	int cost = s->lambda * (bits_of(mv_x - s->predicted[0]) + bits_of(mv_y - s->predicted[1]));
	if (to_x >= 0 && to_y >= 0 && to_x + 16 <= reference->width && to_y + 16 <= reference->height) {
		cost += difference(&s->coder->source, s->x, s->y,
				reference->plane[0] + to_y * reference->pitch[0] + to_x, reference->pitch[0],
				s->best_cost - cost);
	} else {
		predict_inter_luma(reference, s->x, s->y, mv, prediction);
		cost += difference(&s->coder->source, s->x, s->y, prediction, 16, s->best_cost - cost);
	}
	if (cost < s->best_cost) {
		s->best_cost = cost;
		s->best[0] = mv_x;
		s->best[1] = mv_y;
	}
}

/* Whole pixels: the predicted vector, none, then downhill. */
static int search_mv(const struct coder *coder, const struct place *at, int lambda, int mv[2])
{
	struct search s = { .coder = coder, .x = at->mb_x * 16, .y = at->mb_y * 16, .lambda = lambda,
		.best_cost = G_MAXINT };
	predict_mv(at, s.predicted);
	try_mv(&s, 0, 0);
	try_mv(&s, s.predicted[0], s.predicted[1]);
	for (int step = 16; step >= 4; step /= 2) {
		for (int moves = 0, before = -1; moves < 8 && before != s.best_cost; moves++) {
			int x = s.best[0], y = s.best[1];
			before = s.best_cost;
			try_mv(&s, x - step, y);
			try_mv(&s, x + step, y);
			try_mv(&s, x, y - step);
			try_mv(&s, x, y + step);
		}
	}
	mv[0] = s.best[0];
	mv[1] = s.best[1];
	return s.best_cost;
}

/* ---- choice and prediction ---- */

static struct neighbours neighbours_of(const struct coder *coder, const struct place *at)
{
	bool any = !coder->constrained_intra;
	return (struct neighbours){
		.left = at->left != NULL && (any || at->left->intra),
		.top = at->top != NULL && (any || at->top->intra),
		.top_left = at->top_left != NULL && (any || at->top_left->intra),
	};
}

static int chroma_difference(const struct frame *source, int plane, int x, int y, const uint8_t prediction[64])
{
	int sum = 0;
	for (int row = 0; row < 8; row++) {
		const uint8_t *line = source->plane[plane] + (y + row) * source->pitch[plane] + x;
		for (int column = 0; column < 8; column++)
			sum += abs(line[column] - prediction[row * 8 + column]);
	}
	return sum;
}

static int choose_luma_mode(const struct coder *coder, const struct place *at, struct choice *choice)
{
	const struct neighbours n = neighbours_of(coder, at);
	int best = G_MAXINT;
	for (int mode = 0; mode < LUMA_MODES; mode++) {
		uint8_t prediction[256];
		if (!luma_mode_possible((enum luma_mode)mode, &n))
			continue;
		predict_luma(&coder->reconstructed, at->mb_x * 16, at->mb_y * 16, (enum luma_mode)mode, &n,
				prediction);
		int cost = difference(&coder->source, at->mb_x * 16, at->mb_y * 16, prediction, 16, best);
		if (cost < best) {
			best = cost;
			choice->luma_mode = (enum luma_mode)mode;
		}
	}
	return best;
}

static void choose_chroma_mode(const struct coder *coder, const struct place *at, struct choice *choice)
{
	const struct neighbours n = neighbours_of(coder, at);
	int best = G_MAXINT, x = at->mb_x * 8, y = at->mb_y * 8;
	for (int mode = 0; mode < CHROMA_MODES; mode++) {
		uint8_t prediction[64];
		int cost = 0;
		if (!chroma_mode_possible((enum chroma_mode)mode, &n))
			continue;
		for (int c = 1; c < 3; c++) {
			predict_chroma(&coder->reconstructed, c, x, y, (enum chroma_mode)mode, &n, prediction);
			cost += chroma_difference(&coder->source, c, x, y, prediction);
		}
		if (cost < best) {
			best = cost;
			choice->chroma_mode = (enum chroma_mode)mode;
		}
	}
}

static void predict(const struct coder *coder, const struct place *at, struct choice *choice)
{
	const struct neighbours n = neighbours_of(coder, at);
	int x = at->mb_x * 16, y = at->mb_y * 16;
	if (!choice->intra) {
		predict_inter_luma(&coder->reference, x, y, choice->mv, choice->luma);
		for (int c = 1; c < 3; c++)
			predict_inter_chroma(&coder->reference, c, x / 2, y / 2, choice->mv,
					choice->chroma[c - 1]);
		return;
	}
	predict_luma(&coder->reconstructed, x, y, choice->luma_mode, &n, choice->luma);
	for (int c = 1; c < 3; c++)
		predict_chroma(&coder->reconstructed, c, x / 2, y / 2, choice->chroma_mode, &n,
				choice->chroma[c - 1]);
}

static void choose(const struct coder *coder, const struct slice *slice, const struct place *at,
		struct choice *choice)
{
	int lambda = 1 << MAX(0, (coder->qp - 12) / 6);
	choice->intra = true;
	int intra_cost = choose_luma_mode(coder, at, choice);
	if (slice->type == SLICE_P)
		choice->intra = intra_cost + 16 * lambda < search_mv(coder, at, lambda, choice->mv);
	if (choice->intra) {
		choice->mv[0] = choice->mv[1] = 0;
		choose_chroma_mode(coder, at, choice);
	}
	predict(coder, at, choice);
}

/* ---- residual ---- */

static void block_transform(const struct frame *source, int plane, int x, int y, const uint8_t *prediction,
		int pitch, int coefficients[16])
{
	int block[16];
	for (int row = 0; row < 4; row++) {
		const uint8_t *line = source->plane[plane] + (y + row) * source->pitch[plane] + x;
		for (int column = 0; column < 4; column++)
			block[row * 4 + column] = line[column] - prediction[row * pitch + column];
	}
	transform_forward(block, coefficients);
}

static void luma_residual(const struct coder *coder, const struct place *at, struct choice *choice)
{
	int dc[16], coefficients[16];
	choice->cbp_luma = 0;
	for (int block = 0; block < 16; block++) {
		int x = block % 4 * 4, y = block / 4 * 4;
		block_transform(&coder->source, 0, at->mb_x * 16 + x, at->mb_y * 16 + y,
				choice->luma + y * 16 + x, 16, coefficients);
		dc[block] = coefficients[0];
		int count = quantize(coefficients, choice->luma_levels[block], choice->intra, coder->qp,
				choice->intra);
		at->self->nonzero[block] = (uint8_t)count;
		if (count != 0)
			choice->cbp_luma |= choice->intra ? 15 : 1 << (y / 8 * 2 + x / 8);
	}
	if (choice->intra)
		quantize_luma_dc(dc, choice->luma_dc, coder->qp);
}

static void chroma_residual(const struct coder *coder, const struct place *at, struct choice *choice)
{
	int qp = chroma_qp(coder->qp, coder->chroma_qp_offset), coefficients[16], dc_count = 0, ac_count = 0;
	for (int c = 0; c < 2; c++) {
		int dc[4];
		for (int block = 0; block < 4; block++) {
			int x = block % 2 * 4, y = block / 2 * 4;
			block_transform(&coder->source, c + 1, at->mb_x * 8 + x, at->mb_y * 8 + y,
					choice->chroma[c] + y * 8 + x, 8, coefficients);
			dc[block] = coefficients[0];
			int count = quantize(coefficients, choice->chroma_levels[c][block], 1, qp,
					choice->intra);
			at->self->nonzero[16 + c * 4 + block] = (uint8_t)count;
			ac_count += count;
		}
		dc_count += quantize_chroma_dc(dc, choice->chroma_dc[c], qp, choice->intra);
	}
	choice->cbp_chroma = ac_count != 0 ? 2 : dc_count != 0;
}

static void reconstruct_luma(const struct coder *coder, const struct place *at, const struct choice *choice)
{
	const struct frame *to = &coder->reconstructed;
	int dc[16];
	if (choice->intra)
		scale_luma_dc(choice->luma_dc, dc, coder->qp);
	for (int block = 0; block < 16; block++) {
		int x = block % 4 * 4, y = block / 4 * 4, scaled[16];
		if (choice->intra)
			scaled[0] = dc[block];
		scale(choice->luma_levels[block], scaled, choice->intra, coder->qp);
		transform_inverse_add(scaled, choice->luma + y * 16 + x, 16,
				to->plane[0] + (at->mb_y * 16 + y) * to->pitch[0] + at->mb_x * 16 + x,
				to->pitch[0]);
	}
}

static void reconstruct_chroma(const struct coder *coder, const struct place *at, const struct choice *choice)
{
	const struct frame *to = &coder->reconstructed;
	int qp = chroma_qp(coder->qp, coder->chroma_qp_offset);
	for (int c = 0; c < 2; c++) {
		int dc[4];
		scale_chroma_dc(choice->chroma_dc[c], dc, qp);
		for (int block = 0; block < 4; block++) {
			int x = block % 2 * 4, y = block / 2 * 4, scaled[16];
			scaled[0] = dc[block];
			scale(choice->chroma_levels[c][block], scaled, 1, qp);
			transform_inverse_add(scaled, choice->chroma[c] + y * 8 + x, 8,
					to->plane[c + 1] + (at->mb_y * 8 + y) * to->pitch[c + 1] + at->mb_x * 8 + x,
					to->pitch[c + 1]);
		}
	}
}

/* ---- syntax ---- */

/* nC (9.2.1) of a block of a plane that is size blocks wide and starts at first in nonzero. */
static int context_of(const struct place *at, int first, int size, int x, int y)
{
	int left = -1, top = -1;
	if (x > 0)
		left = at->self->nonzero[first + y * size + x - 1];
	else if (at->left != NULL)
		left = at->left->nonzero[first + y * size + size - 1];
	if (y > 0)
		top = at->self->nonzero[first + (y - 1) * size + x];
	else if (at->top != NULL)
		top = at->top->nonzero[first + (size - 1) * size + x];
	if (left >= 0 && top >= 0)
		return (left + top + 1) >> 1;
	return left >= 0 ? left : top >= 0 ? top : 0;
}

static void residual_write_all(struct bit_writer *writer, const struct place *at, const struct choice *choice)
{
	if (choice->intra)
		residual_write(writer, choice->luma_dc, 16, context_of(at, 0, 4, 0, 0));
	for (int index = 0; index < 16; index++) {
		/* luma4x4BlkIdx walks quarters of quarters (6.4.3). */
		int x = (index & 1) + (index >> 2 & 1) * 2, y = (index >> 1 & 1) + (index >> 3) * 2;
		if (!(choice->cbp_luma >> (index / 4) & 1))
			continue;
		residual_write(writer, choice->luma_levels[y * 4 + x] + choice->intra, 16 - choice->intra,
				context_of(at, 0, 4, x, y));
	}
	for (int c = 0; c < 2 && choice->cbp_chroma != 0; c++)
		residual_write(writer, choice->chroma_dc[c], 4, CONTEXT_CHROMA_DC);
	for (int block = 0; block < 8 && choice->cbp_chroma == 2; block++)
		residual_write(writer, choice->chroma_levels[block / 4][block % 4] + 1, 15,
				context_of(at, 16 + block / 4 * 4, 2, block % 2, block % 4 / 2));
}

/* Table 9-4, Inter: codeNum of a coded_block_pattern. */
static uint32_t inter_cbp_code(int cbp)
{
	static const uint8_t patterns[48] = { 0, 16, 1, 2, 4, 8, 32, 3, 5, 10, 12, 15, 47, 7, 11, 13, 14, 6, 9, 31,
		35, 37, 42, 44, 33, 34, 36, 40, 39, 43, 45, 46, 17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30,
		22, 25, 38, 41 };
	uint32_t code = 0;
	while (patterns[code] != cbp)
		code++;
	return code;
}

/* Everything of macroblock_layer(); *qp is QPY,PRED before and QPY after. */
static void macroblock_write(struct coder *coder, const struct slice *slice, const struct place *at,
		const struct choice *choice, int *qp, struct bit_writer *writer)
{
	if (choice->intra) {
		uint32_t type = 1 + (uint32_t)choice->luma_mode + 4 * (uint32_t)choice->cbp_chroma +
				(choice->cbp_luma != 0 ? 12 : 0);
		put_ue(writer, slice->type == SLICE_P ? type + 5 : type);
		put_ue(writer, (uint32_t)choice->chroma_mode);
	} else {
		int predicted[2];
		predict_mv(at, predicted);
		put_ue(writer, 0); /* P_L0_16x16 */
		if (slice->num_ref_l0 == 2)
			put_bits(writer, 1, 1);
		else if (slice->num_ref_l0 > 2)
			put_ue(writer, 0);
		put_se(writer, choice->mv[0] - predicted[0]);
		put_se(writer, choice->mv[1] - predicted[1]);
		put_ue(writer, inter_cbp_code(choice->cbp_luma | choice->cbp_chroma << 4));
	}
	if (choice->intra || choice->cbp_luma != 0 || choice->cbp_chroma != 0) {
		put_se(writer, coder->qp - *qp);
		*qp = coder->qp;
		residual_write_all(writer, at, choice);
	}
}

static bool skippable(const struct slice *slice, const struct place *at, const struct choice *choice)
{
	int mv[2];
	if (slice->type != SLICE_P || choice->intra || choice->cbp_luma != 0 || choice->cbp_chroma != 0)
		return false;
	predict_skip_mv(at, mv);
	return mv[0] == choice->mv[0] && mv[1] == choice->mv[1];
}

void slice_encode(struct coder *coder, int index, struct bit_writer *writer)
{
	const struct slice *slice = &coder->slices[index];
	int qp = slice->qp;
	uint32_t skipped = 0;
	struct choice *choice = g_new0(struct choice, 1);
	for (int mb = slice->first_mb; mb < slice->first_mb + slice->count; mb++) {
		const struct place at = place_of(coder, mb, index);
		choose(coder, slice, &at, choice);
		luma_residual(coder, &at, choice);
		chroma_residual(coder, &at, choice);
		reconstruct_luma(coder, &at, choice);
		reconstruct_chroma(coder, &at, choice);
		at.self->coded = true;
		at.self->slice = index;
		at.self->intra = choice->intra;
		memcpy(at.self->mv, choice->mv, sizeof(choice->mv));
		if (skippable(slice, &at, choice)) {
			skipped++;
		} else {
			if (slice->type == SLICE_P)
				put_ue(writer, skipped);
			skipped = 0;
			macroblock_write(coder, slice, &at, choice, &qp, writer);
		}
		at.self->qp = qp;
	}
	if (skipped > 0)
		put_ue(writer, skipped);
	g_free(choice);
}
