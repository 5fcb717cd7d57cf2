/* callboxctl: the command line of a box: one verb, one answer; `watch` prints events as they come. */
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/message.h"
#include "core/base/paths.h"
#include "core/ctl/ctl.h"

static const char *const exit_help =
	"exit codes: 0 done · 1 refused by the box, or doctor found something wrong · 2 no box answers ·\n"
	"            64 wrong usage · call --wait: 3 rejected, 4 timed out, 5 busy, 6 failed\n";

#define CALLED_MAX 32 /* accounts of one call, as callboxd has it */

struct ctl {
	const char *socket;
	int fd;
	GString *in;
	int next_id;
	bool json;
	char **words; /* of the command, without options */
	int count;
	const char *type, *attachment, *wait, *peer, *limit, *call_id, *since, *until, *status, *account, *group;
	const char *users;
	bool csv;
};

static int connect_box(struct ctl *ctl)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(ctl->socket) >= sizeof(address.sun_path))
		return fail(EXIT_NO_BOX, "%s: name too long for a socket", ctl->socket);
	memcpy(address.sun_path, ctl->socket, strlen(ctl->socket) + 1);
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ctl->fd < 0 || connect(ctl->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(EXIT_NO_BOX, "%s: no box answers: %s", ctl->socket, g_strerror(errno));
	ctl->in = g_string_new(NULL);
	return 0;
}

/* The next line as JSON; NULL when the box has gone. */
static cJSON *next_line(struct ctl *ctl)
{
	for (;;) {
		char *newline = memchr(ctl->in->str, '\n', ctl->in->len);
		if (newline) {
			size_t length = (size_t)(newline - ctl->in->str);
			cJSON *json = cJSON_ParseWithLength(ctl->in->str, length);
			g_string_erase(ctl->in, 0, (gssize)length + 1);
			return json;
		}
		char buffer[16384];
		ssize_t n = read(ctl->fd, buffer, sizeof(buffer));
		if (n <= 0)
			return NULL;
		g_string_append_len(ctl->in, buffer, n);
	}
}

static int send_request(struct ctl *ctl, const char *method, cJSON *params)
{
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(request, "id", ++ctl->next_id);
	cJSON_AddStringToObject(request, "method", method);
	cJSON_AddItemToObject(request, "params", params ? params : cJSON_CreateObject());
	char *text = cJSON_PrintUnformatted(request);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	cJSON_free(text);
	cJSON_Delete(request);
	size_t length = strlen(line);
	for (size_t at = 0; at < length;) {
		ssize_t n = send(ctl->fd, line + at, length - at, MSG_NOSIGNAL);
		if (n < 0)
			return fail(EXIT_NO_BOX, "%s: %s", ctl->socket, g_strerror(errno));
		at += (size_t)n;
	}
	return 0;
}

/* The answer's result in *ret_result (caller deletes); notifications before it are dropped. */
static int ask(struct ctl *ctl, const char *method, cJSON *params, cJSON **ret_result)
{
	int r = send_request(ctl, method, params);
	if (r)
		return r;
	for (;;) {
		cJSON *json = next_line(ctl);
		if (!json)
			return fail(EXIT_NO_BOX, "%s: the box has gone", ctl->socket);
		if (message_int(json, "id", -1) != ctl->next_id) {
			cJSON_Delete(json);
			continue;
		}
		const cJSON *error = message_member(json, "error");
		if (error)
			r = fail(EXIT_REFUSED, "%s: %s", method, message_string(error, "message", "refused"));
		else
			*ret_result = cJSON_DetachItemFromObject(json, "result");
		cJSON_Delete(json);
		return r;
	}
}

static void print_json(const cJSON *json, bool pretty)
{
	char *text = pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
	puts(text);
	fflush(stdout);
	cJSON_free(text);
}

static int simple(struct ctl *ctl, const char *method, cJSON *params)
{
	cJSON *result = NULL;
	int r = ask(ctl, method, params, &result);
	if (r == 0 && ctl->json)
		print_json(result, true);
	cJSON_Delete(result);
	return r;
}

static cJSON *one_text(const char *name, const char *value)
{
	cJSON *params = cJSON_CreateObject();
	if (value)
		cJSON_AddStringToObject(params, name, value);
	return params;
}

static int type_parse(const char *text, int *ret_type)
{
	static const char *const names[] = { "audio", "video", "other" };
	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*ret_type = i + 1;
			return 0;
		}
	return fail(EXIT_USAGE, "--type: \"%s\" is none of audio, video, other", text);
}

/* ---- commands ---- */

static int end_code(int reason)
{
	switch (reason) {
	case 14: return EXIT_REJECTED;
	case 2: return EXIT_TIMED_OUT;
	case 3: return EXIT_BUSY;
	case 15: case 16: return 0;
	default: return EXIT_FAILED;
	}
}

/* Follows the call of this id until it is connected, or over. */
static int follow(struct ctl *ctl, const char *first_id, bool to_end)
{
	g_autofree char *call_id = g_strdup(first_id);
	for (cJSON *json; (json = next_line(ctl)); cJSON_Delete(json)) {
		const char *event = message_string(json, "method", "");
		const cJSON *params = message_member(json, "params");
		/* Both called each other: the other call goes on in place of mine. */
		if (strcmp(event, "onCallReplaced") == 0 &&
		    strcmp(message_string(params, "replaced", ""), call_id) == 0) {
			g_free(call_id);
			call_id = g_strdup(message_string(params, "callId", ""));
		}
		if (strcmp(event, "onCallNext") == 0 && strcmp(message_string(params, "previous", ""), call_id) == 0) {
			g_free(call_id);
			call_id = g_strdup(message_string(params, "callId", ""));
			say("%s: %s is asked\n", call_id, message_string(params, "userId", ""));
		}
		if (strcmp(message_string(params, "callId", ""), call_id) != 0)
			continue;
		if (ctl->json)
			print_json(json, false);
		if (strcmp(event, "onUserEnter") == 0 && !to_end) {
			cJSON_Delete(json);
			return 0;
		}
		if (strcmp(event, "onCallEnd") == 0) {
			int reason = message_int(params, "reasonCode", 0);
			say("%s: %s\n", call_id, message_string(params, "message", ""));
			cJSON_Delete(json);
			return end_code(reason);
		}
	}
	return fail(EXIT_NO_BOX, "the box has gone");
}

static cJSON *call_params(const struct ctl *ctl)
{
	cJSON *params = one_text("userId", ctl->count > 1 ? NULL : ctl->words[0]);
	if (ctl->account)
		cJSON_AddStringToObject(params, "account", ctl->account);
	if (ctl->group) {
		cJSON_AddStringToObject(params, "groupId", ctl->group);
		cJSON_AddBoolToObject(params, "isFromGroup", true);
	}
	if (ctl->count > 1) {
		cJSON_AddItemToObject(params, "userIds",
				      cJSON_CreateStringArray((const char *const *)ctl->words, ctl->count));
	} else if (ctl->users) {
		g_auto(GStrv) users = g_strsplit(ctl->users, ",", -1);
		cJSON_AddItemToObject(params, "userIds",
				      cJSON_CreateStringArray((const char *const *)users,
							      (int)g_strv_length(users)));
	}
	return params;
}

static int command_call(struct ctl *ctl)
{
	cJSON *params = call_params(ctl), *result = NULL;
	int type = 2, r = 0;
	if (ctl->type)
		r = type_parse(ctl->type, &type);
	cJSON_AddNumberToObject(params, "type", type);
	if (r == 0 && ctl->attachment) {
		cJSON *attachment = cJSON_Parse(ctl->attachment);
		if (attachment)
			cJSON_AddItemToObject(params, "attachment", attachment);
		else
			r = fail(EXIT_USAGE, "--attachment: not JSON: %s", ctl->attachment);
	}
	if (r == 0 && ctl->wait && strcmp(ctl->wait, "connected") != 0 && strcmp(ctl->wait, "end") != 0)
		r = fail(EXIT_USAGE, "--wait: \"%s\" is neither connected nor end", ctl->wait);
	if (r) {
		cJSON_Delete(params);
		return r;
	}
	if (ctl->wait)
		r = simple(ctl, "subscribe", NULL);
	if (r == 0)
		r = ask(ctl, "call", params, &result);
	if (r == 0) {
		g_autofree char *id = g_strdup(message_string(result, "callId", ""));
		puts(id);
		fflush(stdout);
		if (ctl->wait)
			r = follow(ctl, id, strcmp(ctl->wait, "end") == 0);
	}
	cJSON_Delete(result);
	return r;
}

static int command_accept(struct ctl *ctl)
{
	cJSON *params = one_text("callId", ctl->call_id);
	int type = 0, r = ctl->type ? type_parse(ctl->type, &type) : 0;
	if (type)
		cJSON_AddNumberToObject(params, "type", type);
	if (r) {
		cJSON_Delete(params);
		return r;
	}
	return simple(ctl, "accept", params);
}

static int command_reject(struct ctl *ctl)
{
	return simple(ctl, "reject", one_text("callId", ctl->call_id));
}

static int command_cancel(struct ctl *ctl)
{
	return simple(ctl, "cancel", one_text("callId", ctl->call_id));
}

static int command_hangup(struct ctl *ctl)
{
	return simple(ctl, "hangup", one_text("callId", ctl->call_id));
}

static int command_ignore(struct ctl *ctl)
{
	return simple(ctl, "ignore", one_text("callId", ctl->call_id));
}

static int command_prolong(struct ctl *ctl)
{
	return simple(ctl, "prolong", NULL);
}

static int on_off_word(const char *command, const char *word, bool *ret_on)
{
	*ret_on = strcmp(word, "on") == 0;
	return *ret_on || strcmp(word, "off") == 0 ? 0 : fail(EXIT_USAGE, "%s: on or off is needed, not \"%s\"",
							      command, word);
}

static int command_dnd(struct ctl *ctl)
{
	bool on;
	double for_ms = 0;
	int r = on_off_word("dnd", ctl->words[0], &on);
	if (r == 0 && ctl->count > 1 && (!on || duration_parse(ctl->words[1], &for_ms) < 0))
		r = fail(EXIT_USAGE, "dnd: on 90min, on 2h: \"%s\" is no time for which", ctl->words[1]);
	if (r)
		return r;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", on);
	cJSON_AddNumberToObject(params, "forMs", for_ms);
	return simple(ctl, "setDnd", params);
}

static int command_standby(struct ctl *ctl)
{
	bool on;
	int r = on_off_word("standby", ctl->words[0], &on);
	if (r)
		return r;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", on);
	return simple(ctl, "standby", params);
}

/* The token comes from standard input: it must not stand in the process list. */
static int command_login(struct ctl *ctl)
{
	char token[1026] = "";
	cJSON *params = one_text("account", ctl->words[0]);
	if (ctl->count > 1)
		cJSON_AddStringToObject(params, "server", ctl->words[1]);
	if (!isatty(STDIN_FILENO) && fgets(token, sizeof(token), stdin))
		token[strcspn(token, "\r\n")] = '\0';
	if (token[0])
		cJSON_AddStringToObject(params, "token", token);
	explicit_bzero(token, sizeof(token));
	return simple(ctl, "login", params);
}

static int command_logout(struct ctl *ctl)
{
	return simple(ctl, "logout", one_text("account", ctl->words[0]));
}

static int command_token_service(struct ctl *ctl)
{
	return simple(ctl, "setTokenService", one_text("url", ctl->words[0]));
}

static int command_profile(struct ctl *ctl)
{
	cJSON *params = one_text("resolution", ctl->words[0]);
	char *end = NULL;
	double rate = ctl->count > 1 ? strtod(ctl->words[1], &end) : 0;
	if (end && (end == ctl->words[1] || *end)) {
		cJSON_Delete(params);
		return fail(EXIT_USAGE, "profile: \"%s\" is no number of pictures a second", ctl->words[1]);
	}
	if (end)
		cJSON_AddNumberToObject(params, "frameRate", rate);
	if (ctl->count > 2)
		cJSON_AddStringToObject(params, "quality", ctl->words[2]);
	return simple(ctl, "setCallProfile", params);
}

static int command_records(struct ctl *ctl)
{
	const struct records_options options = {
		.peer = ctl->peer, .limit = ctl->limit, .since = ctl->since, .until = ctl->until,
		.status = ctl->status,
	};
	char *why = NULL;
	cJSON *params = records_filter(&options, &why), *result = NULL;
	if (!params) {
		int r = fail(EXIT_USAGE, "records: %s", why);
		g_free(why);
		return r;
	}
	int r = ask(ctl, "getCallRecords", params, &result);
	const cJSON *records = message_member(result, "records");
	if (r == 0 && ctl->json)
		print_json(records, true);
	else if (r == 0 && ctl->csv)
		records_print_csv(records);
	else if (r == 0)
		records_print(records);
	cJSON_Delete(result);
	return r;
}

static int command_timeout(struct ctl *ctl)
{
	char *end;
	double ms = strtod(ctl->words[0], &end);
	if (*end || end == ctl->words[0])
		return fail(EXIT_USAGE, "set-timeout: \"%s\" is no number of milliseconds", ctl->words[0]);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "ms", ms);
	return simple(ctl, "setCallTimeout", params);
}

/* "audio on": which of two methods, and the flag. */
static int on_off(struct ctl *ctl, const char *audio_method, const char *video_method)
{
	const char *what = ctl->words[0], *value = ctl->words[1];
	bool audio = strcmp(what, "audio") == 0, on = strcmp(value, "on") == 0;
	if ((!audio && strcmp(what, "video") != 0) || (!on && strcmp(value, "off") != 0))
		return fail(EXIT_USAGE, "audio|video on|off is needed, not \"%s %s\"", what, value);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", on);
	return simple(ctl, audio ? audio_method : video_method, params);
}

static int command_mute(struct ctl *ctl)
{
	return on_off(ctl, "muteLocalAudio", "muteLocalVideo");
}

static int command_enable(struct ctl *ctl)
{
	return on_off(ctl, "enableLocalAudio", "enableLocalVideo");
}

static int command_switch_type(struct ctl *ctl)
{
	static const char *const states[] = { "ask", "agree", "refuse" };
	int type = 0, state = 0;
	int r = type_parse(ctl->words[0], &type);
	if (r)
		return r;
	for (int i = 0; i < 3; i++)
		if (strcmp(ctl->count > 1 ? ctl->words[1] : "ask", states[i]) == 0)
			state = i + 1;
	if (state == 0)
		return fail(EXIT_USAGE, "switch-type: \"%s\" is none of ask, agree, refuse", ctl->words[1]);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "type", type);
	cJSON_AddNumberToObject(params, "state", state);
	return simple(ctl, "switchCallType", params);
}

/* A direction that can be used has no words. */
static void card_print(const cJSON *card)
{
	say("found       %s  %s", message_string(card, "id", ""), message_string(card, "name", ""));
	for (int i = 0; i < 2; i++) {
		const char *kind = i ? "speaker" : "microphone", *trouble = message_string(card, kind, "");
		say("%s %s", i ? ";" : ":", trouble[0] ? trouble : kind);
	}
	say("\n");
}

static int command_devices(struct ctl *ctl)
{
	cJSON *result = NULL;
	int r = ask(ctl, "getDevices", NULL, &result);
	if (r == 0 && ctl->json) {
		print_json(result, true);
	} else if (r == 0) {
		static const char *const kinds[] = { "camera", "microphone", "speaker" };
		for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
			say("%-10s  %s\n", kinds[i], message_string(result, kinds[i], ""));
		const cJSON *one;
		cJSON_ArrayForEach(one, message_member(result, "cameras"))
			say("found       %s  %s\n", message_string(one, "id", ""),
			    message_string(one, "name", ""));
		cJSON_ArrayForEach(one, message_member(result, "soundCards"))
			card_print(one);
	}
	cJSON_Delete(result);
	return r;
}

static int command_set_volume(struct ctl *ctl)
{
	char *end;
	double percent = strtod(ctl->words[1], &end);
	if (*end || end == ctl->words[1] || percent < 0 || percent > 100)
		return fail(EXIT_USAGE, "set-volume: \"%s\" is no number from 0 to 100", ctl->words[1]);
	cJSON *params = one_text("kind", ctl->words[0]);
	cJSON_AddNumberToObject(params, "percent", (int)percent);
	return simple(ctl, "setVolume", params);
}

static int command_get_volume(struct ctl *ctl)
{
	cJSON *result = NULL;
	int r = ask(ctl, "getVolume", NULL, &result);
	const cJSON *one;
	if (r == 0 && ctl->json)
		print_json(result, true);
	else if (r == 0)
		cJSON_ArrayForEach(one, result)
			printf("%-10s  %3d %%%s  %s\n", one->string, message_int(one, "percent", 0),
			       message_bool(one, "on", true) ? "" : " (switched off)",
			       message_bool(one, "mixer", false) ? message_string(one, "name", "") : "no mixer");
	cJSON_Delete(result);
	return r;
}

static int command_switch(struct ctl *ctl)
{
	cJSON *params = one_text("kind", ctl->words[0]);
	cJSON_AddStringToObject(params, "id", ctl->words[1]);
	return simple(ctl, "switchDevice", params);
}

static int command_view(struct ctl *ctl)
{
	bool local = strcmp(ctl->words[0], "local") == 0;
	if (!local && strcmp(ctl->words[0], "remote") != 0)
		return fail(EXIT_USAGE, "view: \"%s\" is neither local nor remote", ctl->words[0]);
	return simple(ctl, local ? "setupLocalView" : "setupRemoteView", one_text("view", ctl->words[1]));
}

static void call_print(const cJSON *call)
{
	static const char *const types[] = { "?", "audio", "video", "other" };
	int type = message_int(call, "type", 0);
	say("  %s, %s %s, %s, %.0f s", message_string(call, "state", ""),
	    strcmp(message_string(call, "direction", ""), "out") == 0 ? "to" : "from",
	    message_string(call, "userId", ""), types[type >= 1 && type <= 3 ? type : 0],
	    message_number(call, "ageMs", 0) / 1000);
	if (message_member(call, "askedType"))
		say("; asks for %s", types[CLAMP(message_int(call, "askedType", 0), 0, 3)]);
}

static void status_print(const cJSON *status)
{
	static const struct { const char *name; bool when; const char *text; } facts[] = {
		{ "preview", true, "preview" }, { "audioMuted", true, "microphone muted" },
		{ "videoMuted", true, "camera covered" }, { "audioEnabled", false, "microphone off" },
		{ "videoEnabled", false, "camera off" }, { "peerSilenced", true, "the other side is not played" },
		{ "dnd", true, "do not disturb" },
		{ "standby", true, "standby" },
	};
	const cJSON *call = message_member(status, "call"), *waiting = message_member(status, "waiting"), *one;
	say("%s", message_string(status, "status", "?"));
	if (call)
		call_print(call);
	say("\n");
	if (waiting)
		say("beside it: %s, with %s\n", message_bool(waiting, "held", false) ? "held" : "ringing",
		    message_string(waiting, "userId", ""));
	for (size_t i = 0; i < G_N_ELEMENTS(facts); i++)
		if (message_bool(status, facts[i].name, !facts[i].when) == facts[i].when)
			say("%s\n", facts[i].text);
	if (message_string(status, "tokenService", NULL))
		say("token service: %s\n", message_string(status, "tokenService", ""));
	cJSON_ArrayForEach(one, message_member(status, "accounts"))
		say("account %s (%s): %s, %s\n", message_string(one, "account", ""),
		    message_string(one, "device", ""), message_string(one, "state", ""),
		    message_string(one, "message", ""));
}

static int command_status(struct ctl *ctl)
{
	cJSON *result = NULL;
	int r = ask(ctl, "status", NULL, &result);
	if (r == 0 && ctl->json) {
		print_json(result, true);
	} else if (r == 0) {
		status_print(result);
	}
	cJSON_Delete(result);
	return r;
}

static void flat_print(const cJSON *json, const char *prefix)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, json) {
		g_autofree char *name = prefix[0] ? g_strdup_printf("%s.%s", prefix, one->string)
						  : g_strdup(one->string);
		if (cJSON_IsObject(one)) {
			flat_print(one, name);
			continue;
		}
		char *text = cJSON_PrintUnformatted(one);
		say("%-32s %s\n", name, text);
		cJSON_free(text);
	}
}

/* A question whose answer is printed, one value a line. */
static int question(struct ctl *ctl, const char *method)
{
	cJSON *result = NULL;
	int r = ask(ctl, method, NULL, &result);
	if (r == 0 && ctl->json)
		print_json(result, true);
	else if (r == 0)
		flat_print(result, "");
	cJSON_Delete(result);
	return r;
}

static int command_stats(struct ctl *ctl)
{
	return question(ctl, "stats");
}

static int command_info(struct ctl *ctl)
{
	return question(ctl, "getCallInfo");
}

static int command_room(struct ctl *ctl)
{
	return question(ctl, "getRoomInfo");
}

/* What the other side says is not played here. */
static int command_silence(struct ctl *ctl)
{
	bool on;
	int r = on_off_word("silence", ctl->words[0], &on);
	if (r)
		return r;
	cJSON *params = one_text("userId", ctl->count > 1 ? ctl->words[1] : NULL);
	cJSON_AddBoolToObject(params, "on", on);
	return simple(ctl, "setAudioMute", params);
}

static int command_snapshot(struct ctl *ctl)
{
	g_autofree char *file = g_canonicalize_filename(ctl->words[1], NULL);
	cJSON *params = one_text("which", ctl->words[0]);
	cJSON_AddStringToObject(params, "file", file);
	return simple(ctl, "snapshot", params);
}

static int command_preview(struct ctl *ctl)
{
	bool on;
	int r = on_off_word("preview", ctl->words[0], &on);
	if (r)
		return r;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", on);
	return simple(ctl, "preview", params);
}

static int command_camera_controls(struct ctl *ctl)
{
	cJSON *result = NULL;
	int r = ask(ctl, "getCameraControls", NULL, &result);
	const cJSON *one, *controls = message_member(result, "controls");
	if (r == 0 && ctl->json)
		print_json(controls, true);
	else if (r == 0)
		cJSON_ArrayForEach(one, controls) {
			const char *item = message_string(one, "item", "");
			printf("%-32s %-6s %d%s%s  (%d to %d, step %d, default %d)%s%s\n",
			       message_string(one, "name", ""), message_string(one, "type", ""),
			       message_int(one, "value", 0), item[0] ? " = " : "", item, message_int(one, "min", 0),
			       message_int(one, "max", 0), message_int(one, "step", 0),
			       message_int(one, "default", 0), message_member(one, "note") ? " " : "",
			       message_string(one, "note", ""));
		}
	cJSON_Delete(result);
	return r;
}

static int command_camera_set(struct ctl *ctl)
{
	cJSON *params = one_text("name", ctl->words[0]);
	cJSON_AddStringToObject(params, "value", ctl->words[1]);
	return simple(ctl, "setCameraControl", params);
}

static int command_camera_preset(struct ctl *ctl)
{
	return simple(ctl, "setCameraPreset", one_text("name", ctl->words[0]));
}

static int command_watch(struct ctl *ctl)
{
	int r = send_request(ctl, "subscribe", NULL);
	if (r)
		return r;
	for (cJSON *json; (json = next_line(ctl)); cJSON_Delete(json)) {
		const char *event = message_string(json, "method", NULL);
		if (!event)
			continue;
		cJSON *line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "event", event);
		const cJSON *one;
		cJSON_ArrayForEach(one, message_member(json, "params"))
			cJSON_AddItemToObject(line, one->string, cJSON_Duplicate(one, true));
		print_json(line, false);
		cJSON_Delete(line);
	}
	return fail(EXIT_NO_BOX, "%s: the box has gone", ctl->socket);
}

static int command_doctor(struct ctl *ctl)
{
	int trouble = doctor_machine();
	if (connect_box(ctl) != 0)
		return EXIT_REFUSED;
	cJSON *result = NULL;
	int r = ask(ctl, "status", NULL, &result);
	const cJSON *one;
	cJSON_ArrayForEach(one, message_member(result, "accounts")) {
		bool online = strcmp(message_string(one, "state", ""), "online") == 0;
		say("%-6s hub      account %s: %s: %s\n", online ? "ok" : "WRONG",
		       message_string(one, "account", ""), message_string(one, "state", ""),
		       message_string(one, "message", ""));
		trouble += !online;
	}
	cJSON_Delete(result);
	return r ? r : trouble ? EXIT_REFUSED : 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl);
	int least, most; /* words */
	const char *usage, *help;
} commands[] = {
	{ "call", command_call, 1, CALLED_MAX,
	  "call USER... [--type audio|video|other] [--attachment JSON] [--account MINE] [--group ID] [--users A,B] "
	  "[--wait connected|end]", "call somebody, or each in turn until one answers; prints the call's id" },
	{ "accept", command_accept, 0, 0, "accept [--type audio] [--call ID]",
	  "take the ringing call, perhaps with sound only" },
	{ "reject", command_reject, 0, 0, "reject [--call ID]", "refuse the ringing call" },
	{ "ignore", command_ignore, 0, 0, "ignore [--call ID]", "stop ringing here, refuse nothing" },
	{ "cancel", command_cancel, 0, 0, "cancel [--call ID]", "give up my call" },
	{ "hangup", command_hangup, 0, 0, "hangup [--call ID]", "end whatever call there is" },
	{ "prolong", command_prolong, 0, 0, "prolong", "go on after the warning of the longest call time" },
	{ "set-timeout", command_timeout, 1, 1, "set-timeout MS",
	  "how long calls ring, mine there and others' here, 1000..120000" },
	{ "mute", command_mute, 2, 2, "mute audio|video on|off", "the device stays open, nothing of it is sent" },
	{ "enable", command_enable, 2, 2, "enable audio|video on|off", "open or close the device" },
	{ "switch-type", command_switch_type, 1, 2, "switch-type audio|video [ask|agree|refuse]",
	  "between sound and picture" },
	{ "silence", command_silence, 1, 2, "silence on|off [USER]", "what the other side says is not played here" },
	{ "devices", command_devices, 0, 0, "devices [--json]", "what is used and what was found" },
	{ "switch", command_switch, 2, 2, "switch microphone|camera|speaker DEVICE", "use another device" },
	{ "camera-controls", command_camera_controls, 0, 0, "camera-controls [--json]",
	  "brightness, focus, zoom and what else the open camera has" },
	{ "camera-set", command_camera_set, 2, 2, "camera-set CONTROL VALUE", "set one of them" },
	{ "camera-preset", command_camera_preset, 1, 1, "camera-preset NAME", "set those of a preset in the conf" },
	{ "set-volume", command_set_volume, 2, 2, "set-volume speaker|microphone 0..100", "how loud it is" },
	{ "get-volume", command_get_volume, 0, 0, "get-volume [--json]", "of both, and whose knob it is" },
	{ "view", command_view, 2, 2, "view local|remote VIEW",
	  "where a picture is shown: kms:, kms:inset, window:, png:FILE, raw:FILE or null:" },
	{ "preview", command_preview, 1, 1, "preview on|off", "the own picture without a call" },
	{ "status", command_status, 0, 0, "status [--json]", "what is going on" },
	{ "info", command_info, 0, 0, "info [--json]", "the live call" },
	{ "room", command_room, 0, 0, "room [--json]", "its media room: id, name, members" },
	{ "records", command_records, 0, 0,
	  "records [--json|--csv] [--peer USER] [--status STATUS] [--since TIME] [--until TIME] [--limit N]",
	  "the last 100 calls, or N, 0 for all; TIME: 2026-11-24, 2026-11-24T15:00, 2h or 7d (ago)" },
	{ "dnd", command_dnd, 1, 2, "dnd on|off [TIME]", "do not disturb, for example for 90min or 2h" },
	{ "standby", command_standby, 1, 1, "standby on|off", "standby by hand" },
	{ "login", command_login, 1, 2, "login ACCOUNT [SERVER]", "log in; a token is read from standard input" },
	{ "logout", command_logout, 1, 1, "logout ACCOUNT", "log out; its live call ends" },
	{ "profile", command_profile, 1, 3, "profile RESOLUTION [RATE [low|medium|high]]",
	  "the picture that is sent, in this call and the next: 180p, 360p, 720p, 1080p or WIDTHxHEIGHT" },
	{ "token-service", command_token_service, 1, 1, "token-service URL", "where media credentials come from" },
	{ "stats", command_stats, 0, 0, "stats [--json]", "numbers of the present call" },
	{ "snapshot", command_snapshot, 2, 2, "snapshot local|remote FILE", "save a view's picture as PNG" },
	{ "watch", command_watch, 0, 0, "watch", "every event, one JSON object a line" },
	{ "doctor", command_doctor, 0, 0, "doctor", "what this box has, and what is wrong with it" },
};

static int usage(FILE *out)
{
	fputs("usage: callboxctl [-s SOCKET] COMMAND\n\n", out);
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		fprintf(out, "  %s\n        %s\n", commands[i].usage, commands[i].help);
	fprintf(out, "\n%s", exit_help);
	return out == stderr ? EXIT_USAGE : 0;
}

/* The manual's list of commands. */
static int print_man(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		printf(".It %s\n%s\n", commands[i].usage, commands[i].help);
	puts(".El");
	return 0;
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (argc < 1 || strcmp(commands[i].name, argv[0]) != 0)
			continue;
		ctl->words = argv + 1;
		ctl->count = argc - 1;
		if (ctl->count < commands[i].least || ctl->count > commands[i].most)
			return fail(EXIT_USAGE, "usage: callboxctl %s", commands[i].usage);
		int r = commands[i].run == command_doctor ? 0 : connect_box(ctl);
		return r ? r : commands[i].run(ctl);
	}
	return argc < 1 ? usage(stderr) : fail(EXIT_USAGE, "unknown command \"%s\"; see callboxctl -h", argv[0]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "type", required_argument, NULL, 't' },   { "attachment", required_argument, NULL, 'a' },
		{ "wait", required_argument, NULL, 'w' },   { "peer", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },  { "help", no_argument, NULL, 'h' },
		{ "call", required_argument, NULL, 'c' },   { "since", required_argument, NULL, 'S' },
		{ "until", required_argument, NULL, 'U' },  { "status", required_argument, NULL, 'R' },
		{ "csv", no_argument, NULL, 'C' },	    { "man", no_argument, NULL, 'M' },
		{ "account", required_argument, NULL, 'A' }, { "group", required_argument, NULL, 'G' },
		{ "users", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	g_autofree char *socket_path = path_join(PATH_RUN, "control.sock");
	struct ctl ctl = { .socket = socket_path, .fd = -1 };
	for (int c; (c = getopt_long(argc, argv, "s:jh", options, NULL)) != -1;)
		switch (c) {
		case 's': ctl.socket = optarg; break;
		case 'j': ctl.json = true; break;
		case 't': ctl.type = optarg; break;
		case 'a': ctl.attachment = optarg; break;
		case 'w': ctl.wait = optarg; break;
		case 'p': ctl.peer = optarg; break;
		case 'l': ctl.limit = optarg; break;
		case 'c': ctl.call_id = optarg; break;
		case 'S': ctl.since = optarg; break;
		case 'U': ctl.until = optarg; break;
		case 'R': ctl.status = optarg; break;
		case 'C': ctl.csv = true; break;
		case 'A': ctl.account = optarg; break;
		case 'G': ctl.group = optarg; break;
		case 'u': ctl.users = optarg; break;
		case 'M': return print_man();
		case 'h': return usage(stdout);
		default: return EXIT_USAGE;
		}
	int r = run_command(&ctl, argc - optind, argv + optind);
	if (ctl.in)
		g_string_free(ctl.in, TRUE);
	if (ctl.fd >= 0)
		close(ctl.fd);
	return r;
}
