#include "core/media/beat.h"

#include <glib.h>

struct beat {
	GSource source; /* first: GLib allocates it */
	int64_t most_us, last_us;
	void (*function)(void *data);
	void *data;
};

static int64_t left_us(const struct beat *beat)
{
	return beat->last_us + beat->most_us - g_get_monotonic_time();
}

static gboolean on_prepare(GSource *source, gint *ret_timeout_ms)
{
	int64_t us = left_us((struct beat *)source);
	*ret_timeout_ms = us > 0 ? (gint)((us + 999) / 1000) : 0;
	return us <= 0;
}

static gboolean on_check(GSource *source)
{
	return left_us((struct beat *)source) <= 0;
}

static void run(struct beat *beat)
{
	beat->last_us = g_get_monotonic_time();
	beat->function(beat->data);
}

static gboolean on_dispatch(GSource *source, GSourceFunc none, void *data)
{
	(void)none;
	(void)data;
	run((struct beat *)source);
	return G_SOURCE_CONTINUE;
}

struct beat *beat_start(int64_t most_us, void (*function)(void *data), void *data)
{
	static GSourceFuncs funcs = { .prepare = on_prepare, .check = on_check, .dispatch = on_dispatch };
	struct beat *beat = (struct beat *)g_source_new(&funcs, sizeof(*beat));
	beat->most_us = most_us;
	beat->last_us = g_get_monotonic_time();
	beat->function = function;
	beat->data = data;
	g_source_attach(&beat->source, NULL);
	return beat;
}

void beat_stop(struct beat *beat)
{
	if (!beat)
		return;
	g_source_destroy(&beat->source);
	g_source_unref(&beat->source);
}

void beat_early(struct beat *beat, int64_t least_us)
{
	if (g_get_monotonic_time() - beat->last_us >= least_us)
		run(beat);
}
