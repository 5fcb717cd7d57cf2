/* digest: what came out of a flow, as one number: two builds that claim to do the same must agree on it. No secret. */
#ifndef CALLBOX_TESTS_SIM_DIGEST_H
#define CALLBOX_TESTS_SIM_DIGEST_H

#include <stdint.h>

#include "core/call/call_core.h"

uint64_t digest_number(uint64_t digest, uint64_t number);
/* NULL and "" differ. */
uint64_t digest_text(uint64_t digest, const char *text);
/* Everything that the core says. */
uint64_t digest_output(uint64_t digest, const struct call_output *output);

#endif
