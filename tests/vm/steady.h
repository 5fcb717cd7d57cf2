/* steady: TAP lines of a test inside a guest, and whether the guest itself went on steadily meanwhile. A host that
 * is busy lets a guest stand still; what then fails says nothing about callbox: the test is done again, and skipped
 * when it never could be done. */
#ifndef CALLBOX_TESTS_VM_STEADY_H
#define CALLBOX_TESTS_VM_STEADY_H

#include <glib.h>
#include <stdbool.h>

#define STEADY_AGAIN 75 /* exit code: things failed, and the guest stood still */

void steady_start(void);
/* Kept until the end. */
void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Prints what was checked, as diagnostics when it counts for nothing. Returns main()'s exit code: 0, 1 or
 * STEADY_AGAIN. */
int steady_finish(void);

#endif
