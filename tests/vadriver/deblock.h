/* deblock: the loop filter (8.7) over a whole picture, after its last slice. */
#ifndef TESTS_VADRIVER_DEBLOCK_H
#define TESTS_VADRIVER_DEBLOCK_H

#include "tests/vadriver/slice.h"

void deblock(struct coder *coder);

#endif
