#include "core/box/token.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/base/errand.h"
#include "core/base/log.h"
#include "core/base/message.h"
#include "core/base/paths.h"

#define TTL_DEFAULT_S 3600
#define TTL_MIN_S 10
#define RETRY_MS 10000

struct token {
	char *service, *trouble;
	cJSON *servers;
	gint64 good_until_us;
	struct errand *errand;
	guint timer;
};

static bool is_url(const char *service)
{
	return g_str_has_prefix(service, "https://") || g_str_has_prefix(service, "http://");
}

int token_check(const char *service, char **ret_why)
{
	static const char *const loopback[] = { "http://127.", "http://localhost", "http://[::1]" };
	if (!service || !service[0] || g_str_has_prefix(service, "https://"))
		return 0;
	if (!is_url(service))
		return errand_check(service, ret_why);
	for (size_t i = 0; i < G_N_ELEMENTS(loopback); i++)
		if (g_str_has_prefix(service, loopback[i]))
			return 0;
	*ret_why = g_strdup("without TLS only a loopback address is asked (https://)");
	return -EINVAL;
}

static const char *servers_fault(const cJSON *servers)
{
	const cJSON *one, *url;
	if (!cJSON_IsArray(servers) || cJSON_GetArraySize(servers) > 16)
		return "servers: an array of at most 16 is needed";
	cJSON_ArrayForEach(one, servers) {
		const cJSON *urls = message_member(one, "urls");
		if (!cJSON_IsArray(urls) || cJSON_GetArraySize(urls) == 0)
			return "urls: an array of stun: or turn: URLs is needed";
		cJSON_ArrayForEach(url, urls)
			if (!cJSON_IsString(url) || !strpbrk(url->valuestring, ":"))
				return "urls: an array of stun: or turn: URLs is needed";
	}
	return NULL;
}

static int shortest_ttl(const cJSON *servers)
{
	int ttl = TTL_DEFAULT_S;
	const cJSON *one;
	cJSON_ArrayForEach(one, servers)
		ttl = MIN(ttl, MAX(message_int(one, "ttl_s", ttl), TTL_MIN_S));
	return ttl;
}

static gboolean on_timer(void *data);

static void ask_later(struct token *token, int ms)
{
	if (token->timer)
		g_source_remove(token->timer);
	token->timer = g_timeout_add((guint)ms, on_timer, token);
}

static void trouble_set(struct token *token, const char *text)
{
	if (text && g_strcmp0(token->trouble, text) != 0)
		log_error("token_service: %s", text);
	g_free(token->trouble);
	token->trouble = g_strdup(text);
}

static void take(struct token *token, const char *output)
{
	const char *why = NULL;
	cJSON *json = message_parse(output, strlen(output), &why);
	const cJSON *servers = message_member(json, "servers");
	if (json)
		why = servers_fault(servers);
	trouble_set(token, why);
	if (!why) {
		int ttl = shortest_ttl(servers);
		cJSON_Delete(token->servers);
		token->servers = cJSON_Duplicate(servers, true);
		token->good_until_us = g_get_monotonic_time() + (gint64)ttl * G_USEC_PER_SEC;
		ask_later(token, ttl * 500);
	} else {
		ask_later(token, RETRY_MS);
	}
	cJSON_Delete(json);
}

static void on_done(bool good, const char *how, const char *output, void *data)
{
	struct token *token = data;
	token->errand = NULL;
	if (good) {
		take(token, output);
		return;
	}
	g_autofree char *clean = errand_printable(output, 200);
	g_autofree char *text = g_strdup_printf("%s%s%s", how, *clean ? ": " : "", clean);
	trouble_set(token, text);
	ask_later(token, RETRY_MS);
}

static void ask(struct token *token)
{
	static const char *const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL };
	g_autofree char *fetch = path_join(PATH_LIBEXEC, "callbox-fetch");
	const char *const url_argv[] = { fetch, token->service, NULL };
	g_auto(GStrv) words = errand_argv(token->service);
	if (!words || token->errand)
		return;
	const char *const *argv = is_url(token->service) ? url_argv : (const char *const *)words;
	int r = errand_start(argv, environment, NULL, TOKEN_LIMIT_MS, on_done, token, &token->errand);
	if (r < 0) {
		trouble_set(token, g_strerror(-r));
		ask_later(token, RETRY_MS);
	}
}

static gboolean on_timer(void *data)
{
	struct token *token = data;
	token->timer = 0;
	ask(token);
	return G_SOURCE_REMOVE;
}

static void forget(struct token *token)
{
	errand_cancel(token->errand);
	token->errand = NULL;
	if (token->timer)
		g_source_remove(token->timer);
	token->timer = 0;
	cJSON_Delete(token->servers);
	token->servers = NULL;
	g_clear_pointer(&token->trouble, g_free);
	g_clear_pointer(&token->service, g_free);
}

void token_set(struct token *token, const char *service)
{
	forget(token);
	token->service = service && *service ? g_strdup(service) : NULL;
	if (!token->service)
		return;
	token->trouble = g_strdup("not answered yet");
	ask(token);
}

struct token *token_create(const char *service)
{
	struct token *token = g_new0(struct token, 1);
	token_set(token, service);
	return token;
}

void token_destroy(struct token *token)
{
	if (!token)
		return;
	forget(token);
	g_free(token);
}

const cJSON *token_servers(const struct token *token)
{
	return g_get_monotonic_time() < token->good_until_us ? token->servers : NULL;
}

const char *token_trouble(const struct token *token)
{
	return token_servers(token) ? NULL : token->trouble;
}
