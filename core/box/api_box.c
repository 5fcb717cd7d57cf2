/* Verbs about the box: records, accounts, policy, events. */
#include <errno.h>
#include <string.h>

#include "core/base/message.h"
#include "core/box/api.h"
#include "core/box/events.h"
#include "core/box/line.h"
#include "core/box/standby.h"

static void verb_records(struct verb *v)
{
	int status = message_int(v->params, "status", 0);
	if (status < 0 || status > 5) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "status: %d is outside 0..5", status);
		return;
	}
	struct history_filter filter = {
		.peer = api_text(v, "peer"),
		.status = status,
		.since_ms = message_number(v->params, "since", 0),
		.until_ms = message_number(v->params, "until", 0),
		.limit = message_int(v->params, "limit", 100),
	};
	cJSON *result = cJSON_CreateObject();
	cJSON_AddItemToObject(result, "records", history_records(v->box->history, &filter));
	api_answer(v, 0, NULL, result);
}

static void verb_status(struct verb *v)
{
	api_answer(v, 0, NULL, box_state(v->box));
}

static void verb_subscribe(struct verb *v)
{
	control_subscribe(v->request);
}

/* One event, under the name that the client uses; several calls add up. */
static void listen(struct verb *v, bool on)
{
	const char *name = api_text(v, "event");
	const char *known = name ? event_name(name) : NULL;
	if (!known)
		control_error(v->request, CONTROL_INVALID_PARAMS, "event: %s%.40s%s; callboxd(8) lists them",
			      name ? "\"" : "a name is needed", name ? name : "", name ? "\" is no event" : "");
	else
		control_listen(v->request, known, on ? name : NULL);
}

static void verb_on(struct verb *v)
{
	listen(v, true);
}

static void verb_off(struct verb *v)
{
	listen(v, false);
}

static void verb_dnd(struct verb *v)
{
	double for_ms = message_number(v->params, "forMs", 0);
	bool on;
	if (!api_flag(v, "on", &on))
		return;
	if (for_ms < 0 || for_ms > 7.0 * 86400000) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "forMs: %.0f is outside 0..604800000", for_ms);
		return;
	}
	call_core_dnd(v->box->core, box_now_ms(), on, (int64_t)for_ms);
	api_answer(v, 0, NULL, NULL);
}

static void verb_standby(struct verb *v)
{
	bool on;
	if (!api_flag(v, "on", &on))
		return;
	if (standby_set(v->box->standby, on) < 0)
		api_wrong_state(v, "an idle box");
	else
		api_answer(v, 0, NULL, NULL);
}

/* A client may name a URL; a program to run only the administrator may, in the conf file. */
static void verb_token_service(struct verb *v)
{
	const char *url = api_text(v, "url");
	char *why = NULL;
	if (!url || (*url && !g_str_has_prefix(url, "https://") && !g_str_has_prefix(url, "http://"))) {
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "url: https://… is needed; a program is set as token_service in callbox.conf");
		return;
	}
	int r = token_check(url, &why);
	if (r == 0)
		token_set(v->box->token, url);
	api_answer(v, r, why, NULL);
}

static void verb_login(struct verb *v)
{
	const char *account = api_text(v, "account"), *token = api_text(v, "token");
	char *why = NULL;
	int r = lines_login(v->box, account, token, api_text(v, "server"), &why);
	api_answer(v, r, why, NULL);
}

static void verb_logout(struct verb *v)
{
	struct line *line = line_find(v->box, api_text(v, "account"));
	if (!line) {
		control_error(v->request, CONTROL_REFUSED, "account: this box has no such account");
		return;
	}
	line_logout(line);
	api_answer(v, 0, NULL, NULL);
}

const struct verb_row api_box_verbs[] = {
	{ "status", verb_status, false, "", "The whole present state." },
	{ "subscribe", verb_subscribe, false, "", "From now on this client gets the present state, then every event." },
	{ "on", verb_on, false, "event", "From now on this client gets this event." },
	{ "addDelegate", verb_on, false, "event", "The same." },
	{ "off", verb_off, false, "event", "No longer." },
	{ "removeDelegate", verb_off, false, "event", "The same." },
	{ "getCallRecords", verb_records, false, "peer, status 1..5, since, until, limit",
	  "The calls that were, newest first; since and until are milliseconds since the epoch;\n"
	  "limit: 100 where it is not said, 0 all of them." },
	{ "login", verb_login, true, "account, token, server",
	  "Logs in an account: one of the conf files again, or another one until the box is restarted." },
	{ "logout", verb_logout, true, "account", "Logs it out; its live call ends." },
	{ "setDnd", verb_dnd, true, "on, forMs", "Do not disturb, for a while or until it is switched off." },
	{ "standby", verb_standby, false, "on", "Standby by hand." },
	{ "setTokenService", verb_token_service, true, "url",
	  "Where media credentials come from until the box is restarted; empty: nowhere." },
	{ NULL, NULL, false, NULL, NULL },
};
