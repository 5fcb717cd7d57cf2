/* space: the worlds that were reached, each once, how each was first reached, and the steps between them. Grows only.
 * Owner: model.c; one thread. */
#ifndef CALLBOX_TESTS_MODEL_SPACE_H
#define CALLBOX_TESTS_MODEL_SPACE_H

#include <stddef.h>

#include "tests/model/world.h"

#define NO_STATE UINT32_MAX

struct space;

struct space *space_create(void);
void space_free(struct space *space);

/* Number of the world; *ret_new when it was not there. parent and step: how it was reached, kept for a new one. */
uint32_t space_put(struct space *space, const struct world *world, uint32_t parent, const struct model_step *step,
		   bool *ret_new);
uint32_t space_count(const struct space *space);
const struct world *space_world(const struct space *space, uint32_t state);
uint32_t space_parent(const struct space *space, uint32_t state, struct model_step *ret_step);

/* An edge; kind: a bit that closures ask for. */
void space_edge(struct space *space, uint32_t from, uint32_t to, uint8_t kind);
size_t space_edges(const struct space *space);
/* marks[state] becomes true for every state from which a marked one is reached over edges of these kinds. */
void space_backward(const struct space *space, uint8_t kinds, bool *marks);

#endif
