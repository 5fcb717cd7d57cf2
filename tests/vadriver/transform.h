/* transform: H.264's 4x4 transform, its quantization and their inverses with flat scaling (8.5.6, 8.5.10 to 8.5.12).
 * Blocks are 16 ints in raster order; levels are in zigzag order. */
#ifndef TESTS_VADRIVER_TRANSFORM_H
#define TESTS_VADRIVER_TRANSFORM_H

#include <stdbool.h>
#include <stdint.h>

/* Levels beyond this would not fit a baseline code. */
enum { LEVEL_MAX = 2000 };

void transform_forward(const int difference[16], int coefficients[16]);
/* Adds the inverse of scaled coefficients to the prediction. */
void transform_inverse_add(const int scaled[16], const uint8_t *prediction, int prediction_pitch, uint8_t *to,
		int to_pitch);
/* Levels from position first on (1: the DC goes another way); how many are not 0. */
int quantize(const int coefficients[16], int levels[16], int first, int qp, bool intra);
/* Scales levels from first on; scaled[0] is left alone when first is 1. */
void scale(const int levels[16], int scaled[16], int first, int qp);
/* The 4x4 DC coefficients of Intra16x16 and the 2x2 of chroma; levels in scan order, DC in raster order. */
int quantize_luma_dc(const int dc[16], int levels[16], int qp);
void scale_luma_dc(const int levels[16], int dc[16], int qp);
int quantize_chroma_dc(const int dc[4], int levels[4], int qp, bool intra);
void scale_chroma_dc(const int levels[4], int dc[4], int qp);
/* QPc of a luma QP (Table 8-15). */
int chroma_qp(int qp, int offset);

#endif
