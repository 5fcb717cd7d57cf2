#include "tests/model/space.h"

#include <glib.h>
#include <string.h>

struct edge {
	uint32_t from, to;
	uint8_t kind;
} __attribute__((packed));

struct origin {
	uint32_t parent;
	struct model_step step;
};

struct space {
	struct world *worlds;
	struct origin *origins;
	uint32_t count, room;
	uint32_t *slots; /* state + 1; power of two */
	uint32_t slot_count;
	struct edge *edges;
	size_t edge_count, edge_room;
};

static uint64_t hash(const struct world *world)
{
	uint64_t words[(sizeof(*world) + 7) / 8] = { 0 }, h = 0x9e3779b97f4a7c15ULL;
	memcpy(words, world, sizeof(*world));
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return h;
}

static uint32_t *slot_of(const struct space *space, const struct world *world)
{
	uint32_t mask = space->slot_count - 1;
	for (uint32_t i = (uint32_t)hash(world) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &space->slots[i];
		if (*slot == 0 || memcmp(&space->worlds[*slot - 1], world, sizeof(*world)) == 0)
			return slot;
	}
}

static void grow(struct space *space)
{
	space->room = space->room ? space->room * 2 : 4096;
	space->worlds = g_realloc_n(space->worlds, space->room, sizeof(space->worlds[0]));
	space->origins = g_realloc_n(space->origins, space->room, sizeof(space->origins[0]));
	g_free(space->slots);
	space->slot_count = space->room * 2;
	space->slots = g_new0(uint32_t, space->slot_count);
	for (uint32_t i = 0; i < space->count; i++)
		*slot_of(space, &space->worlds[i]) = i + 1;
}

struct space *space_create(void)
{
	struct space *space = g_new0(struct space, 1);
	grow(space);
	return space;
}

void space_free(struct space *space)
{
	g_free(space->worlds);
	g_free(space->origins);
	g_free(space->slots);
	g_free(space->edges);
	g_free(space);
}

uint32_t space_put(struct space *space, const struct world *world, uint32_t parent, const struct model_step *step,
		   bool *ret_new)
{
	uint32_t *slot = slot_of(space, world);
	*ret_new = *slot == 0;
	if (!*ret_new)
		return *slot - 1;
	if (space->count == space->room) {
		grow(space);
		slot = slot_of(space, world);
	}
	memcpy(&space->worlds[space->count], world, sizeof(*world));
	space->origins[space->count] = (struct origin){ .parent = parent, .step = *step };
	*slot = ++space->count;
	return space->count - 1;
}

uint32_t space_count(const struct space *space)
{
	return space->count;
}

const struct world *space_world(const struct space *space, uint32_t state)
{
	return &space->worlds[state];
}

uint32_t space_parent(const struct space *space, uint32_t state, struct model_step *ret_step)
{
	*ret_step = space->origins[state].step;
	return space->origins[state].parent;
}

void space_edge(struct space *space, uint32_t from, uint32_t to, uint8_t kind)
{
	if (space->edge_count == space->edge_room) {
		space->edge_room = space->edge_room ? space->edge_room * 2 : 65536;
		space->edges = g_realloc_n(space->edges, space->edge_room, sizeof(space->edges[0]));
	}
	space->edges[space->edge_count++] = (struct edge){ from, to, kind };
}

size_t space_edges(const struct space *space)
{
	return space->edge_count;
}

/* Edges sorted by where they lead. */
static void index_edges(const struct space *space, uint8_t kinds, uint32_t *first, uint32_t *sources)
{
	for (size_t i = 0; i < space->edge_count; i++)
		if (space->edges[i].kind & kinds)
			first[space->edges[i].to + 1]++;
	for (uint32_t s = 0; s < space->count; s++)
		first[s + 1] += first[s];
	uint32_t *at = g_memdup2(first, (space->count + 1) * sizeof(first[0]));
	for (size_t i = 0; i < space->edge_count; i++)
		if (space->edges[i].kind & kinds)
			sources[at[space->edges[i].to]++] = space->edges[i].from;
	g_free(at);
}

void space_backward(const struct space *space, uint8_t kinds, bool *marks)
{
	uint32_t *first = g_new0(uint32_t, space->count + 2), *sources = g_new(uint32_t, space->edge_count + 1);
	uint32_t *queue = g_new(uint32_t, space->count + 1), length = 0;
	index_edges(space, kinds, first, sources);
	for (uint32_t s = 0; s < space->count; s++)
		if (marks[s])
			queue[length++] = s;
	for (uint32_t at = 0; at < length; at++)
		for (uint32_t i = first[queue[at]]; i < first[queue[at] + 1]; i++)
			if (!marks[sources[i]]) {
				marks[sources[i]] = true;
				queue[length++] = sources[i];
			}
	g_free(first);
	g_free(sources);
	g_free(queue);
}
