/* api: the verbs of the control socket: found here, done in api_call.c, api_media.c and api_box.c. */
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

void api_call(struct control_request *request, const char *method, const cJSON *params, void *data)
{
	struct verb v = { .box = data, .request = request, .params = params };
	const struct verb_row *row = verb_find(method);
	if (!row) {
		control_error(request, CONTROL_NO_METHOD, "unknown method \"%.40s\"", method);
		return;
	}
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
