/* place: where a whole-process test lives: a scratch folder, the staged installation, a hub, boxes.
 *
 * Everything runs as the ordinary user from the tree that `make stage.stamp` installed (DESTDIR), found by
 * the CALLBOX_*_DIR variables; nothing outside the scratch folder is written. Owner: the test's main
 * thread. Every wait has a limit and ends the test with what was expected and the logs' names. */
#ifndef CALLBOX_TESTS_PAIRS_PLACE_H
#define CALLBOX_TESTS_PAIRS_PLACE_H

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

struct place {
	char *dir;	 /* scratch folder, kept when the test fails */
	bool temporary;	 /* removed when it does not */
	char *stage;	 /* DESTDIR of the staged installation */
	char *hub_url;	 /* ws://127.0.0.1:PORT once the hub listens; wss when hub_more has a certificate */
	char *hub_conf;
	const char *hub_more; /* further hub.conf lines, or NULL; set before place_hub_start() */
	GPid hub;
	GPtrArray *boxes; /* struct box */
};

/* What a box is made of; NULL takes the default. */
struct box_devices {
	const char *camera, *microphone, *speaker, *local_view, *remote_view;
	const char *more; /* further callbox.conf lines, or NULL */
	const char *account_more; /* further lines of the account's file, or NULL */
};

struct box {
	struct place *place;
	char *account, *device, *dir, *socket, *log;
	GPid pid;
};

/* dir: used as it is when given (created, emptied of an earlier run), else a fresh one under TMPDIR. */
struct place *place_open(const char *dir);
void place_close(struct place *place); /* ends every process it started, waits for them */

/* Path of a staged program ("callboxctl"), looked for in bin, sbin and libexec. Caller frees. */
char *place_program(const struct place *place, const char *name);
/* Environment of a staged program; dir holds its run and state folders. Caller frees (g_strfreev). */
char **place_environment(const struct place *place, const char *dir);

void place_hub_start(struct place *place);
void place_hub_stop(struct place *place);
/* Adds an account to the hub's store; returns its token. Caller frees. */
char *place_add_user(struct place *place, const char *user);

/* Writes conf, account and secret files of a box; starts nothing. token NULL: one is made. */
struct box *box_create(struct place *place, const char *account, const char *device,
		       const char *token, const struct box_devices *devices);
void box_start(struct box *box);		   /* returns when the account is online */
void box_spawn(struct box *box);		   /* returns when the process runs */
int box_stop(struct box *box, int signal_number);  /* returns the wait status */
/* The live children of the box whose program has this name; -1 when there is none. */
GPid box_child(const struct box *box, const char *program);
/* Number of zombie children of the box. */
unsigned int box_zombies(const struct box *box);

/* Runs a staged program to its end (limit: 30 s); output of both streams in *ret_out. Returns its exit code. */
int place_run(const struct place *place, const char *dir, char **ret_out, const char *program, ...)
	G_GNUC_NULL_TERMINATED;

#endif
