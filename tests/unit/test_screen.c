/* test_screen: pages as pictures. Each page of a table is drawn in each language and size and looked at by its
 * pixels: something is written, nothing runs over the edge, names as long or as hostile as may be. With a folder as
 * argument the pictures are kept there. */
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/screen/draw.h"
#include "drivers-glue/drivers.h"

static unsigned int number, failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok %u - %s\n", good ? "" : "not ", ++number, text);
	failed += !good;
}

#define CALLS                                                                                                          \
	"\"calls\": [{\"peer\": \"bob\", \"out\": true, \"missed\": false, \"when_ms\": 1795860300000},"                \
	"{\"peer\": \"Room Zürich\", \"out\": false, \"missed\": true, \"when_ms\": 1795852000000},"                    \
	"{\"peer\": \"王小明\", \"out\": false, \"missed\": false, \"when_ms\": 1795770000000},"                        \
	"{\"peer\": \"A name that is far too long for the column it must stand in\", \"out\": false, "                  \
	"\"missed\": false, \"when_ms\": 1795500000000}, {\"peer\": \"carol\", \"out\": true, \"missed\": false, "       \
	"\"when_ms\": 1795400000000}], "
#define ROOM "\"room\": \"Meeting Room 3\", \"account\": \"alice\", \"hint\": \"\", "
#define QUIET "\"calls\": [], \"troubles\": [], "

static const struct { const char *name, *json; } pages[] = {
	{ "idle", "{\"page\": \"idle\", " ROOM CALLS "\"peer\": \"\", \"state\": \"idle\", \"video\": false, "
	  "\"online\": true, \"dnd\": false, \"troubles\": []}" },
	{ "trouble", "{\"page\": \"idle\", " ROOM CALLS "\"peer\": \"\", \"state\": \"idle\", \"video\": false, "
	  "\"online\": false, \"dnd\": false, \"troubles\": [\"network\", \"camera\"]}" },
	{ "dnd", "{\"page\": \"idle\", " ROOM QUIET "\"peer\": \"\", \"state\": \"idle\", \"video\": false, "
	  "\"online\": true, \"dnd\": true}" },
	{ "ringing", "{\"page\": \"ringing\", " ROOM QUIET "\"peer\": \"bob\", \"state\": \"ringing\", \"video\": true, "
	  "\"online\": true, \"dnd\": false}" },
	{ "outgoing", "{\"page\": \"outgoing\", " ROOM QUIET "\"peer\": \"王小明\", \"state\": \"calling\", "
	  "\"video\": true, \"online\": true, \"dnd\": false}" },
	{ "call", "{\"page\": \"call\", " ROOM QUIET "\"peer\": \"bob\", \"state\": \"active\", \"video\": false, "
	  "\"online\": true, \"dnd\": false, \"duration_ms\": 754000}" },
	{ "recovering", "{\"page\": \"call\", " ROOM QUIET "\"peer\": \"bob\", \"state\": \"recovering\", "
	  "\"video\": true, \"online\": true, \"dnd\": false, \"duration_ms\": 4000}" },
	{ "hostile", "{\"page\": \"ringing\", " ROOM QUIET "\"peer\": \"<b>&\\u202e\\n\\u0007%s%n "
	  "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww\", "
	  "\"state\": \"ringing\", \"video\": false, \"online\": true, \"dnd\": false}" },
};
static const struct { int width, height; } sizes[] = { { 1920, 1080 }, { 1024, 768 }, { 320, 180 } };

/* Share of pixels that differ from the one at the left edge of their row: from what is behind everything. */
static double written(cairo_surface_t *surface, int left, int right)
{
	int height = cairo_image_surface_get_height(surface), stride = cairo_image_surface_get_stride(surface);
	const uint8_t *pixels = cairo_image_surface_get_data(surface);
	long n = 0;
	for (int y = 0; y < height; y++)
		for (int x = left; x < right; x++) {
			const uint8_t *row = pixels + y * stride;
			n += abs(row[x * 4 + 1] - row[1]) > 24;
		}
	return (double)n / ((right - left) * height);
}

static void draw(const char *folder, const char *name, const struct page *page, enum language language, int width,
		 int height)
{
	const struct draw_now now = { .wall = 1795861800, .us = 1500000 };
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cairo_t *cairo = cairo_create(surface);
	draw_page(cairo, width, height, page, language, &now);
	cairo_destroy(cairo);
	cairo_surface_flush(surface);
	double share = written(surface, width / 50, width - width / 50);
	double edge = written(surface, width - width / 50, width);
	check(share > 0.01 && share < 0.5 && edge == 0, "%s %s %dx%d: %.1f %% is written on, %.1f %% of the edge", name,
	      language == LANGUAGE_ZH ? "zh" : "en", width, height, share * 100, edge * 100);
	if (folder) {
		g_autofree char *file = g_strdup_printf("%s/%s-%s-%d.png", folder, name,
							language == LANGUAGE_ZH ? "zh" : "en", width);
		cairo_surface_write_to_png(surface, file);
	}
	cairo_surface_destroy(surface);
}

static void check_words(void)
{
	unsigned int missing = 0;
	for (int i = 0; i < WORDS; i++)
		for (int j = 0; j < LANGUAGES; j++)
			missing += !word((enum language)j, (enum word)i) || !word((enum language)j, (enum word)i)[0];
	check(missing == 0, "every word is there in every language");
	check(language_parse("zh") == LANGUAGE_ZH && language_parse("en") == LANGUAGE_EN, "languages by name");
	g_autofree char *today = words_when(LANGUAGE_EN, 1795860300, 1795861800);
	g_autofree char *yesterday = words_when(LANGUAGE_EN, 1795861800 - 86400, 1795861800);
	g_autofree char *before = words_when(LANGUAGE_ZH, 1795861800 - 4 * 86400, 1795861800);
	check(strlen(today) == 5 && today[2] == ':' && strcmp(yesterday, "Yesterday") == 0 && strstr(before, "月"),
	      "when a call was: %s, %s, %s", today, yesterday, before);
}

static void check_stamps(void)
{
	const struct draw_now a = { .wall = 600, .us = 1000000 }, b = { .wall = 601, .us = 2000000 },
			      c = { .wall = 660, .us = 61000000 };
	const struct page idle = { .kind = PAGE_IDLE }, call = { .kind = PAGE_CALL, .counts = true };
	check(draw_stamp(&idle, &a) == draw_stamp(&idle, &b) && draw_stamp(&idle, &a) != draw_stamp(&idle, &c),
	      "the idle page changes every minute");
	check(draw_stamp(&call, &a) != draw_stamp(&call, &b), "a call's page every second");
}

/* Addresses of views on a screen; where there is none, pictures wait and come home. */
static void check_view(void)
{
	static const char *const bad[] = { "insert", "size=4", "size=", "size=101x", "mode=big", "mode=640x",
					   "mode=640x480@60p", "output=card0:" };
	static const char *const good[] = { "", "inset", "inset,mirror,size=30",
					    "output=nocard:HDMI-A-1,mode=1280x720@60" };
	struct view *view;
	struct frame *frame;
	char why[256];
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		why[0] = '\0';
		int r = view_kms.open(bad[i], &view, why, sizeof(why));
		check(r < 0 && why[0], "kms:%s is refused: %s", bad[i], why);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		int r = view_kms.open(good[i], &view, why, sizeof(why));
		g_assert_cmpint(frame_new(FRAME_I420, 64, 64, &frame), ==, 0);
		int shown = r < 0 ? r : view_kms.show(view, frame);
		frame_release(frame);
		if (r == 0)
			view_kms.close(view);
		check(r == 0 && shown == 0 && frame_living() == 0, "kms:%s is a view", good[i]);
	}
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
		struct page page = { 0 };
		char why[128] = "";
		const struct message_shape shapes[] = { { "show", page_fields }, { NULL, NULL } };
		const char *bad = NULL;
		cJSON *json = message_parse(pages[i].json, strlen(pages[i].json), &bad);
		g_assert_nonnull(json);
		cJSON_AddStringToObject(json, "m", "show");
		check(message_check(shapes, json, why, sizeof(why)) == 0, "%s is a page%s", pages[i].name, why);
		page_init(&page, json, 1000000);
		page.keys = true;
		for (size_t j = 0; j < G_N_ELEMENTS(sizes); j++)
			for (int l = 0; l < LANGUAGES; l++)
				draw(folder, pages[i].name, &page, (enum language)l, sizes[j].width, sizes[j].height);
		page_finish(&page);
		cJSON_Delete(json);
	}
	check_words();
	check_stamps();
	check_view();
	draw_finish();
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
