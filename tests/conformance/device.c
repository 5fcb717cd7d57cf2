#include "tests/conformance/device.h"

#include <dlfcn.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_US (20 * G_USEC_PER_SEC)
#define STOP_LIMIT_US (2 * G_USEC_PER_SEC)

struct device {
	const struct callbox_provider *provider;
	struct callbox_host host;
	void *state;
	GThread *thread;
	char *party, *account;
	uint64_t next_id;
	GMutex lock; /* protects what follows */
	GCond news;
	GQueue events;	     /* cJSON */
	GHashTable *results; /* id → GPtrArray of cJSON */
	GHashTable *store;
	char *status, *text;
	cJSON *capabilities;
	unsigned int synced, event_count;
	int events_before_synced;
	bool returned;
};

/* ---- the host, called on the plugin's threads ---- */

static void host_status(void *data, const char *state, const char *message, const char *capabilities)
{
	struct device *d = data;
	static const char *const states[] = { "connecting", "online", "offline", "refused", "kicked", NULL };
	if (!g_strv_contains(states, state))
		g_error("\"%s\" is no state", state);
	g_mutex_lock(&d->lock);
	g_free(d->status);
	g_free(d->text);
	d->status = g_strdup(state);
	d->text = g_strdup(message ? message : "");
	if (capabilities) {
		cJSON_Delete(d->capabilities);
		d->capabilities = cJSON_Parse(capabilities);
		g_assert_true(cJSON_IsArray(d->capabilities));
	}
	g_cond_broadcast(&d->news);
	g_mutex_unlock(&d->lock);
}

static void host_event(void *data, const char *event)
{
	struct device *d = data;
	cJSON *json = cJSON_Parse(event);
	if (!cJSON_IsObject(json))
		g_error("an event is no object: %s", event);
	g_mutex_lock(&d->lock);
	g_queue_push_tail(&d->events, json);
	d->event_count++;
	g_cond_broadcast(&d->news);
	g_mutex_unlock(&d->lock);
}

static void host_synced(void *data)
{
	struct device *d = data;
	g_mutex_lock(&d->lock);
	d->synced++;
	d->events_before_synced = (int)d->event_count;
	g_cond_broadcast(&d->news);
	g_mutex_unlock(&d->lock);
}

static void host_result(void *data, uint64_t id, const char *error, const char *message, const char *body)
{
	struct device *d = data;
	cJSON *json = cJSON_CreateObject(), *parsed = body ? cJSON_Parse(body) : NULL;
	if (body && !cJSON_IsObject(parsed))
		g_error("the body of a result is no object: %s", body);
	if (error)
		cJSON_AddStringToObject(json, "error", error);
	if (message)
		cJSON_AddStringToObject(json, "message", message);
	if (parsed)
		cJSON_AddItemToObject(json, "body", parsed);
	g_mutex_lock(&d->lock);
	GPtrArray *list = g_hash_table_lookup(d->results, &id);
	if (!list) {
		uint64_t *key = g_memdup2(&id, sizeof(id));
		list = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
		g_hash_table_insert(d->results, key, list);
	}
	g_ptr_array_add(list, json);
	g_cond_broadcast(&d->news);
	g_mutex_unlock(&d->lock);
}

static void host_log(void *data, int level, const char *text)
{
	(void)data;
	g_assert_cmpint(level, >=, 0);
	g_assert_cmpint(level, <=, 3);
	if (strstr(text, "SECRET"))
		g_error("the log tells a secret: %s", text);
}

static char *host_store_get(void *data, const char *key)
{
	struct device *d = data;
	g_mutex_lock(&d->lock);
	const char *value = g_hash_table_lookup(d->store, key);
	char *copy = value ? strdup(value) : NULL;
	g_mutex_unlock(&d->lock);
	return copy;
}

static int host_store_put(void *data, const char *key, const char *value)
{
	struct device *d = data;
	g_mutex_lock(&d->lock);
	g_hash_table_insert(d->store, g_strdup(key), g_strdup(value));
	g_mutex_unlock(&d->lock);
	return 0;
}

/* ---- life ---- */

const struct callbox_provider *provider_load(const char *file)
{
	void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		g_error("%s: %s", file, dlerror());
	const struct callbox_provider *provider = dlsym(module, "callbox_provider");
	if (!provider || provider->abi != CALLBOX_PROVIDER_ABI || provider->size < sizeof(*provider))
		g_error("%s: no callbox_provider of ABI %d", file, CALLBOX_PROVIDER_ABI);
	return provider;
}

static void *run(void *data)
{
	struct device *d = data;
	d->provider->run(d->state);
	g_mutex_lock(&d->lock);
	d->returned = true;
	g_cond_broadcast(&d->news);
	g_mutex_unlock(&d->lock);
	return NULL;
}

static void list_free(void *list)
{
	g_ptr_array_unref(list);
}

struct device *device_open(const struct callbox_provider *provider, const char *account, const char *name,
			   const char *boot, const char *token, const char *server)
{
	struct device *d = g_new0(struct device, 1);
	d->provider = provider;
	d->party = g_strdup_printf("%s:%s", name, boot);
	d->account = g_strdup(account);
	d->results = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, list_free);
	d->store = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	d->events_before_synced = -1;
	d->host = (struct callbox_host){
		.abi = CALLBOX_PROVIDER_ABI, .size = sizeof(d->host), .data = d, .status = host_status,
		.event = host_event, .synced = host_synced, .result = host_result, .log = host_log,
		.store_get = host_store_get, .store_put = host_store_put,
	};
	cJSON *config = cJSON_CreateObject();
	cJSON_AddStringToObject(config, "account", account);
	cJSON_AddStringToObject(config, "device", name);
	cJSON_AddStringToObject(config, "boot", boot);
	cJSON_AddStringToObject(config, "secret", token);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(config, "config"), "server", server);
	char *text = cJSON_PrintUnformatted(config);
	int r = provider->open(&d->host, text, &d->state);
	if (r < 0)
		g_error("open(%s): %s", text, g_strerror(-r));
	memset(text, 'x', strlen(text)); /* the plugin has copied what it needs */
	cJSON_free(text);
	cJSON_Delete(config);
	d->thread = g_thread_new("plugin", run, d);
	return d;
}

struct device *device_login(const struct callbox_provider *provider, const char *account, const char *name,
			    const char *boot, const char *token, const char *server)
{
	struct device *d = device_open(provider, account, name, boot, token, server);
	device_wait_status(d, "online");
	device_wait_synced(d, 1);
	return d;
}

void device_close(struct device *d)
{
	if (!d)
		return;
	gint64 end = g_get_monotonic_time() + STOP_LIMIT_US;
	d->provider->stop(d->state);
	g_mutex_lock(&d->lock);
	while (!d->returned)
		if (!g_cond_wait_until(&d->news, &d->lock, end))
			g_error("run() does not return after stop()");
	g_mutex_unlock(&d->lock);
	g_thread_join(d->thread);
	d->provider->close(d->state);
	g_queue_clear_full(&d->events, (GDestroyNotify)cJSON_Delete);
	g_hash_table_destroy(d->results);
	g_hash_table_destroy(d->store);
	cJSON_Delete(d->capabilities);
	g_free(d->status);
	g_free(d->text);
	g_free(d->party);
	g_free(d->account);
	g_mutex_clear(&d->lock);
	g_cond_clear(&d->news);
	g_free(d);
}

const char *device_party(const struct device *d)
{
	return d->party;
}

/* ---- commands ---- */

uint64_t device_send(struct device *d, const char *kind, const char *call_id, const char *to_user,
		     const char *to_party, uint64_t seq, int deadline_ms, cJSON *body)
{
	cJSON *command = cJSON_CreateObject();
	uint64_t id = ++d->next_id;
	cJSON_AddStringToObject(command, "m", "command");
	cJSON_AddNumberToObject(command, "id", (double)id);
	cJSON_AddStringToObject(command, "kind", kind);
	cJSON_AddNumberToObject(command, "deadline_ms", deadline_ms);
	if (to_user) {
		cJSON_AddStringToObject(command, "call_id", call_id);
		cJSON_AddStringToObject(command, "to_user", to_user);
		cJSON_AddStringToObject(command, "to_party", to_party);
		cJSON_AddNumberToObject(command, "seq", (double)seq);
		cJSON_AddItemToObject(command, "body", body ? body : cJSON_CreateObject());
		/* A sender that lies about itself must not be believed. */
		cJSON_AddStringToObject(command, "from_user", "mallory");
		cJSON_AddStringToObject(command, "from_party", "mallory:1");
	}
	char *text = cJSON_PrintUnformatted(command);
	d->provider->command(d->state, text);
	memset(text, 'x', strlen(text));
	cJSON_free(text);
	cJSON_Delete(command);
	return id;
}

/* ---- waits; the lock is held by the caller ---- */

static void wait_news(struct device *d, gint64 end, const char *what)
{
	if (!g_cond_wait_until(&d->news, &d->lock, end))
		g_error("%s %s: %s did not come; it is %s: %s", d->account, d->party, what, d->status, d->text);
}

cJSON *device_result(struct device *d, uint64_t id)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	GPtrArray *list;
	g_mutex_lock(&d->lock);
	while (!(list = g_hash_table_lookup(d->results, &id)))
		wait_news(d, end, "a command's result");
	cJSON *result = cJSON_Duplicate(list->pdata[0], true);
	g_mutex_unlock(&d->lock);
	return result;
}

unsigned int device_result_count(struct device *d, uint64_t id)
{
	g_mutex_lock(&d->lock);
	const GPtrArray *list = g_hash_table_lookup(d->results, &id);
	unsigned int n = list ? list->len : 0;
	g_mutex_unlock(&d->lock);
	return n;
}

cJSON *device_event(struct device *d)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	g_mutex_lock(&d->lock);
	while (g_queue_is_empty(&d->events))
		wait_news(d, end, "an event");
	cJSON *event = g_queue_pop_head(&d->events);
	g_mutex_unlock(&d->lock);
	return event;
}

unsigned int device_events(struct device *d)
{
	g_mutex_lock(&d->lock);
	unsigned int n = g_queue_get_length(&d->events);
	g_mutex_unlock(&d->lock);
	return n;
}

int device_events_before_synced(struct device *d)
{
	g_mutex_lock(&d->lock);
	int n = d->events_before_synced;
	g_mutex_unlock(&d->lock);
	return n;
}

const char *device_wait_status(struct device *d, const char *state)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	g_mutex_lock(&d->lock);
	while (g_strcmp0(d->status, state) != 0)
		wait_news(d, end, state);
	const char *text = d->text;
	g_mutex_unlock(&d->lock);
	return text;
}

bool device_can(struct device *d, const char *capability)
{
	const cJSON *one;
	bool can = false;
	g_mutex_lock(&d->lock);
	cJSON_ArrayForEach(one, d->capabilities)
		can |= g_strcmp0(cJSON_GetStringValue(one), capability) == 0;
	g_mutex_unlock(&d->lock);
	return can;
}

unsigned int device_synced_count(struct device *d)
{
	g_mutex_lock(&d->lock);
	unsigned int n = d->synced;
	g_mutex_unlock(&d->lock);
	return n;
}

void device_wait_synced(struct device *d, unsigned int count)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	g_mutex_lock(&d->lock);
	while (d->synced < count)
		wait_news(d, end, "synced");
	g_mutex_unlock(&d->lock);
}
