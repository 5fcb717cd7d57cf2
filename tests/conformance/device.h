/* device: one login of a provider, loaded through nothing but the plugin ABI, with a host that writes down everything
 * the plugin says. Owner and thread: the test; the plugin's own thread only adds to the notes, under a lock.
 * Every wait has a limit and ends the test with what was expected. */
#ifndef CALLBOX_TESTS_CONFORMANCE_DEVICE_H
#define CALLBOX_TESTS_CONFORMANCE_DEVICE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/signalling/provider_abi.h"

struct device;

/* The plugin of this file; fails the test when it is none. */
const struct callbox_provider *provider_load(const char *file);

/* open() and run(). server and token as in the account's conf file. */
struct device *device_open(const struct callbox_provider *provider, const char *account, const char *name,
			   const char *boot, const char *token, const char *server);
/* open(), run() and the word that it is online and has delivered its backlog. */
struct device *device_login(const struct callbox_provider *provider, const char *account, const char *name,
			    const char *boot, const char *token, const char *server);
/* stop(), the return of run() within 2 s, close(). */
void device_close(struct device *device);

const char *device_party(const struct device *device);

/* A command; body is taken, NULL: {}. Returns its id. */
uint64_t device_send(struct device *device, const char *kind, const char *call_id, const char *to_user,
		     const char *to_party, uint64_t seq, int deadline_ms, cJSON *body);
/* The command's only result, {error?, message?, body?}; caller deletes. */
cJSON *device_result(struct device *device, uint64_t id);
/* Results that came for an id so far, taken ones too. */
unsigned int device_result_count(struct device *device, uint64_t id);

/* The next event; caller deletes. */
cJSON *device_event(struct device *device);
/* Events that wait to be taken. */
unsigned int device_events(struct device *device);
/* Events that came before the last synced(); -1: not synced yet. */
int device_events_before_synced(struct device *device);
/* Waits until the last status said is this one; returns its message, borrowed until the next call. */
const char *device_wait_status(struct device *device, const char *state);
bool device_can(struct device *device, const char *capability);
unsigned int device_synced_count(struct device *device);
void device_wait_synced(struct device *device, unsigned int count);

#endif
