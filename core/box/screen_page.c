#include <string.h>
#include <unistd.h>

#include "core/base/message.h"
#include "core/box/screen.h"

#define CALLS 5
#define OFFLINE_MS 5000 /* a connection that is just being made is no trouble yet */

enum record_status { RECORD_COMPLETE = 1, RECORD_REJECTED = 3 };

static void calls_add(struct box *box, cJSON *page)
{
	const struct history_filter filter = { .limit = CALLS };
	cJSON *records = history_records(box->history, &filter), *list = cJSON_AddArrayToObject(page, "calls");
	const cJSON *record;
	cJSON_ArrayForEach(record, records) {
		bool out = strcmp(message_string(record, "direction", ""), "out") == 0;
		int status = message_int(record, "status", 0);
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "peer", message_string(record, "peer", ""));
		cJSON_AddBoolToObject(one, "out", out);
		cJSON_AddBoolToObject(one, "missed", !out && status != RECORD_COMPLETE && status != RECORD_REJECTED);
		cJSON_AddNumberToObject(one, "when_ms", message_number(record, "startedAt", 0));
		cJSON_AddItemToArray(list, one);
	}
	cJSON_Delete(records);
}

static bool camera_is_missing(const struct conf *conf)
{
	return strncmp(conf->camera, "v4l2:/", 6) == 0 && access(conf->camera + 5, F_OK) < 0;
}

static void troubles_add(const struct box *box, const struct screen_facts *facts, bool in_call, cJSON *page)
{
	const struct { const char *code; bool is_there; } troubles[] = {
		{ "account", box->lines && box->lines->len == 0 },
		{ "network", box->lines && box->lines->len > 0 && facts->offline_ms > OFFLINE_MS },
		{ "camera", (in_call && facts->camera_failed) || camera_is_missing(&box->conf) },
		{ "microphone", in_call && facts->microphone_failed },
		{ "speaker", in_call && facts->speaker_failed },
		{ "video", in_call && facts->video_failed },
	};
	cJSON *list = cJSON_AddArrayToObject(page, "troubles");
	for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++)
		if (troubles[i].is_there)
			cJSON_AddItemToArray(list, cJSON_CreateString(troubles[i].code));
}

/* A call that is being looked at, or is ignored, does not ring here: nothing is to be seen of it. */
static const char *page_of(const struct box *box)
{
	switch (call_core_status(box->core)) {
	case CALL_CALLING:
		return "outgoing";
	case CALL_CALLED:
		return box->rings[0] ? "ringing" : "idle";
	case CALL_IN_CALL:
		return "call";
	case CALL_IDLE:
		break;
	}
	return "idle";
}

cJSON *screen_page(struct box *box, const cJSON *state, const struct screen_facts *facts)
{
	const struct conf *conf = &box->conf;
	const cJSON *call = message_member(state, "call");
	const char *page_name = page_of(box), *account = box->accounts[0] ? box->accounts[0]->account : "";
	bool idle = strcmp(page_name, "idle") == 0;
	cJSON *page = message_new("show");
	cJSON_AddStringToObject(page, "page", page_name);
	cJSON_AddStringToObject(page, "room", conf->room_name ? conf->room_name
					      : account[0]    ? account
							      : g_get_host_name());
	cJSON_AddStringToObject(page, "account", account);
	cJSON_AddStringToObject(page, "peer", idle ? "" : message_string(call, "userId", ""));
	cJSON_AddStringToObject(page, "state", idle ? "" : message_string(call, "state", ""));
	cJSON_AddStringToObject(page, "hint", conf->screen_hint ? conf->screen_hint : "");
	cJSON_AddBoolToObject(page, "video", message_int(call, "type", 0) != CALL_AUDIO);
	cJSON_AddBoolToObject(page, "online", facts->offline_ms == 0);
	cJSON_AddBoolToObject(page, "dnd", message_bool(state, "dnd", false));
	cJSON_AddBoolToObject(page, "covered", message_bool(call, "peerVideoMuted", false) ||
					       !message_bool(call, "peerCameraAvailable", true));
	if (!idle && message_member(call, "durationMs"))
		cJSON_AddNumberToObject(page, "duration_ms", message_number(call, "durationMs", 0));
	calls_add(box, page);
	troubles_add(box, facts, call != NULL, page);
	return page;
}
