/* api: the verbs of the control socket: found here, done in api_call.c, api_media.c, api_camera.c and
 * api_box.c. */
#include "core/box/api.h"

#include <errno.h>
#include <string.h>

#include "core/base/message.h"
#include "core/box/standby.h"

const char *api_text(const struct verb *v, const char *name)
{
	return message_string(v->params, name, NULL);
}

/* Answers with what the core said. */
void api_answer(struct verb *v, int r, char *error, cJSON *result)
{
	if (r < 0) {
		control_error(v->request, r == -EINVAL ? CONTROL_INVALID_PARAMS : CONTROL_REFUSED, "%s",
			      error ? error : g_strerror(-r));
		cJSON_Delete(result);
	} else {
		control_result(v->request, result);
	}
	g_free(error);
	box_drain(v->box);
}

bool api_flag(struct verb *v, const char *name, bool *ret_on)
{
	const cJSON *on = message_member(v->params, name);
	if (!cJSON_IsBool(on)) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "%s: true or false is needed", name);
		return false;
	}
	*ret_on = cJSON_IsTrue(on);
	return true;
}

void api_wrong_state(struct verb *v, const char *needs)
{
	control_error(v->request, CONTROL_REFUSED, "wrong state: %s; %s is needed",
		      call_status_name(call_core_status(v->box->core)), needs);
}

static const struct verb_row *const tables[] = { api_call_verbs, api_media_verbs, api_camera_verbs, api_box_verbs };

static const struct verb_row *verb_find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const struct verb_row *row = tables[i]; row->name; row++)
			if (strcmp(row->name, name) == 0)
				return row;
	return NULL;
}

/* A parameter has one meaning and one type, whatever verb it is of; null is as good as missing. */
static const struct { const char *name; enum message_type type; } parameters[] = {
	{ "account", M_STRING }, { "bitrate", M_NUMBER }, { "callId", M_STRING }, { "event", M_STRING },
	{ "file", M_STRING }, { "forMs", M_NUMBER }, { "frameRate", M_NUMBER }, { "groupId", M_STRING },
	{ "height", M_NUMBER }, { "id", M_STRING }, { "isFromGroup", M_BOOL }, { "kind", M_STRING },
	{ "limit", M_NUMBER }, { "ms", M_NUMBER }, { "on", M_BOOL }, { "peer", M_STRING }, { "quality", M_STRING },
	{ "resolution", M_STRING }, { "server", M_STRING }, { "since", M_NUMBER }, { "state", M_NUMBER },
	{ "status", M_NUMBER }, { "token", M_STRING }, { "type", M_NUMBER }, { "until", M_NUMBER },
	{ "url", M_STRING }, { "userId", M_STRING }, { "userIds", M_ARRAY }, { "view", M_STRING },
	{ "which", M_STRING }, { "width", M_NUMBER },
};

static bool is_of_type(const cJSON *value, enum message_type type)
{
	switch (type) {
	case M_STRING: return cJSON_IsString(value);
	case M_NUMBER: return cJSON_IsNumber(value);
	case M_BOOL: return cJSON_IsBool(value);
	case M_OBJECT: return cJSON_IsObject(value);
	case M_ARRAY: return cJSON_IsArray(value);
	}
	return false;
}

/* False: a parameter is of another type, and the request is answered. */
static bool check_parameters(struct control_request *request, const cJSON *params)
{
	static const char *const needs[] = {
		[M_STRING] = "a text", [M_NUMBER] = "a number", [M_BOOL] = "true or false",
		[M_OBJECT] = "an object", [M_ARRAY] = "a list",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++) {
		const cJSON *value = message_member(params, parameters[i].name);
		if (!value || cJSON_IsNull(value) || is_of_type(value, parameters[i].type))
			continue;
		control_error(request, CONTROL_INVALID_PARAMS, "%s: %s is needed", parameters[i].name,
			      needs[parameters[i].type]);
		return false;
	}
	return true;
}

void api_call(struct control_request *request, const char *method, const cJSON *params, void *data)
{
	struct verb v = { .box = data, .request = request, .params = params };
	const struct verb_row *row = verb_find(method);
	if (!row) {
		control_error(request, CONTROL_NO_METHOD, "unknown method \"%.40s\"", method);
		return;
	}
	if (!check_parameters(request, params))
		return;
	if (row->touches)
		standby_touch(v.box->standby);
	row->run(&v);
}

void api_print_man(FILE *out)
{
	fputs(".Sh METHODS\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const struct verb_row *row = tables[i]; row->name; row++)
			fprintf(out, ".It %s { %s }\n%s\n", row->name, row->params, row->help);
	fputs(".El\n", out);
}
