/* line: one account: its provider process, started again with growing pauses when it dies, its connection's
 * state, and the commands that wait for a result. Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_LINE_H
#define CALLBOX_BOX_LINE_H

#include <cjson/cJSON.h>

#include "core/box/box.h"

struct line *line_create(struct box *box, const struct account_conf *conf);
void line_start(struct line *line);
void line_stop(struct line *line);
void line_destroy(struct line *line);

/* By hand: its live call ends, then the connection. */
void line_logout(struct line *line);
/* Logs an account in: one that the box has, with the token of its file when token is NULL, or a new one with the
 * server (NULL: that of the first account) and device name of the others. 0, or a negative errno and why. */
int lines_login(struct box *box, const char *account, const char *token, const char *server, char **ret_error);

const char *line_account(const struct line *line);
struct line *line_find(struct box *box, const char *account);
/* A message of the core to the account's network; kept and sent again when the provider process dies before
 * it said that the message went out. */
void line_send(struct line *line, const struct call_output *output);
/* Servers for media as the network gave them, an array; borrowed. */
const cJSON *line_ice_servers(const struct line *line);
/* {account, device, provider, server, state, message, capabilities} */
cJSON *line_json(const struct line *line);

#endif
