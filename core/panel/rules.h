/* rules: which verbs of the control socket a page may use, and which Origin a page may have. Pure. */
#ifndef CALLBOX_PANEL_RULES_H
#define CALLBOX_PANEL_RULES_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The bit of a word of the conf key `settings`; 0: no such word. */
unsigned int rules_group(const char *word);
/* All words, for a message. */
const char *rules_group_names(void);
/* The words whose bits are set, as a JSON array. Caller deletes. */
cJSON *rules_groups_json(unsigned int groups);

/* Why this request is not passed on, static text; NULL: it is. */
const char *rules_refuse(const char *method, const cJSON *params, unsigned int groups);

/* origin, host: of the request, NULL when it has none. own_host: what the panel listens on. allowed: words.
 * A browser always sends an Origin; what sends none is no browser, and only other defences hold it back.
 * On a loopback address the Host must be one too: a foreign name that was made to mean 127.0.0.1 is refused. */
bool rules_origin(const char *origin, const char *host, const char *own_host, const char *allowed);

#endif
