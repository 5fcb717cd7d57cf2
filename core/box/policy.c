#include "core/box/policy.h"

#include "core/base/log.h"

struct call_policy policy_of(const struct conf *conf, const struct hooks *hooks)
{
	return (struct call_policy){
		.call_timeout_ms = conf->call_timeout_ms,
		.autoanswer_ms = conf->autoanswer == AUTOANSWER_OFF ? -1 : conf->autoanswer_delay_ms,
		.autoanswer_contacts = conf->autoanswer == AUTOANSWER_CONTACTS,
		.contacts = conf->contacts,
		.rings_a_minute = conf->rings_a_minute,
		.call_waiting = conf->call_waiting,
		.accept_holds = conf->accept_second == SECOND_HOLD,
		.busy_first = conf->busy_policy == BUSY_FIRST,
		.ring_unverified = conf->ring_unverified,
		.screen_calls = hooks_has(hooks, HOOK_CALL_INCOMING),
		.dnd = conf->dnd,
		.reject_account = conf->reject_scope == REJECT_ALL,
		.invites_a_minute = conf->invites_a_minute,
		.allow = conf->allow,
		.block = conf->block,
		.confirm_video = conf->switch_video_confirm,
		.confirm_audio = conf->switch_audio_confirm,
		.maxcall_ms = conf->maxcall_ms,
	};
}

static void swap(char **one, char **other)
{
	char *kept = *one;
	*one = *other;
	*other = kept;
}

static int read_again(const char *folder, struct conf *conf, struct hooks **ret_hooks, char **ret_error)
{
	int r = conf_load(folder, conf, ret_error);
	if (r < 0)
		return r;
	r = hooks_load(folder, ret_hooks, ret_error);
	if (r < 0)
		conf_clear(conf);
	return r;
}

void policy_reload(struct box *box)
{
	struct conf conf;
	struct hooks *hooks = NULL;
	char *error = NULL;
	if (read_again(box->folder, &conf, &hooks, &error) < 0) {
		log_error("conf: not taken, the old one stays: %s", error);
		g_free(error);
		return;
	}
	swap(&conf.control_socket, &box->conf.control_socket);
	swap(&conf.state_dir, &box->conf.state_dir);
	swap(&conf.call_fsm, &box->conf.call_fsm);
	bool same_service = g_strcmp0(conf.token_service, box->conf.token_service) == 0;
	conf_clear(&box->conf);
	box->conf = conf;
	hooks_free(box->hooks);
	box->hooks = hooks;
	struct call_policy policy = policy_of(&box->conf, box->hooks);
	call_core_policy(box->core, &policy);
	if (!same_service)
		token_set(box->token, box->conf.token_service);
	log_info("conf: read again");
}
