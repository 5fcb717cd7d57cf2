/* callbox-screen: what the screen shows while no call's pictures are on it: the room, its last calls, who rings, how
 * long a call lasts, what is wrong. It knows what callboxd tells it over descriptor 3, and nothing else. */
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <string.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/program.h"
#include "core/screen/draw.h"
#include "core/screen/output.h"
#include "core/screen/page.h"
#include "drivers-glue/cec.h"

#define TICK_MS 250

struct screen {
	struct program *program;
	struct output *output;
	struct page page;
	bool has_page, is_dark;
	enum language language;
	int64_t stamp; /* of what is on the screen */
	guint tick;
	struct cec *cec; /* NULL: there is none */
	char *cec_name;
	guint cec_source;
};

static struct draw_now now(void)
{
	return (struct draw_now){ .wall = time(NULL), .us = g_get_monotonic_time() };
}

static void paint(void *data)
{
	struct screen *screen = data;
	struct draw_now t = now();
	if (!screen->has_page)
		return;
	if (screen->is_dark) {
		output_blank(screen->output);
		return;
	}
	cairo_surface_t *surface = output_surface(screen->output);
	if (!surface)
		return;
	cairo_t *cairo = cairo_create(surface);
	screen->page.keys = screen->cec != NULL;
	draw_page(cairo, cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface),
		  &screen->page, screen->language, &t);
	cairo_destroy(cairo);
	screen->stamp = draw_stamp(&screen->page, &t);
	output_paint(screen->output);
}

static void told(const char *state, const char *text, void *data)
{
	struct screen *screen = data;
	cJSON *message = message_new("output");
	cJSON_AddStringToObject(message, "state", state);
	cJSON_AddStringToObject(message, "message", text);
	program_say(screen->program, message);
}

static const struct output_ops ops = { .want = paint, .told = told };

static gboolean on_tick(void *data)
{
	struct screen *screen = data;
	struct draw_now t = now();
	if (screen->has_page && !screen->is_dark && draw_stamp(&screen->page, &t) != screen->stamp)
		paint(screen);
	return G_SOURCE_CONTINUE;
}

/* ---- television ---- */

static gboolean on_cec(int fd, GIOCondition condition, void *data)
{
	static const char *const names[] = { [CEC_KEY_SELECT] = "select", [CEC_KEY_EXIT] = "exit" };
	struct screen *screen = data;
	enum cec_key key;
	(void)fd;
	if (condition & (G_IO_ERR | G_IO_HUP)) {
		log_warning("driver: cec %s is gone", screen->cec_name);
		cec_close(screen->cec);
		screen->cec = NULL;
		screen->cec_source = 0;
		return G_SOURCE_REMOVE;
	}
	while (cec_dispatch(screen->cec, &key)) {
		if (key == CEC_KEY_NONE)
			continue;
		cJSON *message = message_new("key");
		cJSON_AddStringToObject(message, "key", names[key]);
		program_say(screen->program, message);
	}
	return G_SOURCE_CONTINUE;
}

/* A television's cable may come later: tried again whenever it is needed. */
static void cec_try(struct screen *screen)
{
	char why[256] = "";
	if (screen->cec || strcmp(screen->cec_name, "off") == 0)
		return;
	if (cec_open(screen->cec_name, &screen->cec, why, sizeof(why)) < 0) {
		if (strcmp(screen->cec_name, "on") != 0)
			log_once(LOG_LEVEL_WARNING, "%s", why);
		return;
	}
	screen->cec_source = g_unix_fd_add(cec_fd(screen->cec), G_IO_IN | G_IO_PRI | G_IO_ERR | G_IO_HUP, on_cec, screen);
}

static void do_power(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)fd;
	if (!screen->cec_name)
		return;
	cec_try(screen);
	if (screen->cec)
		cec_power(screen->cec, message_bool(message, "on", true));
}

/* ---- what callboxd says ---- */

static void do_start(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)fd;
	if (screen->output)
		return;
	screen->language = language_parse(message_string(message, "language", ""));
	screen->output = output_new(message_string(message, "output", ""), message_string(message, "mode", ""),
				    message_bool(message, "mine", true), &ops, screen);
	screen->tick = g_timeout_add(TICK_MS, on_tick, screen);
	screen->cec_name = g_strdup(message_string(message, "cec", "off"));
	cec_try(screen);
}

static void do_show(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)fd;
	page_finish(&screen->page);
	page_init(&screen->page, message, g_get_monotonic_time());
	screen->has_page = true;
	if (screen->output)
		paint(screen);
}

static void do_yield(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)message;
	(void)fd;
	if (screen->output)
		output_yield(screen->output);
	program_say(screen->program, message_new("yielded"));
}

static void do_take(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)message;
	(void)fd;
	if (screen->output)
		output_take(screen->output);
}

static void do_blank(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)fd;
	screen->is_dark = message_bool(message, "on", false);
	if (screen->output)
		paint(screen);
}

static void do_stop(void *data, const cJSON *message, int fd)
{
	struct screen *screen = data;
	(void)message;
	(void)fd;
	program_quit(screen->program);
}

static const struct message_field start_fields[] = {
	{ "output", M_STRING, true, 1, 4096 }, { "mode", M_STRING, true, 1, 32 },
	{ "language", M_STRING, true, 1, 8 },  { "mine", M_BOOL, true, 0, 0 },
	{ "cec", M_STRING, true, 1, 256 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field on_fields[] = { { "on", M_BOOL, true, 0, 0 },
						  { NULL, M_STRING, false, 0, 0 } };
static const struct program_word words[] = {
	{ "start", start_fields, do_start }, { "show", page_fields, do_show }, { "yield", NULL, do_yield },
	{ "take", NULL, do_take },	     { "blank", on_fields, do_blank }, { "power", on_fields, do_power },
	{ "stop", NULL, do_stop },
	{ NULL, NULL, NULL },
};

static void stop(void *data)
{
	struct screen *screen = data;
	if (screen->tick)
		g_source_remove(screen->tick);
	if (screen->cec_source)
		g_source_remove(screen->cec_source);
	cec_close(screen->cec);
	g_free(screen->cec_name);
	output_free(screen->output);
	page_finish(&screen->page);
	draw_finish();
}

int main(void)
{
	static struct screen screen;
	return program_run("callbox-screen", SANDBOX_SCREEN, words, &screen, stop, &screen.program);
}
