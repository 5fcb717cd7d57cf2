#include "tests/sim/schedule.h"

#include <glib.h>
#include <stdbool.h>

struct schedule {
	GPtrArray *heap; /* struct event */
	uint64_t order;
};

struct schedule *schedule_create(void)
{
	struct schedule *schedule = g_new0(struct schedule, 1);
	schedule->heap = g_ptr_array_new_with_free_func((GDestroyNotify)event_free);
	return schedule;
}

void schedule_free(struct schedule *schedule)
{
	g_ptr_array_free(schedule->heap, TRUE);
	g_free(schedule);
}

void event_free(struct event *event)
{
	if (event->letter)
		cJSON_Delete(event->letter->body);
	g_free(event->letter);
	g_free(event);
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void heap_swap(GPtrArray *heap, unsigned int a, unsigned int b)
{
	void *kept = heap->pdata[a];
	heap->pdata[a] = heap->pdata[b];
	heap->pdata[b] = kept;
}

struct event *schedule_put(struct schedule *schedule, enum event_kind kind, int device, int boot, int64_t at_ms)
{
	GPtrArray *heap = schedule->heap;
	struct event *e = g_new0(struct event, 1);
	e->kind = kind;
	e->device = device;
	e->boot = boot;
	e->at_ms = at_ms;
	e->order = ++schedule->order;
	g_ptr_array_add(heap, e);
	for (unsigned int i = heap->len - 1; i > 0 && before(heap->pdata[i], heap->pdata[(i - 1) / 2]);
	     i = (i - 1) / 2)
		heap_swap(heap, i, (i - 1) / 2);
	return e;
}

struct event *schedule_take(struct schedule *schedule)
{
	GPtrArray *heap = schedule->heap;
	if (heap->len == 0)
		return NULL;
	heap_swap(heap, 0, heap->len - 1);
	struct event *first = g_ptr_array_steal_index(heap, heap->len - 1);
	for (unsigned int i = 0;;) {
		unsigned int least = i;
		for (unsigned int child = 2 * i + 1; child <= 2 * i + 2 && child < heap->len; child++)
			if (before(heap->pdata[child], heap->pdata[least]))
				least = child;
		if (least == i)
			return first;
		heap_swap(heap, i, least);
		i = least;
	}
}
