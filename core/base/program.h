/* program: the main() of a program that callboxd starts: log, channel on CHILD_CHANNEL_FD, sandbox, loop until
 * the channel closes or stop is told. Owner: main(); default main context, but program_post(). */
#ifndef CALLBOX_BASE_PROGRAM_H
#define CALLBOX_BASE_PROGRAM_H

#include "core/base/child.h"
#include "core/base/sandbox.h"

struct program;

/* fd: -1, or the descriptor that came with the message; closed after the call: duplicate it to keep it. */
typedef void (*program_do_fn)(void *data, const cJSON *message, int fd);

/* One row a message that callboxd may send; NULL name ends. */
struct program_word {
	const char *name;
	const struct message_field *fields;
	program_do_fn run;
};

/* program: where *ret_program is put before the first message. stop ends what data holds, after the loop and
 * while the channel is still there. Returns main()'s exit code. */
int program_run(const char *name, enum sandbox_role role, const struct program_word *words, void *data,
		void (*stop)(void *data), struct program **ret_program);

/* Both take the message. */
void program_say(struct program *program, cJSON *message);
/* From any thread: leaves on the main one. */
void program_post(struct program *program, cJSON *message);
void program_quit(struct program *program);

#endif
