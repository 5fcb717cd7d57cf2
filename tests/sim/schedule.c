#include "tests/sim/schedule.h"

#include <glib.h>

struct letter *letter_hold(struct letter *letter)
{
	letter->holders++;
	return letter;
}

void letter_drop(struct letter *letter)
{
	if (!letter || --letter->holders > 0)
		return;
	cJSON_Delete(letter->body);
	g_free(letter);
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

void schedule_put(struct schedule *schedule, struct event event)
{
	if (schedule->count == schedule->room) {
		schedule->room = MAX(2 * schedule->room, 64);
		schedule->heap = g_renew(struct event, schedule->heap, schedule->room);
	}
	struct event *heap = schedule->heap;
	event.order = ++schedule->order;
	unsigned int at = schedule->count++;
	for (; at > 0 && before(&event, &heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = event;
}

bool schedule_take(struct schedule *schedule, struct event *ret_event)
{
	if (schedule->count == 0)
		return false;
	struct event *heap = schedule->heap;
	unsigned int count = --schedule->count, at = 0;
	const struct event last = heap[count];
	*ret_event = heap[0];
	for (unsigned int child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[at] = heap[child];
	}
	heap[at] = last;
	return true;
}

void schedule_free(struct schedule *schedule)
{
	for (unsigned int i = 0; i < schedule->count; i++)
		letter_drop(schedule->heap[i].letter);
	g_free(schedule->heap);
	*schedule = (struct schedule){ 0 };
}
