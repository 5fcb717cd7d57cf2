#include "core/base/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_BYTES 60000 /* fits a pipe's buffer: written at once, never waited for */

struct errand {
	pid_t pid;
	int out;
	guint out_source, limit_timer, reap_source;
	unsigned int limit_ms;
	bool late;
	int status;
	GString *output;
	errand_done_fn on_done;
	void *data;
};

char **errand_argv(const char *command)
{
	g_auto(GStrv) words = g_strsplit_set(command ? command : "", " \t", -1);
	GPtrArray *argv = g_ptr_array_new();
	for (char **word = words; *word; word++)
		if (**word)
			g_ptr_array_add(argv, g_strdup(*word));
	if (argv->len == 0) {
		g_ptr_array_free(argv, TRUE);
		return NULL;
	}
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

int errand_check(const char *command, char **ret_why)
{
	g_auto(GStrv) argv = errand_argv(command);
	int r = 0;
	if (!argv || argv[0][0] != '/')
		r = -EINVAL;
	else if (g_file_test(argv[0], G_FILE_TEST_IS_DIR))
		r = -EISDIR;
	else if (access(argv[0], X_OK) < 0)
		r = -errno;
	if (r < 0)
		*ret_why = r == -EINVAL ? g_strdup("the absolute path of a program is needed")
					: g_strdup_printf("%s: %s", argv[0], g_strerror(-r));
	return r;
}

char *errand_printable(const char *text, unsigned int max)
{
	GString *out = g_string_new(NULL);
	for (const char *at = text ? text : ""; *at;) {
		gunichar c = g_utf8_get_char_validated(at, -1);
		bool bad = c == (gunichar)-1 || c == (gunichar)-2;
		const char *next = bad ? at + 1 : g_utf8_next_char(at);
		size_t bytes = bad || !g_unichar_isprint(c) ? 1 : (size_t)(next - at);
		if (out->len + bytes > max)
			break;
		if (bad || !g_unichar_isprint(c))
			g_string_append_c(out, '?');
		else
			g_string_append_len(out, at, next - at);
		at = next;
	}
	return g_string_free(out, FALSE);
}

/* In the new process: only async-signal-safe calls. */
static void become(const char *const *argv, const char *const *environment, int in, int out)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || close_range(3, ~0U, 0) < 0 || chdir("/") < 0)
		_exit(126);
	execve(argv[0], (char *const *)argv, (char *const *)environment);
	_exit(127);
}

static pid_t fork_program(const char *const *argv, const char *const *environment, int in, int out)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, environment, in, out);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid > 0)
		setpgid(pid, pid); /* whichever of the two comes first */
	return pid;
}

static void out_close(struct errand *errand)
{
	if (errand->out_source)
		g_source_remove(errand->out_source);
	errand->out_source = 0;
	if (errand->out >= 0)
		close(errand->out);
	errand->out = -1;
}

static void errand_free(struct errand *errand)
{
	out_close(errand);
	if (errand->limit_timer)
		g_source_remove(errand->limit_timer);
	g_string_free(errand->output, TRUE);
	g_free(errand);
}

/* The program has ended and its output is read. */
static void finish(struct errand *errand)
{
	g_autofree char *how = NULL;
	bool exited = WIFEXITED(errand->status);
	if (errand->late)
		how = g_strdup_printf("killed after %u ms", errand->limit_ms);
	else if (exited)
		how = g_strdup_printf("exit code %d", WEXITSTATUS(errand->status));
	else
		how = g_strdup_printf("killed by SIG%s", sigabbrev_np(WTERMSIG(errand->status)));
	errand->on_done(!errand->late && exited && WEXITSTATUS(errand->status) == 0, how, errand->output->str,
			errand->data);
	errand_free(errand);
}

static void read_some(struct errand *errand)
{
	char buffer[4096];
	for (ssize_t n; (n = read(errand->out, buffer, sizeof(buffer))) > 0;)
		g_string_append_len(errand->output, buffer,
				    MIN(n, (ssize_t)(ERRAND_OUTPUT_BYTES - errand->output->len)));
}

static gboolean on_output(int fd, GIOCondition condition, void *data)
{
	struct errand *errand = data;
	(void)fd;
	read_some(errand);
	if (condition & G_IO_IN)
		return G_SOURCE_CONTINUE;
	errand->out_source = 0;
	out_close(errand);
	return G_SOURCE_REMOVE;
}

static void on_reaped(GPid pid, int status, void *data)
{
	struct errand *errand = data;
	kill(-pid, SIGKILL); /* what it left behind in its group */
	errand->status = status;
	if (errand->out >= 0)
		read_some(errand);
	finish(errand);
}

static gboolean on_limit(void *data)
{
	struct errand *errand = data;
	errand->limit_timer = 0;
	errand->late = true;
	kill(-errand->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

static void write_input(int fd, const char *input)
{
	size_t bytes = input ? MIN(strlen(input), INPUT_BYTES) : 0;
	if (bytes > 0 && write(fd, input, bytes) < 0)
		return; /* it does not care to read */
}

int errand_start(const char *const *argv, const char *const *environment, const char *input,
		 unsigned int limit_ms, errand_done_fn on_done, void *data, struct errand **ret_errand)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		int r = -errno;
		close(in[0]);
		close(in[1]);
		return r;
	}
	pid_t pid = fork_program(argv, environment, in[0], out[1]);
	int r = pid < 0 ? -errno : 0;
	close(in[0]);
	close(out[1]);
	if (r == 0)
		write_input(in[1], input);
	close(in[1]);
	if (r < 0) {
		close(out[0]);
		return r;
	}
	struct errand *errand = g_new0(struct errand, 1);
	errand->pid = pid;
	errand->out = out[0];
	errand->limit_ms = limit_ms;
	errand->output = g_string_new(NULL);
	errand->on_done = on_done;
	errand->data = data;
	g_unix_set_fd_nonblocking(out[0], TRUE, NULL);
	errand->out_source = g_unix_fd_add(out[0], G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, errand);
	errand->limit_timer = g_timeout_add(limit_ms, on_limit, errand);
	errand->reap_source = g_child_watch_add(pid, on_reaped, errand);
	*ret_errand = errand;
	return 0;
}

void errand_cancel(struct errand *errand)
{
	if (!errand)
		return;
	kill(-errand->pid, SIGKILL);
	g_source_remove(errand->reap_source);
	waitpid(errand->pid, NULL, 0); /* it was killed: at once */
	errand_free(errand);
}
