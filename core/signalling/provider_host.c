/* callbox-provider: the process that holds one account's signalling plugin, its secret and its connection.
 *
 *   callboxd ⇄ channel (fd 3) ⇄ main thread ── command() ──► plugin thread ⇄ IM network
 *                                    ▲──────── queue ◄────── events, results, status
 *
 * What the plugin says from its thread is queued and leaves on the main thread, which alone touches the
 * channel. When the channel closes, the process ends. */
#include <dlfcn.h>
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/base/sandbox.h"
#include "core/signalling/provider_abi.h"

#define QUEUE_MAX 4096

struct host {
	GMainLoop *loop;
	struct channel *channel;
	const struct callbox_provider *plugin;
	void *state;
	GThread *thread;
	char *account, *store_file;
	pthread_mutex_t lock;	/* protects queue and store */
	GQueue queue;	/* cJSON, from the plugin's thread */
	GKeyFile *store;
	bool wake_posted;
	struct callbox_host offer;
};

static gboolean flush(void *data)
{
	struct host *host = data;
	for (;;) {
		pthread_mutex_lock(&host->lock);
		cJSON *message = g_queue_pop_head(&host->queue);
		if (!message)
			host->wake_posted = false;
		pthread_mutex_unlock(&host->lock);
		if (!message)
			return G_SOURCE_REMOVE;
		if (channel_send(host->channel, message) == -ENOBUFS)
			log_error("callboxd does not read: a message of the provider was lost");
	}
}

/* Any thread; takes the message. */
static void post(struct host *host, cJSON *message)
{
	pthread_mutex_lock(&host->lock);
	bool full = g_queue_get_length(&host->queue) >= QUEUE_MAX;
	bool wake = !full && !host->wake_posted;
	if (!full)
		g_queue_push_tail(&host->queue, message);
	host->wake_posted |= wake;
	pthread_mutex_unlock(&host->lock);
	if (full)
		cJSON_Delete(message);
	if (wake)
		g_idle_add_full(G_PRIORITY_DEFAULT, flush, host, NULL);
}

static void add_text(cJSON *message, const char *name, const char *text)
{
	if (text)
		cJSON_AddStringToObject(message, name, text);
}

static void add_json(struct host *host, cJSON *message, const char *name, const char *text)
{
	cJSON *json = text ? cJSON_Parse(text) : NULL;
	if (json)
		cJSON_AddItemToObject(message, name, json);
	else if (text)
		log_warning("plugin %s: %s is no JSON", host->plugin->name, name);
}

static void offer_status(void *data, const char *state, const char *text, const char *capabilities)
{
	cJSON *message = message_new("status");
	add_text(message, "state", state);
	add_text(message, "message", text ? text : "");
	add_json(data, message, "capabilities", capabilities);
	post(data, message);
}

static void offer_event(void *data, const char *event)
{
	const char *why = NULL;
	cJSON *message = message_parse(event, strlen(event), &why);
	if (!message) {
		log_warning("plugin: an event was dropped: %s", why);
		return;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(message, "m");
	cJSON_AddStringToObject(message, "m", "event");
	post(data, message);
}

static void offer_synced(void *data)
{
	post(data, message_new("synced"));
}

static void offer_result(void *data, uint64_t id, const char *error, const char *text, const char *body)
{
	cJSON *message = message_new("result");
	cJSON_AddNumberToObject(message, "id", (double)id);
	add_text(message, "error", error);
	add_text(message, "message", text);
	add_json(data, message, "body", body);
	post(data, message);
}

static void offer_log(void *data, int level, const char *text)
{
	struct host *host = data;
	log_write((enum log_level)CLAMP(level, 0, 3), "%s: %s", host->account, text);
}

static char *offer_store_get(void *data, const char *key)
{
	struct host *host = data;
	pthread_mutex_lock(&host->lock);
	g_autofree char *value = g_key_file_get_string(host->store, "store", key, NULL);
	pthread_mutex_unlock(&host->lock);
	return value ? strdup(value) : NULL;
}

static int offer_store_put(void *data, const char *key, const char *value)
{
	struct host *host = data;
	pthread_mutex_lock(&host->lock);
	g_key_file_set_string(host->store, "store", key, value);
	bool saved = g_key_file_save_to_file(host->store, host->store_file, NULL);
	pthread_mutex_unlock(&host->lock);
	return saved ? 0 : -EIO;
}

/* ---- loading ---- */

/* Only the administrator or the user who runs callbox may be able to change what is loaded here. */
static int check_owner(const char *path, char **ret_why)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		*ret_why = g_strdup_printf("%s: %s", path, g_strerror(errno));
		return -ENOENT;
	}
	bool sticky_folder = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || ((st.st_mode & 022) && !sticky_folder)) {
		*ret_why = g_strdup_printf("%s: must belong to root or to the user who runs callbox and be "
					   "writable by nobody else", path);
		return -EPERM;
	}
	return 0;
}

static int check_path(const char *file, char **ret_why)
{
	g_autofree char *path = g_canonicalize_filename(file, NULL);
	for (;;) {
		int r = check_owner(path, ret_why);
		if (r < 0 || g_str_equal(path, "/"))
			return r;
		char *parent = g_path_get_dirname(path);
		g_free(path);
		path = parent;
	}
}

static int plugin_load(struct host *host, const char *name, char **ret_why)
{
	if (!name[0] || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name)) {
		*ret_why = g_strdup_printf("provider \"%s\" is no plugin name", name);
		return -EINVAL;
	}
	g_autofree char *file = g_strdup_printf("%s/%s.so", path_folder(PATH_PLUGIN), name);
	int r = check_path(file, ret_why);
	if (r < 0)
		return r;
	void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		*ret_why = g_strdup_printf("%s: %s", file, dlerror());
		return -ENOEXEC;
	}
	const struct callbox_provider *plugin = dlsym(module, "callbox_provider");
	if (!plugin || plugin->abi != CALLBOX_PROVIDER_ABI || plugin->size < sizeof(*plugin)) {
		*ret_why = plugin ? g_strdup_printf("%s: made for provider ABI %u, this is %u", file,
						    plugin->abi, CALLBOX_PROVIDER_ABI)
				  : g_strdup_printf("%s: has no symbol callbox_provider", file);
		return -ENOEXEC;
	}
	host->plugin = plugin;
	return 0;
}

static void *plugin_thread(void *data)
{
	struct host *host = data;
	host->plugin->run(host->state);
	return NULL;
}

static void refused(struct host *host, const char *why)
{
	log_error("%s", why);
	offer_status(host, "refused", why, NULL);
}

static void open_plugin(struct host *host, const cJSON *message)
{
	char *why = NULL;
	if (host->plugin) {
		log_warning("bug: open twice");
		return;
	}
	host->account = g_strdup(message_string(message, "account", ""));
	host->store_file = g_strdup_printf("%s/%s.store", message_string(message, "state_dir", "."),
					   host->account);
	g_key_file_load_from_file(host->store, host->store_file, G_KEY_FILE_NONE, NULL);
	if (plugin_load(host, message_string(message, "plugin", ""), &why) < 0) {
		refused(host, why);
		g_free(why);
		return;
	}
	int r = sandbox_enter(SANDBOX_PROVIDER);
	if (r < 0)
		log_warning("kernel: no system call filter: %s", g_strerror(-r));
	char *config = cJSON_PrintUnformatted(message);
	r = host->plugin->open(&host->offer, config, &host->state);
	explicit_bzero(config, strlen(config));
	cJSON_free(config);
	if (r < 0) {
		g_autofree char *text = g_strdup_printf("provider %s cannot be opened: %s",
							host->plugin->name, g_strerror(-r));
		host->plugin = NULL;
		refused(host, text);
		return;
	}
	host->thread = g_thread_new("plugin", plugin_thread, host);
}

static void command(struct host *host, const cJSON *message)
{
	if (!host->thread) {
		offer_result(host, (uint64_t)message_number(message, "id", 0), "offline", "no plugin runs", NULL);
		return;
	}
	char *text = cJSON_PrintUnformatted(message);
	host->plugin->command(host->state, text);
	cJSON_free(text);
}

static const struct message_field open_fields[] = {
	{ "account", M_STRING, true, 1, 128 }, { "device", M_STRING, true, 1, 128 },
	{ "boot", M_STRING, true, 1, 64 },     { "plugin", M_STRING, true, 1, 64 },
	{ "config", M_OBJECT, true, 0, 0 },    { "secret", M_STRING, false, 0, 4096 },
	{ "state_dir", M_STRING, true, 1, 4096 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field command_fields[] = {
	{ "id", M_NUMBER, true, 1, 9007199254740991.0 }, { "kind", M_STRING, true, 1, 32 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_shape shapes[] = {
	{ "open", open_fields }, { "command", command_fields }, { "close", NULL }, { NULL, NULL },
};

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct host *host = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "open"))
		open_plugin(host, message);
	else if (g_str_equal(name, "command"))
		command(host, message);
	else
		g_main_loop_quit(host->loop);
}

static void on_closed(struct channel *channel, void *data)
{
	struct host *host = data;
	(void)channel;
	g_main_loop_quit(host->loop);
}

int main(void)
{
	static struct host host;
	log_init("callbox-provider", LOG_LEVEL_INFO);
	paths_init();
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&host.lock, NULL);
	host.loop = g_main_loop_new(NULL, FALSE);
	host.store = g_key_file_new();
	host.offer = (struct callbox_host){
		.abi = CALLBOX_PROVIDER_ABI, .size = sizeof(host.offer), .data = &host,
		.status = offer_status, .event = offer_event, .synced = offer_synced,
		.result = offer_result, .log = offer_log,
		.store_get = offer_store_get, .store_put = offer_store_put,
	};
	if (channel_open(CHILD_CHANNEL_FD, shapes, NULL, on_message, on_closed, &host, &host.channel) < 0) {
		log_error("callbox-provider is started by callboxd, not by hand");
		return 64;
	}
	g_main_loop_run(host.loop);
	if (host.thread) {
		host.plugin->stop(host.state);
		g_thread_join(host.thread);
		host.plugin->close(host.state);
	}
	channel_close(host.channel);
	g_queue_clear_full(&host.queue, (GDestroyNotify)cJSON_Delete);
	g_key_file_free(host.store);
	g_main_loop_unref(host.loop);
	g_free(host.account);
	g_free(host.store_file);
	return 0;
}
