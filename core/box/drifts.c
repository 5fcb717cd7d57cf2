#include "core/box/drifts.h"

#include <glib.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/message.h"

#define LIMIT 1000000 /* 1000 ppm */

static cJSON *pair_new(const char *microphone, const char *speaker, int nanos)
{
	cJSON *pair = cJSON_CreateObject();
	cJSON_AddStringToObject(pair, "microphone", microphone);
	cJSON_AddStringToObject(pair, "speaker", speaker);
	cJSON_AddNumberToObject(pair, "nanos", nanos);
	return pair;
}

/* "NANOS TAB MICROPHONE TAB SPEAKER" */
cJSON *drifts_load(const char *state_dir)
{
	cJSON *pairs = cJSON_CreateArray();
	g_autofree char *file = g_build_filename(state_dir, "drift", NULL), *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return pairs;
	g_auto(GStrv) lines = g_strsplit(text, "\n", DRIFTS_MAX + 1);
	for (char **line = lines; *line && cJSON_GetArraySize(pairs) < DRIFTS_MAX; line++) {
		g_auto(GStrv) words = g_strsplit(*line, "\t", -1);
		char *end;
		if (g_strv_length(words) != 3)
			continue;
		long nanos = strtol(words[0], &end, 10);
		if (*end || end == words[0] || nanos < -LIMIT || nanos > LIMIT || !g_utf8_validate(*line, -1, NULL))
			continue;
		cJSON_AddItemToArray(pairs, pair_new(words[1], words[2], (int)nanos));
	}
	return pairs;
}

void drifts_put(const char *state_dir, const char *microphone, const char *speaker, int nanos)
{
	g_autofree char *file = g_build_filename(state_dir, "drift", NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	cJSON *pairs = drifts_load(state_dir);
	const cJSON *one;
	int n = 1;
	g_string_append_printf(text, "%d\t%s\t%s\n", nanos, microphone, speaker);
	cJSON_ArrayForEach(one, pairs) {
		const char *m = message_string(one, "microphone", ""), *s = message_string(one, "speaker", "");
		if ((g_str_equal(m, microphone) && g_str_equal(s, speaker)) || ++n > DRIFTS_MAX)
			continue;
		g_string_append_printf(text, "%d\t%s\t%s\n", message_int(one, "nanos", 0), m, s);
	}
	cJSON_Delete(pairs);
	if (!g_file_set_contents(file, text->str, (gssize)text->len, &error))
		log_once(LOG_LEVEL_WARNING, "drift: %s", error->message);
}
