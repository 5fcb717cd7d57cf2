#include "core/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/paths.h"

#define LINGER_MS 1000 /* a child without its channel may live this long */

struct child {
	char *program;
	pid_t pid;
	struct channel *channel;
	channel_message_fn on_message;
	child_exit_fn on_exit;
	void *data;
	guint kill_timer;
};

static unsigned int running;

/* The new process runs in its parent's memory until it is another program: no handler of the parent may run there. */
static void forget_handlers(void)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &plain, NULL); /* some cannot be set, which is fine */
}

/* In the new process: only async-signal-safe calls, and nothing is written but its own stack. */
static void become(const char *path, char *const *argv, int channel_fd, pid_t parent)
{
	sigset_t none;
	forget_handlers();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0)
		_exit(126);
	if (channel_fd == CHILD_CHANNEL_FD)
		fcntl(channel_fd, F_SETFD, 0);
	else if (dup2(channel_fd, CHILD_CHANNEL_FD) < 0)
		_exit(126);
	if (close_range(CHILD_CHANNEL_FD + 1, ~0U, 0) < 0)
		_exit(126);
	execv(path, argv);
	_exit(127);
}

static char **arguments_join(const char *program, const char *const *arguments)
{
	GPtrArray *argv = g_ptr_array_new();
	g_ptr_array_add(argv, g_strdup(program));
	for (; arguments && *arguments; arguments++)
		g_ptr_array_add(argv, g_strdup(*arguments));
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static gboolean on_kill_timer(void *data)
{
	struct child *child = data;
	child->kill_timer = 0;
	kill(child->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

static void kill_later(struct child *child, unsigned int ms)
{
	if (child->kill_timer)
		g_source_remove(child->kill_timer);
	child->kill_timer = g_timeout_add(ms, on_kill_timer, child);
}

static void on_reaped(GPid pid, int status, void *data)
{
	struct child *child = data;
	running--;
	char how[64];
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "exit code %d", WEXITSTATUS(status));
	log_debug("%s[%d]: %s", child->program, (int)pid, how);
	if (child->kill_timer)
		g_source_remove(child->kill_timer);
	channel_close(child->channel);
	child->channel = NULL;
	if (child->on_exit)
		child->on_exit(child, how, WIFEXITED(status) && WEXITSTATUS(status) == 0, child->data);
	g_free(child->program);
	g_free(child);
}

static void on_channel_message(struct channel *channel, const char *name, const cJSON *message, int fd,
			       void *data)
{
	struct child *child = data;
	child->on_message(channel, name, message, fd, child->data);
}

static void on_channel_closed(struct channel *channel, void *data)
{
	struct child *child = data;
	(void)channel;
	kill_later(child, LINGER_MS);
}

static int fork_child(struct child *child, const char *const *arguments, int fd)
{
	char **argv = arguments_join(child->program, arguments);
	char *path = path_join(PATH_LIBEXEC, child->program);
	pid_t parent = getpid();
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid_t pid = vfork(); /* fork() copies the page tables of all that the parent has */
	if (pid == 0)
		become(path, argv, fd, parent);
	child->pid = pid;
	int r = child->pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	g_strfreev(argv);
	g_free(path);
	return r;
}

int child_start(const char *program, const char *const *arguments, const struct message_shape *shapes,
		channel_message_fn on_message, child_exit_fn on_exit, void *data, struct child **ret_child)
{
	int fds[2];
	int r = channel_pair(fds);
	if (r < 0)
		return r;
	struct child *child = g_new0(struct child, 1);
	child->program = g_strdup(program);
	child->on_message = on_message;
	child->on_exit = on_exit;
	child->data = data;
	r = fork_child(child, arguments, fds[1]);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		g_free(child->program);
		g_free(child);
		return r;
	}
	running++;
	channel_open(fds[0], shapes, NULL, on_channel_message, on_channel_closed, child, &child->channel);
	g_child_watch_add(child->pid, on_reaped, child);
	*ret_child = child;
	return 0;
}

struct channel *child_channel(struct child *child)
{
	return child->channel;
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

int child_send_fd(struct child *child, cJSON *message, int fd)
{
	int r = channel_send_fd(child->channel, message, fd);
	if (r == -ENOBUFS) {
		log_error("%s[%d]: reads nothing any more: killed", child->program, (int)child->pid);
		kill(child->pid, SIGKILL);
	}
	return r;
}

int child_send(struct child *child, cJSON *message)
{
	return child_send_fd(child, message, -1);
}

void child_stop(struct child *child, unsigned int grace_ms)
{
	if (!child)
		return;
	child->on_exit = NULL;
	channel_close(child->channel);
	child->channel = NULL;
	kill_later(child, grace_ms);
}

unsigned int child_count(void)
{
	return running;
}

static gboolean on_limit(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

void child_wait_all(unsigned int limit_ms)
{
	bool over = false;
	guint timer = g_timeout_add(limit_ms, on_limit, &over);
	while (running > 0 && !over)
		g_main_context_iteration(NULL, TRUE);
	if (!over)
		g_source_remove(timer);
}
