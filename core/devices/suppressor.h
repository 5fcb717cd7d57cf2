/* suppressor: what is left of an echo after the linear stage. Blocks of 10 ms, 48 kHz, mono; the reference is what
 * was played when the block was heard. One thread. */
#ifndef CALLBOX_DEVICES_SUPPRESSOR_H
#define CALLBOX_DEVICES_SUPPRESSOR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUPPRESSOR_DELAY 382 /* samples that its blocks come back late */

struct suppressor;

/* NULL: no memory. */
struct suppressor *suppressor_create(void);
void suppressor_destroy(struct suppressor *suppressor);
/* strong: rather cut the near end than let echo through; while the linear stage learns. */
void suppressor_run(struct suppressor *suppressor, const int16_t *reference, int16_t *block, bool strong);

#ifdef __cplusplus
}
#endif

#endif
