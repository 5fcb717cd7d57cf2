#include "core/panel/rules.h"

#include <glib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/panel/panel_conf.h"

enum group { ALWAYS = 0, DND = 1, TIMEOUT = 2, PROFILE = 4, DEVICES = 8, ACCOUNT = 16, VOLUME = 32 };

static const struct { const char *word; enum group group; } words[] = {
	{ "dnd", DND }, { "timeout", TIMEOUT }, { "profile", PROFILE }, { "devices", DEVICES },
	{ "volume", VOLUME }, { "account", ACCOUNT },
};

/* What writes files or names programs and servers is not here: setupLocalView, setupRemoteView, snapshot,
 * setTokenService. */
static const struct { const char *method; enum group group; } methods[] = {
	{ "call", ALWAYS },	      { "cancel", ALWAYS },	      { "accept", ALWAYS },
	{ "reject", ALWAYS },	      { "ignore", ALWAYS },	      { "hangup", ALWAYS },
	{ "switchCallType", ALWAYS }, { "prolong", ALWAYS },	      { "getCallInfo", ALWAYS },
	{ "getRoomInfo", ALWAYS },    { "muteLocalAudio", ALWAYS },   { "muteLocalVideo", ALWAYS },
	{ "enableLocalAudio", ALWAYS }, { "enableLocalVideo", ALWAYS }, { "setAudioMute", ALWAYS },
	{ "getDevices", ALWAYS },     { "preview", ALWAYS },	      { "stats", ALWAYS },
	{ "status", ALWAYS },	      { "subscribe", ALWAYS },	      { "on", ALWAYS },
	{ "off", ALWAYS },	      { "addDelegate", ALWAYS },      { "removeDelegate", ALWAYS },
	{ "getCallRecords", ALWAYS }, { "standby", ALWAYS },	      { "getVolume", ALWAYS },	      { "setDnd", DND },
	{ "setVolume", VOLUME },
	{ "setCallTimeout", TIMEOUT }, { "setCallProfile", PROFILE }, { "switchDevice", DEVICES },
	{ "login", ACCOUNT },	      { "logout", ACCOUNT },
};

unsigned int rules_group(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].group;
	return 0;
}

const char *rules_group_names(void)
{
	return "dnd, timeout, profile, devices, volume, account";
}

cJSON *rules_groups_json(unsigned int groups)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (groups & words[i].group)
			cJSON_AddItemToArray(list, cJSON_CreateString(words[i].word));
	return list;
}

/* A page may choose among real devices; files are the administrator's. */
static bool names_a_file(const cJSON *params)
{
	static const char *const drivers[] = { "v4l2:", "alsa:", "pattern:", "tone:", "null:" };
	const char *id = message_string(params, "id", "");
	for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++)
		if (g_str_has_prefix(id, drivers[i]))
			return false;
	return true;
}

const char *rules_refuse(const char *method, const cJSON *params, unsigned int groups)
{
	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
		if (strcmp(method, methods[i].method) != 0)
			continue;
		if (methods[i].group != ALWAYS && !(groups & methods[i].group))
			return "the panel's configuration does not allow this: settings in panel.conf";
		if (strcmp(method, "switchDevice") == 0 && names_a_file(params))
			return "id: a page may only choose v4l2:, alsa:, pattern:, tone: and null: devices";
		return NULL;
	}
	return "the panel passes no such method on";
}

/* The host of "host:port" or "[v6]:port". */
static char *host_of(const char *authority)
{
	const char *end = authority[0] == '[' ? strchr(authority, ']') : NULL;
	if (end)
		return g_strndup(authority + 1, (gsize)(end - authority - 1));
	return g_strndup(authority, strcspn(authority, ":/"));
}

static bool list_has(const char *list, const char *word)
{
	g_auto(GStrv) all = g_strsplit_set(list ? list : "", " \t", -1);
	return g_strv_contains((const char *const *)all, word);
}

bool rules_origin(const char *origin, const char *host, const char *own_host, const char *allowed)
{
	if (!host || !host[0])
		return false;
	g_autofree char *name = host_of(host);
	if (panel_host_is_loopback(own_host) && !panel_host_is_loopback(name))
		return false;
	if (!origin || !origin[0] || list_has(allowed, origin))
		return true;
	const char *authority = strstr(origin, "://");
	return authority && g_ascii_strcasecmp(authority + 3, host) == 0;
}
