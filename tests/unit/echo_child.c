/* A child for test_child: says back what it is told; "die" aborts, "hang" stops reading, and when its
 * channel closes it ends with code 0. Told "forbidden", it makes a system call the sandbox kills for. */
#include <glib.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/sandbox.h"

static const struct message_shape shapes[] = { { "say", NULL }, { "die", NULL }, { "hang", NULL },
					       { "forbidden", NULL }, { NULL, NULL } };

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	(void)data;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "die"))
		abort();
	if (g_str_equal(name, "hang"))
		for (;;)
			pause();
	if (g_str_equal(name, "forbidden"))
		syscall(SYS_ptrace, 0, 0, 0, 0);
	cJSON *answer = message_new("said");
	cJSON_AddStringToObject(answer, "text", message_string(message, "text", ""));
	channel_send(channel, answer);
}

static void on_closed(struct channel *channel, void *data)
{
	(void)channel;
	g_main_loop_quit(data);
}

int main(void)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	struct channel *channel;
	if (sandbox_enter(SANDBOX_VIDEO) < 0 ||
	    channel_open(CHILD_CHANNEL_FD, shapes, NULL, on_message, on_closed, loop, &channel) < 0)
		return 2;
	g_main_loop_run(loop);
	channel_close(channel);
	g_main_loop_unref(loop);
	return 0;
}
