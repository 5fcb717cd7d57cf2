#include "core/video/scout.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

struct scout {
	pthread_t thread;
	int (*go)(void *data);
	void *data;
	int result;
	pthread_mutex_t lock; /* protects back */
	pthread_cond_t came;
	bool back;
};

static void *scout_thread(void *data)
{
	struct scout *scout = data;
	scout->result = scout->go(scout->data);
	pthread_mutex_lock(&scout->lock);
	scout->back = true;
	pthread_cond_signal(&scout->came);
	pthread_mutex_unlock(&scout->lock);
	return NULL;
}

struct scout *scout_send(int (*go)(void *data), void *data)
{
	struct scout *scout = g_new0(struct scout, 1);
	pthread_condattr_t attributes;
	scout->go = go;
	scout->data = data;
	pthread_mutex_init(&scout->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&scout->came, &attributes);
	pthread_condattr_destroy(&attributes);
	int r = pthread_create(&scout->thread, NULL, scout_thread, scout);
	if (r != 0) /* like every allocation that fails */
		g_error("no thread: %s", g_strerror(r));
	return scout;
}

bool scout_wait(struct scout *scout, int limit_ms)
{
	int64_t end_us = g_get_monotonic_time() + limit_ms * INT64_C(1000);
	const struct timespec end = { .tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000 };
	pthread_mutex_lock(&scout->lock);
	while (!scout->back && limit_ms > 0)
		if (pthread_cond_timedwait(&scout->came, &scout->lock, &end) == ETIMEDOUT)
			break;
	bool back = scout->back;
	pthread_mutex_unlock(&scout->lock);
	return back;
}

int scout_end(struct scout *scout)
{
	pthread_join(scout->thread, NULL);
	int result = scout->result;
	pthread_mutex_destroy(&scout->lock);
	pthread_cond_destroy(&scout->came);
	g_free(scout);
	return result;
}
