#include "core/screen/output.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "drivers-glue/display_kms.h"

#define OPEN_MS 1000
#define TAKE_MS 15
#define BUSY_TRIES 100 /* of TAKE_MS: a call's pictures let go of the screen sooner */
#define CHECK_MS 1000 /* a flip that was never told */

struct output {
	const struct output_ops *ops;
	void *data;
	char *where, *mode;
	bool mine, waits; /* waits: a picture is there that the screen could not take yet */
	char *last_words;
	unsigned int busy; /* tries in a row that found another program on the screen */
	struct display *display; /* NULL: a file, or not open */
	cairo_surface_t *surface;
	guint timer, fd_source, hotplug_source;
};

static const char *file_name(const struct output *output)
{
	return g_str_has_prefix(output->where, "png:") ? output->where + 4 : NULL;
}

/* Each state is told once. */
static void tell(struct output *output, const char *state, const char *text)
{
	g_autofree char *words = g_strconcat(state, text, NULL);
	if (g_strcmp0(words, output->last_words) == 0)
		return;
	g_free(output->last_words);
	output->last_words = g_steal_pointer(&words);
	output->ops->told(state, text, output->data);
}

static void tell_output(struct output *output)
{
	char text[512];
	int width, height;
	display_describe(output->display, text, sizeof(text));
	tell(output, display_size(output->display, &width, &height) ? "opened" : "lost", text);
}

static void dispatch(struct output *output)
{
	bool changed = display_dispatch(output->display);
	if (changed)
		tell_output(output);
	if (changed || (output->waits && display_is_ready(output->display))) {
		output->waits = false;
		output->ops->want(output->data);
	}
}

static gboolean on_readable(int fd, GIOCondition condition, void *data)
{
	(void)fd;
	(void)condition;
	dispatch(data);
	return G_SOURCE_CONTINUE;
}

static gboolean on_timer(void *data);

static void timer_set(struct output *output, unsigned int ms)
{
	if (output->timer)
		g_source_remove(output->timer);
	output->timer = g_timeout_add(ms, on_timer, output);
}

static void try_open(struct output *output)
{
	char why[512] = "";
	const char *name = g_str_has_prefix(output->where, "kms:") ? output->where + 4 : output->where;
	int r = display_open(name, output->mode, &output->display, why, sizeof(why));
	if (r < 0) {
		output->display = NULL;
		output->busy = r == -EBUSY ? output->busy + 1 : 0;
		if (output->busy == 0 || output->busy > BUSY_TRIES)
			tell(output, "failed", why);
		return;
	}
	output->busy = 0;
	output->fd_source = g_unix_fd_add(display_fd(output->display), G_IO_IN, on_readable, output);
	int hotplug = display_hotplug_fd(output->display);
	if (hotplug >= 0)
		output->hotplug_source = g_unix_fd_add(hotplug, G_IO_IN, on_readable, output);
	tell_output(output);
	output->ops->want(output->data);
}

static gboolean on_timer(void *data)
{
	struct output *output = data;
	output->timer = 0;
	if (!output->display) {
		if (output->mine)
			try_open(output);
		bool soon = output->busy > 0 && output->busy <= BUSY_TRIES;
		timer_set(output, output->display ? CHECK_MS : soon ? TAKE_MS : OPEN_MS);
	} else if (output->mine && !display_is_master(output->display)) {
		bool taken = display_take(output->display) == 0;
		if (taken)
			output->ops->want(output->data);
		timer_set(output, taken ? CHECK_MS : TAKE_MS);
	} else {
		dispatch(output);
		timer_set(output, CHECK_MS);
	}
	return G_SOURCE_REMOVE;
}

struct output *output_new(const char *where, const char *mode, bool mine, const struct output_ops *ops, void *data)
{
	struct output *output = g_new0(struct output, 1);
	output->where = g_strdup(where);
	output->mode = g_strdup(mode);
	output->mine = mine;
	output->ops = ops;
	output->data = data;
	if (!file_name(output))
		timer_set(output, 0);
	return output;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	guint sources[] = { output->timer, output->fd_source, output->hotplug_source };
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		if (sources[i])
			g_source_remove(sources[i]);
	display_close(output->display, 0);
	if (output->surface)
		cairo_surface_destroy(output->surface);
	g_free(output->where);
	g_free(output->mode);
	g_free(output->last_words);
	g_free(output);
}

static bool size_of(const struct output *output, int *ret_width, int *ret_height)
{
	if (output->display)
		return display_is_master(output->display) && display_size(output->display, ret_width, ret_height);
	if (!file_name(output))
		return false;
	if (sscanf(output->mode, "%5dx%5d", ret_width, ret_height) != 2) {
		*ret_width = 1920;
		*ret_height = 1080;
	}
	return true;
}

cairo_surface_t *output_surface(struct output *output)
{
	int width, height;
	if (!output->mine || !size_of(output, &width, &height))
		return NULL;
	cairo_surface_t *s = output->surface;
	if (s && cairo_image_surface_get_width(s) == width && cairo_image_surface_get_height(s) == height)
		return s;
	if (s)
		cairo_surface_destroy(s);
	output->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	return output->surface;
}

static void file_save(struct output *output)
{
	g_autofree char *part = g_strconcat(file_name(output), ".part", NULL);
	cairo_status_t status = cairo_surface_write_to_png(output->surface, part);
	if (status == CAIRO_STATUS_SUCCESS && rename(part, file_name(output)) == 0)
		return;
	g_autofree char *text = g_strdup_printf("%s: %s", file_name(output), status == CAIRO_STATUS_SUCCESS
						? g_strerror(errno) : cairo_status_to_string(status));
	tell(output, "failed", text);
}

void output_paint(struct output *output)
{
	if (!output->surface)
		return;
	cairo_surface_flush(output->surface);
	if (!output->display) {
		file_save(output);
		return;
	}
	int r = display_paint(output->display, cairo_image_surface_get_data(output->surface),
			      cairo_image_surface_get_stride(output->surface));
	output->waits = r == -EAGAIN || r == -EBUSY;
	if (r == -EACCES || r == -EBUSY)
		timer_set(output, TAKE_MS);
	else if (r < 0 && !output->waits && r != -ENODEV)
		tell(output, "failed", g_strerror(-r));
}

void output_blank(struct output *output)
{
	output->waits = false;
	int r = output->display && output->mine ? display_blank(output->display) : 0;
	if (r < 0 && r != -ENODEV)
		log_once(LOG_LEVEL_WARNING, "driver: screen %s cannot be switched off: %s", output->where,
			 g_strerror(-r));
	cairo_surface_t *surface = output->display ? NULL : output_surface(output);
	if (!surface)
		return;
	cairo_t *cairo = cairo_create(surface);
	cairo_paint(cairo);
	cairo_destroy(cairo);
	output_paint(output);
}

void output_yield(struct output *output)
{
	output->mine = output->waits = false;
	if (output->display)
		display_yield(output->display);
}

void output_take(struct output *output)
{
	output->mine = true;
	output->busy = 0;
	if (file_name(output))
		output->ops->want(output->data);
	else
		timer_set(output, 0);
}
