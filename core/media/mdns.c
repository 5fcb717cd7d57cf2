#include "core/media/mdns.h"

#include <gio/gio.h>
#include <string.h>

#include "core/base/log.h"

#define NAMES_MAX 16 /* of one call: a peer makes us ask */
#define ADDRESS_WORD 4 /* candidate:foundation component transport priority ADDRESS port … */

struct mdns {
	void (*known)(const char *candidate, void *context, void *data);
	void (*context_free)(void *context);
	void *data;
	GCancellable *cancellable;
	unsigned int asked;
	bool link; /* the host's resolver asks the link */
};

struct question {
	struct mdns *mdns; /* gone when cancelled */
	void (*context_free)(void *context);
	void *context;
	char **words;
};

static bool resolver_asks_link(void)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents("/etc/nsswitch.conf", &text, NULL, NULL))
		return false;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, "hosts:"))
			return strstr(*line, "mdns") || strstr(*line, "resolve");
	return false;
}

struct mdns *mdns_create(void (*known)(const char *candidate, void *context, void *data), void (*context_free)(void *),
			 void *data)
{
	struct mdns *mdns = g_new0(struct mdns, 1);
	mdns->known = known;
	mdns->context_free = context_free;
	mdns->data = data;
	mdns->cancellable = g_cancellable_new();
	mdns->link = resolver_asks_link();
	return mdns;
}

void mdns_destroy(struct mdns *mdns)
{
	if (!mdns)
		return;
	g_cancellable_cancel(mdns->cancellable);
	g_object_unref(mdns->cancellable);
	g_free(mdns);
}

bool mdns_is_name(const char *candidate)
{
	return strstr(candidate, ".local ") != NULL;
}

/* "550e8400-e29b-41d4-a716-446655440000.local": no other name is asked for. */
static bool is_browsers(const char *name)
{
	return strlen(name) == 42 && strspn(name, "0123456789abcdefABCDEF-") == 36 && strcmp(name + 36, ".local") == 0;
}

static void question_free(struct question *question)
{
	if (question->context)
		question->context_free(question->context);
	g_strfreev(question->words);
	g_free(question);
}

static void on_answer(GObject *resolver, GAsyncResult *result, void *data)
{
	struct question *question = data;
	g_autoptr(GError) error = NULL;
	GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
	if (found) {
		char **address = &question->words[ADDRESS_WORD];
		g_free(*address);
		*address = g_inet_address_to_string(found->data);
		g_autofree char *candidate = g_strjoinv(" ", question->words);
		void *context = question->context;
		question->context = NULL;
		question->mdns->known(candidate, context, question->mdns->data);
		g_resolver_free_addresses(found);
	} else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		log_debug("mdns: %s", error->message);
	}
	question_free(question);
}

void mdns_put(struct mdns *mdns, const char *candidate, void *context)
{
	struct question *question = g_new0(struct question, 1);
	question->mdns = mdns;
	question->context_free = mdns->context_free;
	question->context = context;
	question->words = g_strsplit(candidate, " ", -1);
	if (!mdns->link || mdns->asked >= NAMES_MAX || g_strv_length(question->words) <= ADDRESS_WORD ||
	    !is_browsers(question->words[ADDRESS_WORD])) {
		question_free(question);
		return;
	}
	mdns->asked++;
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	g_resolver_lookup_by_name_async(resolver, question->words[ADDRESS_WORD], mdns->cancellable, on_answer,
					question);
}
