/* provider_abi: what a signalling plugin is. The only header that plugins include; installed as
 * <callbox/provider_abi.h>, found by pkg-config as callbox-provider. C11, no other dependency.
 *
 * A plugin is one shared object that exports one symbol, `callbox_provider`, a const struct. The process
 * callbox-provider loads it for one account, checks abi and size before it calls any function, and calls
 *
 *     open() on the main thread → run() on a thread of its own → command()* → stop() → (run returns) → close()
 *
 * Text is JSON in UTF-8, NUL-terminated, at most 65536 bytes. The call machine is never in the plugin: it
 * carries messages, at least once, and says what it knows about their age. */
#ifndef CALLBOX_PROVIDER_ABI_H
#define CALLBOX_PROVIDER_ABI_H

#include <stdint.h>

#define CALLBOX_PROVIDER_ABI 1

/* What the host offers. Every function may be called from any thread between open() and the return of
 * close(); text is copied before it returns. */
struct callbox_host {
	uint32_t abi, size;
	void *data; /* first argument of each function */

	/* Connection: state is "connecting", "online", "offline", "refused" or "kicked"; message is for
	 * people and names the server; capabilities is a JSON array of strings or NULL. */
	void (*status)(void *data, const char *state, const char *message, const char *capabilities);

	/* A message of another device: {kind, call_id, from_user, from_party, to_party, seq, age_ms, replay,
	 * copy, event_id, body}. from_user and from_party come from the authenticated transport. */
	void (*event)(void *data, const char *event);

	/* The backlog of this connection has been delivered whole. */
	void (*synced)(void *data);

	/* Exactly one per command: error NULL for success, else a short word ("no_user", "deadline", …). body
	 * is a JSON object or NULL. */
	void (*result)(void *data, uint64_t id, const char *error, const char *message, const char *body);

	/* level: 0 error, 1 warning, 2 info, 3 debug. Never a secret. */
	void (*log)(void *data, int level, const char *text);

	/* A small durable store for a stream id or a sync token. get: malloc'ed text or NULL. */
	char *(*store_get)(void *data, const char *key);
	int (*store_put)(void *data, const char *key, const char *value);
};

struct callbox_provider {
	uint32_t abi;  /* CALLBOX_PROVIDER_ABI */
	uint32_t size; /* sizeof(struct callbox_provider) */
	const char *name;

	/* config: {account, device, boot, secret, config{…keys of the account's conf file}}. 0 and the plugin's
	 * own state, or a negative errno after a log() that says what is wrong. host outlives close(). */
	int (*open)(const struct callbox_host *host, const char *config, void **ret_state);

	/* The plugin's own loop; returns after stop(). */
	void (*run)(void *state);

	/* From the main thread; queues and returns at once: {id, kind, call_id, to_user, to_party, seq,
	 * deadline_ms, body}. to_party "*" is every device of the account. kind "ice_servers" asks for media
	 * servers: result body {servers:[{urls[], username, credential, ttl_s}]}. */
	void (*command)(void *state, const char *command);

	/* From the main thread: makes run() return soon. */
	void (*stop)(void *state);
	void (*close)(void *state);
};

#endif
