/* token: media credentials from the administrator's own service: a program, or a URL that callbox-fetch gets.
 * Either yields {"servers": [{"urls": [...], "username", "credential", "ttl_s"}]}. Asked at the start and again when
 * half of the shortest ttl_s is over, so that no call waits for it. Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_TOKEN_H
#define CALLBOX_BOX_TOKEN_H

#include <cjson/cJSON.h>

struct token;

#define TOKEN_LIMIT_MS 5000

/* service: an absolute command line, https://…, http:// on loopback; NULL or "": none. 0, or -EINVAL and why. */
int token_check(const char *service, char **ret_why);
/* service must have passed token_check(). Never NULL. */
struct token *token_create(const char *service);
void token_destroy(struct token *token);
/* From now on another service. */
void token_set(struct token *token, const char *service);

/* The servers of the last good answer that is not out of date, an array; NULL: none. Borrowed. */
const cJSON *token_servers(const struct token *token);
/* NULL: there is no service, or it works; else what is wrong with it. Borrowed. */
const char *token_trouble(const struct token *token);

#endif
