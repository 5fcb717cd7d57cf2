/* panel_conf: the settings of callbox-panel, read once at its start. Owner: main(). */
#ifndef CALLBOX_PANEL_PANEL_CONF_H
#define CALLBOX_PANEL_PANEL_CONF_H

#include "core/base/settings.h"

enum panel_language { PANEL_LANGUAGE_AUTO, PANEL_LANGUAGE_EN, PANEL_LANGUAGE_ZH };
extern const char *const panel_language_names[];

struct panel_conf {
	char *listen, *control_socket, *certificate, *private_key, *token_file, *origins, *settings;
	int language, clients, pictures_a_second, picture_width;
	/* made of these */
	char *host, *token;
	int port;
	unsigned int groups; /* of rules.h */
};

extern const struct setting panel_conf_table[];

/* On failure -errno and *ret_error (caller frees), naming file, line and key; nothing is set. */
int panel_conf_load(const char *file, struct panel_conf *conf, char **ret_error);
void panel_conf_clear(struct panel_conf *conf);

/* Whether only this machine can reach the address. */
bool panel_host_is_loopback(const char *host);

#endif
