#include "core/box/hunt.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/box/line.h"

struct hunt {
	char *account, *call_id;
	enum call_type type;
	cJSON *attachment, *group;
	GPtrArray *users;
	unsigned int at; /* who is being called */
};

static void call_id_make(char id[CALL_ID_CHARS + 1])
{
	unsigned char bytes[CALL_ID_CHARS / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		g_error("no randomness");
	for (size_t i = 0; i < sizeof(bytes); i++)
		g_snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

void hunt_free(struct hunt *hunt)
{
	if (!hunt)
		return;
	g_free(hunt->account);
	g_free(hunt->call_id);
	cJSON_Delete(hunt->attachment);
	cJSON_Delete(hunt->group);
	g_ptr_array_unref(hunt->users);
	g_free(hunt);
}

/* Each account once, in the given order. */
static GPtrArray *users_read(struct box *box, const cJSON *users, char **ret_error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
	const cJSON *one;
	cJSON_ArrayForEach(one, users) {
		const char *user = cJSON_GetStringValue(one);
		if (!user || !user[0] || strlen(user) > 128) {
			*ret_error = g_strdup("userIds: accounts of 1 to 128 bytes are needed");
			return NULL;
		}
		if (line_find(box, user)) {
			*ret_error = g_strdup_printf("userIds: %s is an account of this box itself", user);
			return NULL;
		}
		if (!g_ptr_array_find_with_equal_func(list, user, g_str_equal, NULL))
			g_ptr_array_add(list, g_strdup(user));
	}
	if (list->len >= 1 && list->len <= HUNT_USERS_MAX)
		return g_steal_pointer(&list);
	*ret_error = g_strdup_printf("userIds: 1 to %d accounts are needed, or userId", HUNT_USERS_MAX);
	return NULL;
}

int hunt_call(struct box *box, const struct call_request *request, const cJSON *users, char ret_id[CALL_ID_CHARS + 1],
	      char **ret_error)
{
	struct call_request first = *request;
	g_autoptr(GPtrArray) list = NULL;
	if (users) {
		list = users_read(box, users, ret_error);
		if (!list)
			return -EINVAL;
		first.user = list->pdata[0];
	}
	call_id_make(ret_id);
	first.call_id = ret_id;
	int r = call_core_call(box->core, box_now_ms(), &first, ret_error);
	if (r < 0)
		return r;
	g_clear_pointer(&box->hunt, hunt_free);
	if (!list || list->len == 1)
		return 0;
	box->hunt = g_new0(struct hunt, 1);
	*box->hunt = (struct hunt){
		.account = g_strdup(request->account), .call_id = g_strdup(ret_id), .type = request->type,
		.attachment = request->attachment ? cJSON_Duplicate(request->attachment, true) : NULL,
		.group = request->group ? cJSON_Duplicate(request->group, true) : NULL,
		.users = g_steal_pointer(&list),
	};
	return 0;
}

/* Nobody there answered, and nobody here gave up. */
static bool goes_on(int reason_code)
{
	enum { TIMEOUT = 2, BUSY = 3, SETUP = 7, REJECTED = 14 };
	return reason_code == TIMEOUT || reason_code == BUSY || reason_code == SETUP || reason_code == REJECTED;
}

static void tell_next(struct box *box, const char *previous)
{
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "callId", box->hunt->call_id);
	cJSON_AddStringToObject(payload, "userId", box->hunt->users->pdata[box->hunt->at]);
	cJSON_AddStringToObject(payload, "previous", previous);
	hunt_describe(box, payload);
	box_event(box, "onCallNext", payload);
}

void hunt_call_ended(struct box *box, const char *call_id, int reason_code)
{
	struct hunt *hunt = box->hunt;
	if (!hunt || !call_id || !g_str_equal(call_id, hunt->call_id))
		return;
	while (goes_on(reason_code) && ++hunt->at < hunt->users->len) {
		char id[CALL_ID_CHARS + 1], *error = NULL;
		call_id_make(id);
		const struct call_request request = {
			.call_id = id, .account = hunt->account, .user = hunt->users->pdata[hunt->at],
			.type = hunt->type, .attachment = hunt->attachment, .group = hunt->group,
		};
		if (call_core_call(box->core, box_now_ms(), &request, &error) == 0) {
			g_free(hunt->call_id);
			hunt->call_id = g_strdup(id);
			tell_next(box, call_id);
			return;
		}
		log_warning("call %.8s: %s is not asked: %s", call_id, request.user, error);
		g_free(error);
	}
	g_clear_pointer(&box->hunt, hunt_free);
}

void hunt_describe(const struct box *box, cJSON *call)
{
	const struct hunt *hunt = box->hunt;
	if (!hunt || !call || !g_str_equal(message_string(call, "callId", ""), hunt->call_id))
		return;
	cJSON *next = cJSON_AddArrayToObject(call, "next");
	for (unsigned int i = hunt->at + 1; i < hunt->users->len; i++)
		cJSON_AddItemToArray(next, cJSON_CreateString(hunt->users->pdata[i]));
}
