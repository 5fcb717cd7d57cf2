#include "core/video/scout.h"

#include <glib.h>

struct scout {
	GThread *thread;
	int (*go)(void *data);
	void *data;
	int result;
	GMutex lock; /* protects back */
	GCond came;
	bool back;
};

static gpointer scout_thread(gpointer data)
{
	struct scout *scout = data;
	scout->result = scout->go(scout->data);
	g_mutex_lock(&scout->lock);
	scout->back = true;
	g_cond_signal(&scout->came);
	g_mutex_unlock(&scout->lock);
	return NULL;
}

struct scout *scout_send(int (*go)(void *data), void *data)
{
	struct scout *scout = g_new0(struct scout, 1);
	scout->go = go;
	scout->data = data;
	g_mutex_init(&scout->lock);
	g_cond_init(&scout->came);
	scout->thread = g_thread_new("scout", scout_thread, scout);
	return scout;
}

bool scout_wait(struct scout *scout, int limit_ms)
{
	gint64 end = g_get_monotonic_time() + limit_ms * G_TIME_SPAN_MILLISECOND;
	g_mutex_lock(&scout->lock);
	while (!scout->back && limit_ms > 0)
		if (!g_cond_wait_until(&scout->came, &scout->lock, end))
			break;
	bool back = scout->back;
	g_mutex_unlock(&scout->lock);
	return back;
}

int scout_end(struct scout *scout)
{
	g_thread_join(scout->thread);
	int result = scout->result;
	g_mutex_clear(&scout->lock);
	g_cond_clear(&scout->came);
	g_free(scout);
	return result;
}
