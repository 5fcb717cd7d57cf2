#include "core/base/program.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/log.h"

#define WORDS_MAX 32

struct program {
	GMainLoop *loop;
	struct channel *channel;
	const struct program_word *words;
	void *data;
	struct message_shape shapes[WORDS_MAX + 1];
};

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct program *program = data;
	(void)channel;
	for (const struct program_word *word = program->words; word->name; word++)
		if (g_str_equal(word->name, name))
			word->run(program->data, message, fd);
	if (fd >= 0)
		close(fd);
}

static void on_closed(struct channel *channel, void *data)
{
	(void)channel;
	program_quit(data);
}

void program_quit(struct program *program)
{
	g_main_loop_quit(program->loop);
}

void program_say(struct program *program, cJSON *message)
{
	channel_send(program->channel, message);
}

struct posted {
	struct program *program;
	cJSON *message;
};

static gboolean post_run(void *data)
{
	struct posted *posted = data;
	program_say(posted->program, posted->message);
	g_free(posted);
	return G_SOURCE_REMOVE;
}

void program_post(struct program *program, cJSON *message)
{
	struct posted *posted = g_new(struct posted, 1);
	*posted = (struct posted){ program, message };
	g_idle_add_full(G_PRIORITY_DEFAULT, post_run, posted, NULL);
}

static void shapes_take(struct program *program)
{
	for (int i = 0; program->words[i].name; i++) {
		g_assert(i < WORDS_MAX);
		program->shapes[i] = (struct message_shape){ program->words[i].name, program->words[i].fields };
	}
}

int program_run(const char *name, enum sandbox_role role, const struct program_word *words, void *data,
		void (*stop)(void *data), struct program **ret_program)
{
	log_init(name, LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	struct program *program = g_new0(struct program, 1);
	program->words = words;
	program->data = data;
	shapes_take(program);
	if (channel_open(CHILD_CHANNEL_FD, program->shapes, NULL, on_message, on_closed, program,
			 &program->channel) < 0) {
		log_error("%s is started by callboxd, not by hand", name);
		g_free(program);
		return 64;
	}
	int r = sandbox_enter(role);
	if (r < 0)
		log_warning("kernel: no system call filter: %s", g_strerror(-r));
	*ret_program = program;
	program->loop = g_main_loop_new(NULL, FALSE);
	program_say(program, message_new("ready"));
	g_main_loop_run(program->loop);
	stop(data);
	while (g_main_context_iteration(NULL, FALSE))
		; /* what other threads posted is freed */
	channel_close(program->channel);
	g_main_loop_unref(program->loop);
	g_free(program);
	return 0;
}
