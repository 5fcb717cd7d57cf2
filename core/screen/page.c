#include "core/screen/page.h"

#include <glib.h>
#include <string.h>

#include "core/base/errand.h"

#define TEXT_CHARS 200

const struct message_field page_fields[] = {
	{ "page", M_STRING, true, 1, 16 },    { "room", M_STRING, true, 0, 256 },
	{ "account", M_STRING, true, 0, 256 }, { "peer", M_STRING, true, 0, 256 },
	{ "state", M_STRING, true, 0, 32 },   { "hint", M_STRING, true, 0, 512 },
	{ "video", M_BOOL, true, 0, 0 },      { "online", M_BOOL, true, 0, 0 },
	{ "covered", M_BOOL, false, 0, 0 },
	{ "dnd", M_BOOL, true, 0, 0 },	      { "duration_ms", M_NUMBER, false, 0, 1e12 },
	{ "calls", M_ARRAY, true, 0, 32 },    { "troubles", M_ARRAY, true, 0, 32 },
	{ NULL, M_STRING, false, 0, 0 },
};

static const char *const kinds[PAGE_KINDS] = { "idle", "outgoing", "ringing", "call" };

const char *page_kind_name(enum page_kind kind)
{
	return kinds[kind];
}

static enum page_kind kind_parse(const char *name)
{
	for (int i = 0; i < PAGE_KINDS; i++)
		if (strcmp(kinds[i], name) == 0)
			return (enum page_kind)i;
	return PAGE_IDLE;
}

static char *text(const cJSON *json, const char *name)
{
	return errand_printable(message_string(json, name, ""), TEXT_CHARS);
}

static void calls_take(struct page *page, const cJSON *list)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, list) {
		if (page->call_count == PAGE_CALLS)
			return;
		page->calls[page->call_count++] = (struct page_call){
			.peer = text(one, "peer"), .out = message_bool(one, "out", false),
			.missed = message_bool(one, "missed", false),
			.when = (time_t)(message_number(one, "when_ms", 0) / 1000),
		};
	}
}

static void troubles_take(struct page *page, const cJSON *list)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, list)
		if (page->trouble_count < PAGE_TROUBLES && cJSON_IsString(one))
			page->troubles[page->trouble_count++] = g_strdup(one->valuestring);
}

void page_init(struct page *page, const cJSON *show, int64_t now_us)
{
	*page = (struct page){
		.kind = kind_parse(message_string(show, "page", "")),
		.room = text(show, "room"), .account = text(show, "account"), .peer = text(show, "peer"),
		.state = text(show, "state"), .hint = text(show, "hint"),
		.video = message_bool(show, "video", false), .online = message_bool(show, "online", false),
		.covered = message_bool(show, "covered", false),
		.dnd = message_bool(show, "dnd", false), .counts = message_member(show, "duration_ms") != NULL,
		.since_us = now_us - (int64_t)message_number(show, "duration_ms", 0) * 1000,
	};
	calls_take(page, message_member(show, "calls"));
	troubles_take(page, message_member(show, "troubles"));
}

void page_finish(struct page *page)
{
	for (int i = 0; i < page->call_count; i++)
		g_free(page->calls[i].peer);
	for (int i = 0; i < page->trouble_count; i++)
		g_free(page->troubles[i]);
	g_free(page->room);
	g_free(page->account);
	g_free(page->peer);
	g_free(page->state);
	g_free(page->hint);
	*page = (struct page){ 0 };
}
