/* predict: Intra16x16 and chroma intra prediction (8.3.3, 8.3.4) and motion compensation by whole luma pixels
 * (8.4.2.2). Outputs are 16x16 or 8x8 without gaps. */
#ifndef TESTS_VADRIVER_PREDICT_H
#define TESTS_VADRIVER_PREDICT_H

#include "tests/vadriver/frame.h"

enum luma_mode { LUMA_VERTICAL, LUMA_HORIZONTAL, LUMA_DC, LUMA_PLANE, LUMA_MODES };
enum chroma_mode { CHROMA_DC, CHROMA_HORIZONTAL, CHROMA_VERTICAL, CHROMA_PLANE, CHROMA_MODES };

/* Which neighbours may be predicted from. */
struct neighbours {
	bool left, top, top_left;
};

bool luma_mode_possible(enum luma_mode mode, const struct neighbours *neighbours);
bool chroma_mode_possible(enum chroma_mode mode, const struct neighbours *neighbours);
/* x, y: of the block in the plane. */
void predict_luma(const struct frame *frame, int x, int y, enum luma_mode mode,
		const struct neighbours *neighbours, uint8_t to[256]);
void predict_chroma(const struct frame *frame, int plane, int x, int y, enum chroma_mode mode,
		const struct neighbours *neighbours, uint8_t to[64]);
/* mv in quarters of a luma pixel, multiples of 4. */
void predict_inter_luma(const struct frame *reference, int x, int y, const int mv[2], uint8_t to[256]);
void predict_inter_chroma(const struct frame *reference, int plane, int x, int y, const int mv[2],
		uint8_t to[64]);

#endif
