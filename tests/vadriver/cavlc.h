/* cavlc: the residual block codes of H.264 (9.2, Tables 9-5 and 9-7 to 9-10). */
#ifndef TESTS_VADRIVER_CAVLC_H
#define TESTS_VADRIVER_CAVLC_H

#include "tests/vadriver/bits.h"

enum { CONTEXT_CHROMA_DC = -1 };

/* levels: count of them in scan order (4, 15 or 16), each within +-LEVEL_MAX; context: nC. */
void residual_write(struct bit_writer *writer, const int *levels, int count, int context);

#endif
