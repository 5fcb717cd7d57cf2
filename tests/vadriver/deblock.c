#include "tests/vadriver/deblock.h"

#include <stdlib.h>

#include "tests/vadriver/transform.h"

/* Table 8-16. */
static const uint8_t alphas[52] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 5, 6, 7, 8, 9, 10, 12, 13,
	15, 17, 20, 22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226,
	255, 255 };
static const uint8_t betas[52] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 6,
	6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18 };
/* Table 8-17 by indexA, bS - 1. */
static const uint8_t tc0s[52][3] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 },
	{ 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0, 0, 1 }, { 0, 0, 1 }, { 0, 0, 1 }, { 0, 0, 1 },
	{ 0, 1, 1 }, { 0, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 2 }, { 1, 1, 2 },
	{ 1, 1, 2 }, { 1, 1, 2 }, { 1, 2, 3 }, { 1, 2, 3 }, { 2, 2, 3 }, { 2, 2, 4 }, { 2, 3, 4 }, { 2, 3, 4 },
	{ 3, 3, 5 }, { 3, 4, 6 }, { 3, 4, 6 }, { 4, 5, 7 }, { 4, 5, 8 }, { 4, 6, 9 }, { 5, 7, 10 },
	{ 6, 8, 11 }, { 6, 8, 13 }, { 7, 10, 14 }, { 8, 11, 16 }, { 9, 12, 18 }, { 10, 13, 20 },
	{ 11, 15, 23 }, { 13, 17, 25 } };

/* What filters one edge. */
struct edge {
	int alpha, beta, index_a;
	int strength[4]; /* bS of each quarter */
};

static uint8_t clip(int value)
{
	return (uint8_t)CLAMP(value, 0, 255);
}

/* q: the first sample behind the edge; step leads across it. */
static void normal_line(uint8_t *q, int step, const struct edge *edge, int strength, bool luma)
{
	int p0 = q[-step], p1 = q[-2 * step], q0 = q[0], q1 = q[step];
	int tc0 = tc0s[edge->index_a][strength - 1], tc = tc0 + 1;
	if (luma) {
		int p2 = q[-3 * step], q2 = q[2 * step];
		bool near_p = abs(p2 - p0) < edge->beta, near_q = abs(q2 - q0) < edge->beta;
		tc = tc0 + near_p + near_q;
		if (near_p)
			q[-2 * step] = clip(p1 + CLAMP((p2 + ((p0 + q0 + 1) >> 1) - 2 * p1) >> 1, -tc0, tc0));
		if (near_q)
			q[step] = clip(q1 + CLAMP((q2 + ((p0 + q0 + 1) >> 1) - 2 * q1) >> 1, -tc0, tc0));
	}
	int delta = CLAMP((((q0 - p0) * 4) + (p1 - q1) + 4) >> 3, -tc, tc);
	q[-step] = clip(p0 + delta);
	q[0] = clip(q0 - delta);
}

static void strong_line(uint8_t *q, int step, const struct edge *edge, bool luma)
{
	int p0 = q[-step], p1 = q[-2 * step], q0 = q[0], q1 = q[step];
	q[-step] = (uint8_t)((2 * p1 + p0 + q1 + 2) >> 2);
	q[0] = (uint8_t)((2 * q1 + q0 + p1 + 2) >> 2);
	if (!luma || abs(p0 - q0) >= (edge->alpha >> 2) + 2)
		return;
	int p2 = q[-3 * step], q2 = q[2 * step];
	if (abs(p2 - p0) < edge->beta) {
		int p3 = q[-4 * step];
		q[-step] = (uint8_t)((p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3);
		q[-2 * step] = (uint8_t)((p2 + p1 + p0 + q0 + 2) >> 2);
		q[-3 * step] = (uint8_t)((2 * p3 + 3 * p2 + p1 + p0 + q0 + 4) >> 3);
	}
	if (abs(q2 - q0) < edge->beta) {
		int q3 = q[3 * step];
		q[0] = (uint8_t)((p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3);
		q[step] = (uint8_t)((p0 + q0 + q1 + q2 + 2) >> 2);
		q[2 * step] = (uint8_t)((2 * q3 + 3 * q2 + q1 + q0 + p0 + 4) >> 3);
	}
}

/* lines: 16 of luma, 8 of chroma; along leads from one to the next. */
static void filter_edge(uint8_t *q, int step, int along, const struct edge *edge, bool luma)
{
	int lines = luma ? 16 : 8;
	for (int line = 0; line < lines; line++, q += along) {
		int strength = edge->strength[line * 4 / lines];
		if (strength == 0 || abs(q[-step] - q[0]) >= edge->alpha ||
				abs(q[-2 * step] - q[-step]) >= edge->beta || abs(q[step] - q[0]) >= edge->beta)
			continue;
		if (strength == 4)
			strong_line(q, step, edge, luma);
		else
			normal_line(q, step, edge, strength, luma);
	}
}

static int strength_of(const struct macroblock *p, const struct macroblock *q, int block_p, int block_q)
{
	if (p->intra || q->intra)
		return p == q ? 3 : 4;
	if (p->nonzero[block_p] != 0 || q->nonzero[block_q] != 0)
		return 2;
	return abs(p->mv[0] - q->mv[0]) >= 4 || abs(p->mv[1] - q->mv[1]) >= 4;
}

static void set_qp(struct edge *edge, const struct slice *slice, int qp_p, int qp_q)
{
	int average = (qp_p + qp_q + 1) >> 1;
	edge->index_a = CLAMP(average + slice->alpha_offset, 0, 51);
	edge->alpha = alphas[edge->index_a];
	edge->beta = betas[CLAMP(average + slice->beta_offset, 0, 51)];
}

/* Edge number 0..3 of a macroblock, left to right or top to bottom. */
static void macroblock_edge(struct coder *coder, int mb_x, int mb_y, int number, bool vertical)
{
	const struct macroblock *q = &coder->macroblocks[mb_y * coder->width_mbs + mb_x];
	const struct macroblock *p = number > 0 ? q : vertical ? q - 1 : q - coder->width_mbs;
	const struct slice *slice = &coder->slices[q->slice];
	const struct frame *frame = &coder->reconstructed;
	struct edge edge;
	for (int i = 0; i < 4; i++) {
		int block_q = vertical ? i * 4 + number : number * 4 + i;
		int block_p = vertical ? i * 4 + (number + 3) % 4 : (number + 3) % 4 * 4 + i;
		edge.strength[i] = strength_of(p, q, block_p, block_q);
	}
	set_qp(&edge, slice, p->qp, q->qp);
	int pitch = frame->pitch[0];
	uint8_t *luma = frame->plane[0] + mb_y * 16 * pitch + mb_x * 16;
	luma += vertical ? number * 4 : number * 4 * pitch;
	filter_edge(luma, vertical ? 1 : pitch, vertical ? pitch : 1, &edge, true);
	if (number & 1)
		return;
	set_qp(&edge, slice, chroma_qp(p->qp, coder->chroma_qp_offset),
			chroma_qp(q->qp, coder->chroma_qp_offset));
	for (int c = 1; c < 3; c++) {
		pitch = frame->pitch[c];
		uint8_t *chroma = frame->plane[c] + mb_y * 8 * pitch + mb_x * 8;
		chroma += vertical ? number * 2 : number * 2 * pitch;
		filter_edge(chroma, vertical ? 1 : pitch, vertical ? pitch : 1, &edge, false);
	}
}

static void deblock_macroblock(struct coder *coder, int mb_x, int mb_y)
{
	const struct macroblock *mb = &coder->macroblocks[mb_y * coder->width_mbs + mb_x];
	int idc = coder->slices[mb->slice].deblocking_idc;
	if (idc == 1)
		return;
	bool left = mb_x > 0 && (idc == 0 || mb[-1].slice == mb->slice);
	bool top = mb_y > 0 && (idc == 0 || mb[-coder->width_mbs].slice == mb->slice);
	for (int number = left ? 0 : 1; number < 4; number++)
		macroblock_edge(coder, mb_x, mb_y, number, true);
	for (int number = top ? 0 : 1; number < 4; number++)
		macroblock_edge(coder, mb_x, mb_y, number, false);
}

void deblock(struct coder *coder)
{
	for (int mb_y = 0; mb_y < coder->height_mbs; mb_y++) {
		for (int mb_x = 0; mb_x < coder->width_mbs; mb_x++)
			deblock_macroblock(coder, mb_x, mb_y);
	}
}
