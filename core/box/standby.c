#include "core/box/standby.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/box/screen.h"

struct standby {
	struct box *box;
	bool on;
	guint timer;
};

static void tell(struct standby *standby, bool on)
{
	if (standby->on == on)
		return;
	standby->on = on;
	log_info("standby: %s", on ? "nobody is here" : "somebody is here");
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddBoolToObject(payload, "on", on);
	box_event(standby->box, "onStandby", payload);
	screen_standby(standby->box->screen, on);
	const struct hook_facts facts = { .on = on ? "yes" : "no", .duration_ms = -1 };
	hooks_run(standby->box->hooks, on ? HOOK_STANDBY_ENTER : HOOK_STANDBY_LEAVE, &facts);
}

static gboolean on_delay(void *data)
{
	struct standby *standby = data;
	standby->timer = 0;
	if (!call_core_live_id(standby->box->core))
		tell(standby, true);
	return G_SOURCE_REMOVE;
}

static void delay_restart(struct standby *standby)
{
	int delay = standby->box->conf.standby_delay_ms;
	if (standby->timer)
		g_source_remove(standby->timer);
	standby->timer = delay > 0 ? g_timeout_add((guint)delay, on_delay, standby) : 0;
}

void standby_touch(struct standby *standby)
{
	delay_restart(standby);
	tell(standby, false);
}

void standby_call(struct standby *standby)
{
	enum call_status status = call_core_status(standby->box->core);
	delay_restart(standby);
	if (status == CALL_CALLING || status == CALL_IN_CALL)
		tell(standby, false);
}

void standby_ring(struct standby *standby)
{
	if (standby->box->conf.wake_on_ring)
		tell(standby, false);
}

int standby_set(struct standby *standby, bool on)
{
	if (on && call_core_live_id(standby->box->core))
		return -EBUSY;
	delay_restart(standby);
	tell(standby, on);
	return 0;
}

bool standby_is_on(const struct standby *standby)
{
	return standby->on;
}

struct standby *standby_create(struct box *box)
{
	struct standby *standby = g_new0(struct standby, 1);
	standby->box = box;
	delay_restart(standby);
	return standby;
}

void standby_destroy(struct standby *standby)
{
	if (!standby)
		return;
	if (standby->timer)
		g_source_remove(standby->timer);
	g_free(standby);
}
