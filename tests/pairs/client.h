/* client: a control-socket client of one box for tests: JSON-RPC calls that wait for their answer, and
 * the notifications kept in order until a test takes them. Owner and thread: the test. */
#ifndef CALLBOX_TESTS_PAIRS_CLIENT_H
#define CALLBOX_TESTS_PAIRS_CLIENT_H

#include <cjson/cJSON.h>

struct client;

/* Connects and subscribes to events. Fails the test when the socket does not answer in 10 s. */
struct client *client_open(const char *socket_path);
void client_close(struct client *client);

/* Calls a method; params is taken (NULL: none). Returns the result (caller deletes); an error answer
 * gives NULL and its message in *ret_error (caller frees), or fails the test when ret_error is NULL. */
cJSON *client_call(struct client *client, const char *method, cJSON *params, char **ret_error);

/* Takes the first kept or coming notification of this name; NULL after limit_ms. Caller deletes the
 * params object. Earlier notifications of other names stay kept. */
cJSON *client_take(struct client *client, const char *event, int limit_ms);
/* The same, but its absence fails the test. */
cJSON *client_expect(struct client *client, const char *event);
/* Number of kept notifications of this name, after reading what is there now. */
unsigned int client_count(struct client *client, const char *event);
/* Drops every notification that is kept or there now. */
void client_forget(struct client *client);

#endif
