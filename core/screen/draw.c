#include "core/screen/draw.h"

#include <fontconfig/fontconfig.h>
#include <glib.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#define FONT "Noto Sans,DejaVu Sans,WenQuanYi Micro Hei,sans-serif"
#define PULSE_US 500000

enum colour {
	COLOUR_TOP, COLOUR_BOTTOM, COLOUR_RING_TOP, COLOUR_RING_BOTTOM, COLOUR_TEXT, COLOUR_FAINT, COLOUR_LINE,
	COLOUR_GREEN, COLOUR_BLUE, COLOUR_RED, COLOUR_AMBER, COLOUR_DARK,
};
static const uint32_t colours[] = {
	[COLOUR_TOP] = 0x16202c, [COLOUR_BOTTOM] = 0x0b1119, [COLOUR_RING_TOP] = 0x0f4a38,
	[COLOUR_RING_BOTTOM] = 0x08201a, [COLOUR_TEXT] = 0xf6f9fc, [COLOUR_FAINT] = 0xa6b5c5,
	[COLOUR_LINE] = 0x2b3a4a, [COLOUR_GREEN] = 0x3ad28a, [COLOUR_BLUE] = 0x5cb0ff, [COLOUR_RED] = 0xff6b6b,
	[COLOUR_AMBER] = 0xffbe4d, [COLOUR_DARK] = 0x16202c,
};

/* Where and how: lengths in hundredths of the height (u), from the top left. */
struct canvas {
	cairo_t *cairo;
	double u, width; /* pixels a unit; width in units, the height is 100 */
	enum language language;
	const struct page *page;
	const struct draw_now *now;
};

enum align { LEFT, CENTRE, RIGHT };

struct style {
	double size; /* of the font, in u */
	enum colour colour;
	bool bold;
	enum align align;
};

static void colour_set(const struct canvas *c, enum colour colour, double alpha)
{
	uint32_t rgb = colours[colour];
	cairo_set_source_rgba(c->cairo, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static PangoLayout *layout_new(const struct canvas *c, double width, const struct style *style, const char *text)
{
	PangoLayout *layout = pango_cairo_create_layout(c->cairo);
	PangoFontDescription *font = pango_font_description_from_string(FONT);
	pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_font_description_set_absolute_size(font, style->size * c->u * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	pango_font_description_free(font);
	pango_layout_set_text(layout, text, -1); /* never as markup */
	pango_layout_set_single_paragraph_mode(layout, TRUE);
	pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
	pango_layout_set_width(layout, (int)(width * c->u * PANGO_SCALE));
	pango_layout_set_alignment(layout, style->align == CENTRE  ? PANGO_ALIGN_CENTER
					   : style->align == RIGHT ? PANGO_ALIGN_RIGHT
								   : PANGO_ALIGN_LEFT);
	return layout;
}

/* One line whose middle is at y. Returns how wide it came out, in u. */
static double text(const struct canvas *c, double x, double y, double width, struct style style, const char *words)
{
	PangoRectangle ink, logical;
	PangoLayout *layout = layout_new(c, width, &style, words);
	pango_layout_get_pixel_extents(layout, &ink, &logical);
	colour_set(c, style.colour, 1);
	cairo_move_to(c->cairo, x * c->u, y * c->u - logical.height / 2.0);
	pango_cairo_show_layout(c->cairo, layout);
	g_object_unref(layout);
	return logical.width / c->u;
}

static void disc(const struct canvas *c, double x, double y, double radius, enum colour colour, double alpha)
{
	colour_set(c, colour, alpha);
	cairo_arc(c->cairo, x * c->u, y * c->u, radius * c->u, 0, 2 * M_PI);
	cairo_fill(c->cairo);
}

static void box(const struct canvas *c, double x, double y, double width, double height, double radius)
{
	double left = x * c->u, top = y * c->u, r = radius * c->u, right = left + width * c->u,
	       bottom = top + height * c->u;
	cairo_new_sub_path(c->cairo);
	cairo_arc(c->cairo, right - r, top + r, r, -M_PI / 2, 0);
	cairo_arc(c->cairo, right - r, bottom - r, r, 0, M_PI / 2);
	cairo_arc(c->cairo, left + r, bottom - r, r, M_PI / 2, M_PI);
	cairo_arc(c->cairo, left + r, top + r, r, M_PI, 3 * M_PI / 2);
	cairo_close_path(c->cairo);
}

static void background(const struct canvas *c, enum colour top, enum colour bottom)
{
	cairo_pattern_t *shade = cairo_pattern_create_linear(0, 0, 0, 100 * c->u);
	const uint32_t ends[] = { colours[top], colours[bottom] };
	for (int i = 0; i < 2; i++)
		cairo_pattern_add_color_stop_rgb(shade, i, (ends[i] >> 16) / 255.0, (ends[i] >> 8 & 255) / 255.0,
						 (ends[i] & 255) / 255.0);
	cairo_set_source(c->cairo, shade);
	cairo_paint(c->cairo);
	cairo_pattern_destroy(shade);
}

/* ---- idle ---- */

#define MARGIN 7.0

static void header(const struct canvas *c)
{
	const struct page *p = c->page;
	enum colour dot = !p->online ? COLOUR_RED : p->dnd ? COLOUR_AMBER : COLOUR_GREEN;
	enum word status = !p->online ? WORD_OFFLINE : p->dnd ? WORD_DND : WORD_READY;
	text(c, MARGIN, MARGIN + 3, c->width * 0.7, (struct style){ 6, COLOUR_TEXT, true, LEFT },
	     p->room[0] ? p->room : p->account);
	disc(c, MARGIN + 1.1, MARGIN + 10.2, 1.1, dot, 1);
	text(c, MARGIN + 3.6, MARGIN + 10, c->width * 0.5, (struct style){ 3.4, COLOUR_FAINT, false, LEFT },
	     word(c->language, status));
}

static void clock_draw(const struct canvas *c)
{
	struct tm day;
	localtime_r(&c->now->wall, &day);
	char time_text[16];
	strftime(time_text, sizeof(time_text), "%H:%M", &day);
	g_autofree char *date = words_date(c->language, &day);
	text(c, MARGIN - 1, 46, c->width * 0.55, (struct style){ 27, COLOUR_TEXT, false, LEFT }, time_text);
	text(c, MARGIN, 64.5, c->width * 0.5, (struct style){ 5, COLOUR_FAINT, false, LEFT }, date);
}

/* An arrow in a disc: out to the upper right, in to the lower left; a missed one is red. */
static void call_icon(const struct canvas *c, double x, double y, const struct page_call *call)
{
	enum colour colour = call->missed ? COLOUR_RED : call->out ? COLOUR_BLUE : COLOUR_GREEN;
	double a = 1.15 * c->u, cx = x * c->u, cy = y * c->u, tip = call->out ? 1 : -1;
	disc(c, x, y, 2.5, colour, 0.2);
	colour_set(c, colour, 1);
	cairo_set_line_width(c->cairo, 0.42 * c->u);
	cairo_set_line_cap(c->cairo, CAIRO_LINE_CAP_ROUND);
	cairo_set_line_join(c->cairo, CAIRO_LINE_JOIN_ROUND);
	cairo_move_to(c->cairo, cx - tip * a, cy + tip * a);
	cairo_line_to(c->cairo, cx + tip * a, cy - tip * a);
	cairo_move_to(c->cairo, cx + tip * a, cy + tip * a * 0.45);
	cairo_line_to(c->cairo, cx + tip * a, cy - tip * a);
	cairo_line_to(c->cairo, cx - tip * a * 0.45, cy - tip * a);
	cairo_stroke(c->cairo);
}

static void calls(const struct canvas *c)
{
	const struct page *p = c->page;
	double x = c->width * 0.58, width = c->width - MARGIN - x, y = 27;
	text(c, x, y, width, (struct style){ 3.2, COLOUR_FAINT, true, LEFT }, word(c->language, WORD_RECENT));
	y += 8.5;
	if (p->call_count == 0)
		text(c, x, y, width, (struct style){ 3.8, COLOUR_FAINT, false, LEFT }, word(c->language, WORD_NO_CALLS));
	for (int i = 0; i < p->call_count; i++, y += 9) {
		const struct page_call *call = &p->calls[i];
		g_autofree char *when = words_when(c->language, call->when, c->now->wall);
		call_icon(c, x + 2.5, y, call);
		double used = text(c, x, y, width, (struct style){ 3.4, COLOUR_FAINT, false, RIGHT }, when);
		text(c, x + 7.5, y, width - 7.5 - used - 3,
		     (struct style){ 4.1, call->missed ? COLOUR_RED : COLOUR_TEXT, false, LEFT }, call->peer);
	}
}

static void footer(const struct canvas *c)
{
	const struct page *p = c->page;
	g_autofree char *how = p->hint[0] ? g_strdup(p->hint)
				: g_strdup_printf("%s %s", word(c->language, WORD_HOW_TO_CALL), p->account);
	colour_set(c, COLOUR_LINE, 1);
	cairo_rectangle(c->cairo, MARGIN * c->u, 87 * c->u, (c->width - 2 * MARGIN) * c->u, MAX(1, 0.15 * c->u));
	cairo_fill(c->cairo);
	if (p->hint[0] || p->account[0])
		text(c, MARGIN, 92.5, c->width - 2 * MARGIN, (struct style){ 3.4, COLOUR_FAINT, false, LEFT }, how);
}

/* One band above the footer for all of them. */
static void troubles(const struct canvas *c)
{
	const char *words[PAGE_TROUBLES + 1] = { NULL };
	int n = 0;
	for (int i = 0; i < c->page->trouble_count; i++)
		if ((words[n] = word_of_trouble(c->language, c->page->troubles[i])))
			n++;
	words[n] = NULL;
	if (n == 0)
		return;
	g_autofree char *line = g_strjoinv("   ·   ", (char **)words);
	box(c, MARGIN, 76.5, c->width - 2 * MARGIN, 7.5, 1.5);
	colour_set(c, COLOUR_AMBER, 1);
	cairo_fill(c->cairo);
	text(c, MARGIN + 3, 80.25, c->width - 2 * MARGIN - 6, (struct style){ 3.6, COLOUR_DARK, true, LEFT }, line);
}

static void idle(const struct canvas *c)
{
	background(c, COLOUR_TOP, COLOUR_BOTTOM);
	header(c);
	clock_draw(c);
	calls(c);
	footer(c);
	troubles(c);
}

/* ---- calls ---- */

/* The first letter of the name in a disc, with rings around it that move while it rings. */
static void face(const struct canvas *c, double y, double radius, enum colour colour, bool pulses)
{
	char letter[8] = "";
	gunichar first = g_utf8_get_char(c->page->peer[0] ? c->page->peer : "?");
	letter[g_unichar_to_utf8(g_unichar_toupper(first), letter)] = '\0';
	int phase = (int)(c->now->us / PULSE_US % 3);
	for (int i = 2; pulses && i >= 0; i--)
		disc(c, c->width / 2, y, radius * (1.18 + 0.2 * i), colour, i == phase ? 0.28 : 0.12);
	disc(c, c->width / 2, y, radius, colour, 1);
	text(c, 0, y, c->width, (struct style){ radius * 1.1, COLOUR_DARK, true, CENTRE }, letter);
}

static void middle(const struct canvas *c, double y, double size, bool bold, enum colour colour, const char *words)
{
	text(c, MARGIN, y, c->width - 2 * MARGIN, (struct style){ size, colour, bold, CENTRE }, words);
}

static void keys(const struct canvas *c, enum word what)
{
	if (c->page->keys)
		middle(c, 91, 3.6, false, COLOUR_FAINT, word(c->language, what));
}

static void ringing(const struct canvas *c)
{
	background(c, COLOUR_RING_TOP, COLOUR_RING_BOTTOM);
	face(c, 31, 12, COLOUR_GREEN, true);
	middle(c, 61, 11, true, COLOUR_TEXT, c->page->peer);
	middle(c, 73, 5, false, COLOUR_TEXT,
	       word(c->language, c->page->video ? WORD_RINGS_VIDEO : WORD_RINGS_AUDIO));
	keys(c, WORD_ANSWER);
}

static void outgoing(const struct canvas *c)
{
	background(c, COLOUR_TOP, COLOUR_BOTTOM);
	face(c, 31, 12, COLOUR_BLUE, true);
	middle(c, 61, 11, true, COLOUR_TEXT, c->page->peer);
	middle(c, 73, 5, false, COLOUR_TEXT, word_of_state(c->language, c->page->state));
	keys(c, WORD_HANG_UP);
}

static void in_call(const struct canvas *c)
{
	const struct page *p = c->page;
	const char *state = word_of_state(c->language, p->state);
	int64_t s = MAX(0, (c->now->us - p->since_us) / 1000000);
	g_autofree char *time_text = s >= 3600 ? g_strdup_printf("%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
								 (int)(s % 60))
				     : g_strdup_printf("%02d:%02d", (int)(s / 60), (int)(s % 60));
	background(c, COLOUR_TOP, COLOUR_BOTTOM);
	face(c, 28, 12, COLOUR_GREEN, false);
	middle(c, 54, 9, true, COLOUR_TEXT, p->peer);
	if (state[0])
		middle(c, 69, 5, false, COLOUR_AMBER, state);
	else if (p->counts)
		middle(c, 69, 8, false, COLOUR_TEXT, time_text);
	middle(c, 80, 4, false, COLOUR_FAINT,
	       word(c->language, !p->video ? WORD_CALL_AUDIO : p->covered ? WORD_NO_PICTURE : WORD_CALL_VIDEO));
	keys(c, WORD_HANG_UP);
}

static void (*const pages[PAGE_KINDS])(const struct canvas *c) = {
	[PAGE_IDLE] = idle, [PAGE_OUTGOING] = outgoing, [PAGE_RINGING] = ringing, [PAGE_CALL] = in_call,
};

void draw_page(cairo_t *cairo, int width, int height, const struct page *page, enum language language,
	       const struct draw_now *now)
{
	const struct canvas c = { .cairo = cairo, .u = height / 100.0, .width = width * 100.0 / height,
				  .language = language, .page = page, .now = now };
	pages[page->kind](&c);
}

void draw_finish(void)
{
	pango_cairo_font_map_set_default(NULL);
	cairo_debug_reset_static_data();
	FcFini();
}

int64_t draw_stamp(const struct page *page, const struct draw_now *now)
{
	switch (page->kind) {
	case PAGE_IDLE:
		return now->wall / 60;
	case PAGE_OUTGOING:
	case PAGE_RINGING:
		return now->us / PULSE_US;
	case PAGE_CALL:
	case PAGE_KINDS:
		break;
	}
	return page->counts ? (now->us - page->since_us) / 1000000 : 0;
}
