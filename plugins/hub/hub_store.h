/* hub_store: what the hub keeps on disk: accounts with hashed tokens, the devices that were seen, and the
 * messages that no device has acknowledged yet. SQLite, WAL. One thread. Errors are logged here. */
#ifndef CALLBOX_PLUGINS_HUB_STORE_H
#define CALLBOX_PLUGINS_HUB_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct hub_store;

int hub_store_open(const char *file, struct hub_store **ret_store, char **ret_error);
void hub_store_close(struct hub_store *store);

/* Makes the account or gives it a new token; only a scrypt hash is kept. Another process may do it while the hub runs:
 * from then on hub_store_check() takes the new token alone. */
int hub_store_add_user(struct hub_store *store, const char *user, const char *token);
bool hub_store_has_user(struct hub_store *store, const char *user);
/* 0, -ENOENT: no such account, -EACCES: wrong token. Takes some milliseconds the first time. */
int hub_store_check(struct hub_store *store, const char *user, const char *token);

/* A device has logged in. guest: its name was made for one tab of a browser. */
void hub_store_device(struct hub_store *store, const char *user, const char *device, bool guest);
/* It has logged out: its time runs. */
void hub_store_device_gone(struct hub_store *store, const char *user, const char *device, int64_t now_ms);
/* The hub has started: who was logged in when it ended counts as gone now, and so does every guest. */
void hub_store_devices_restart(struct hub_store *store, int64_t now_ms);
/* Forgets the devices that logged out before these times, with their queues. Returns how many. */
unsigned int hub_store_forget(struct hub_store *store, int64_t before_ms, int64_t guests_before_ms);
/* Calls fn for each device of the account that is known. */
void hub_store_devices(struct hub_store *store, const char *user,
		       void (*fn)(const char *device, void *data), void *data);

/* Keeps a message for a device until hub_store_acknowledge() or its expiry; times are milliseconds since
 * the epoch. Returns its number, or -1 when it could not be kept. */
int64_t hub_store_put(struct hub_store *store, const char *user, const char *device, int64_t now_ms,
		      int64_t expires_ms, const char *text);
void hub_store_acknowledge(struct hub_store *store, const char *user, const char *device, int64_t number);
/* Calls fn for each unexpired message of the device, oldest first. */
void hub_store_waiting(struct hub_store *store, const char *user, const char *device, int64_t now_ms,
		       void (*fn)(int64_t number, int64_t stored_ms, const char *text, void *data), void *data);
/* Makes durable against a crash what was put and acknowledged since the last time. The hub calls it before anything
 * that depends on it leaves, and after each turn of its loop. */
void hub_store_commit(struct hub_store *store);
void hub_store_expire(struct hub_store *store, int64_t now_ms);

#endif
