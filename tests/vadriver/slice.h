/* slice: encodes macroblocks as Intra16x16, P16x16 or skipped, with CAVLC (7.3.4, 7.3.5), reconstructing as it goes.
 * A coder lives for one picture on one thread. Reconstruction is final after deblock(). */
#ifndef TESTS_VADRIVER_SLICE_H
#define TESTS_VADRIVER_SLICE_H

#include "tests/vadriver/bits.h"
#include "tests/vadriver/frame.h"
#include "tests/vadriver/headers.h"

struct macroblock {
	bool coded, intra;
	int mv[2]; /* quarters of a pixel */
	int qp; /* QPY */
	int slice; /* index in coder.slices */
	uint8_t nonzero[24]; /* coefficients of each 4x4 block in raster order: luma, Cb, Cr */
};

struct slice {
	int first_mb, count;
	enum slice_type type;
	int qp; /* SliceQPY as the header says it */
	int num_ref_l0;
	int deblocking_idc, alpha_offset, beta_offset; /* offsets as FilterOffsetA and B */
};

struct coder {
	int width_mbs, height_mbs;
	struct frame source, reference, reconstructed;
	struct macroblock *macroblocks;
	struct slice slices[32];
	int slice_count;
	int qp; /* wanted; reached by mb_qp_delta where it is not the slice's */
	int chroma_qp_offset;
	bool constrained_intra;
	int range; /* of motion search, pixels */
};

void coder_init(struct coder *coder, int width_mbs, int height_mbs);
void coder_finish(struct coder *coder);
/* Forgets the macroblocks, to encode the picture once more. */
void coder_reset(struct coder *coder);
/* Appends slice_data() of slices[index]; the caller puts header before and trailing bits after. */
void slice_encode(struct coder *coder, int index, struct bit_writer *writer);

#endif
