#include "tests/pairs/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pairs/client.h"

#define WAIT_MS 30000

static void write_file(const char *path, mode_t mode, const char *text)
{
	g_autoptr(GError) error = NULL;
	if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, (int)mode, &error))
		g_error("%s", error->message);
}

static char *file_text(const char *path)
{
	char *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

static void remove_tree(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
			remove_tree(child);
		else
			g_unlink(child);
	}
	if (dir)
		g_dir_close(dir);
	g_rmdir(path);
}

struct place *place_open(const char *dir)
{
	struct place *place = g_new0(struct place, 1);
	const char *build = g_getenv("CALLBOX_BUILD");
	const char *stage = g_getenv("CALLBOX_STAGE");
	if (!build && !stage)
		g_error("CALLBOX_BUILD or CALLBOX_STAGE must name the staged installation");
	place->stage = stage ? g_strdup(stage) : g_build_filename(build, "stage", NULL);
	if (dir) {
		remove_tree(dir);
		if (g_mkdir_with_parents(dir, 0700) < 0)
			g_error("%s: %s", dir, g_strerror(errno));
		place->dir = g_canonicalize_filename(dir, NULL);
	} else {
		place->dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
		place->temporary = true;
	}
	place->boxes = g_ptr_array_new();
	return place;
}

char *place_program(const struct place *place, const char *name)
{
	static const char *const folders[] = { CALLBOX_BIN_DIR, CALLBOX_SBIN_DIR, CALLBOX_LIBEXEC_DIR };
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		char *path = g_build_filename(place->stage, folders[i], name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			return path;
		g_free(path);
	}
	g_error("%s is not staged under %s", name, place->stage);
}

char **place_environment(const struct place *place, const char *dir)
{
	static const struct { const char *variable, *folder; } installed[] = {
		{ "CALLBOX_LIBEXEC_DIR", CALLBOX_LIBEXEC_DIR },
		{ "CALLBOX_PLUGIN_DIR", CALLBOX_PLUGIN_DIR },
		{ "CALLBOX_DATA_DIR", CALLBOX_DATA_DIR },
	};
	char **env = g_get_environ();
	for (size_t i = 0; i < G_N_ELEMENTS(installed); i++) {
		g_autofree char *path = g_build_filename(place->stage, installed[i].folder, NULL);
		env = g_environ_setenv(env, installed[i].variable, path, TRUE);
	}
	static const struct { const char *variable, *folder; } own[] = {
		{ "CALLBOX_RUN_DIR", "run" }, { "CALLBOX_STATE_DIR", "state" }, { "CALLBOX_CONF_DIR", "conf" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
		g_autofree char *path = g_build_filename(dir, own[i].folder, NULL);
		g_mkdir_with_parents(path, 0700);
		env = g_environ_setenv(env, own[i].variable, path, TRUE);
	}
	return env;
}

/* Runs argv in dir with both streams in log; the child dies with the test. */
static GPid spawn(const struct place *place, const char *dir, const char *log, const char *const *argv)
{
	g_auto(GStrv) env = place_environment(place, dir);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		g_error("fork: %s", g_strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int null = open("/dev/null", O_RDONLY);
	dup2(null, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (chdir(dir) < 0)
		_exit(127);
	execve(argv[0], (char *const *)argv, env);
	_exit(127);
}

/* Waits for the end of a child, WAIT_MS at most, then kills it. Returns the wait status. */
static int reap(GPid pid)
{
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;
	int status = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (g_get_monotonic_time() > end) {
			g_printerr("# process %d did not end in %d ms: killed\n", (int)pid, WAIT_MS);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		poll(NULL, 0, 5);
	}
	return status;
}

void place_hub_stop(struct place *place)
{
	if (place->hub <= 0)
		return;
	kill(place->hub, SIGTERM);
	reap(place->hub);
	place->hub = 0;
}

static void box_free(struct box *box)
{
	if (box->pid > 0)
		box_stop(box, SIGTERM);
	g_free(box->account);
	g_free(box->device);
	g_free(box->dir);
	g_free(box->socket);
	g_free(box->log);
	g_free(box);
}

/* A process that a sanitizer found wrong says so only in its log. */
static void check_log(const char *file)
{
	static const char *const words[] = { "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:" };
	g_autofree char *text = file_text(file);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(text, words[i]))
			g_error("%s: %s", file, strstr(text, words[i]));
}

void place_close(struct place *place)
{
	for (unsigned int i = 0; i < place->boxes->len; i++) {
		struct box *box = place->boxes->pdata[i];
		if (box->pid > 0)
			box_stop(box, SIGTERM);
		check_log(box->log);
		box_free(box);
	}
	g_ptr_array_free(place->boxes, TRUE);
	place_hub_stop(place);
	g_autofree char *hub_log = g_build_filename(place->dir, "hub", "hub.log", NULL);
	check_log(hub_log);
	if (place->temporary)
		remove_tree(place->dir);
	g_free(place->hub_url);
	g_free(place->hub_conf);
	g_free(place->stage);
	g_free(place->dir);
	g_free(place);
}

/* The port in the hub's "listening on HOST:PORT" line. */
static unsigned int hub_port(struct place *place, const char *log)
{
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;
	for (;;) {
		g_autofree char *text = file_text(log);
		const char *line = strstr(text, "listening on ");
		const char *colon = line ? strchr(line, ':') : NULL;
		if (colon && strchr(colon, '\n'))
			return (unsigned int)strtoul(colon + 1, NULL, 10);
		if (g_get_monotonic_time() > end || waitpid(place->hub, NULL, WNOHANG) == place->hub)
			g_error("the hub does not listen; its log %s:\n%s", log, text);
		poll(NULL, 0, 5);
	}
}

void place_hub_start(struct place *place)
{
	g_autofree char *dir = g_build_filename(place->dir, "hub", NULL);
	g_autofree char *log = g_build_filename(dir, "hub.log", NULL);
	g_autofree char *program = place_program(place, "callbox-hub");
	g_mkdir_with_parents(dir, 0700);
	if (!place->hub_conf)
		place->hub_conf = g_build_filename(dir, "hub.conf", NULL);
	const char *more = place->hub_more ? place->hub_more : "";
	const char *address = place->hub_url ? strstr(place->hub_url, "//") + 2 : "127.0.0.1:0";
	g_autofree char *conf = g_strdup_printf("listen = %s\ndatabase = %s/hub.db\n%s", address, dir, more);
	write_file(place->hub_conf, 0600, conf);
	g_unlink(log);
	place->hub = spawn(place, dir, log, (const char *[]){ program, "-f", place->hub_conf, NULL });
	unsigned int port = hub_port(place, log);
	g_free(place->hub_url);
	place->hub_url = g_strdup_printf("%s://127.0.0.1:%u", strstr(more, "certificate") ? "wss" : "ws", port);
}

int place_run(const struct place *place, const char *dir, char **ret_out, const char *program, ...)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *path = place_program(place, program);
	g_ptr_array_add(argv, path);
	va_list arguments;
	va_start(arguments, program);
	for (char *a; (a = va_arg(arguments, char *));)
		g_ptr_array_add(argv, a);
	va_end(arguments);
	g_ptr_array_add(argv, NULL);
	static unsigned int serial;
	g_autofree char *log = g_strdup_printf("%s/run-%u.out", dir, ++serial);
	int status = reap(spawn(place, dir, log, (const char *const *)argv->pdata));
	if (ret_out)
		*ret_out = file_text(log);
	g_unlink(log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

char *place_add_user(struct place *place, const char *user)
{
	if (!place->hub_conf)
		place_hub_start(place);
	g_autofree char *dir = g_build_filename(place->dir, "hub", NULL);
	char *out = NULL;
	int code = place_run(place, dir, &out, "callbox-hub", "adduser", "-f", place->hub_conf, user, NULL);
	if (code != 0)
		g_error("callbox-hub adduser %s: exit %d: %s", user, code, out);
	g_strstrip(out);
	char *token = g_strdup(strrchr(out, '\n') ? strrchr(out, '\n') + 1 : out);
	g_free(out);
	return token;
}

static const char *or(const char *value, const char *otherwise)
{
	return value ? value : otherwise;
}

static void write_box_conf(const struct box *box, const struct box_devices *devices)
{
	static const struct box_devices none;
	const struct box_devices *d = devices ? devices : &none;
	g_autofree char *path = g_build_filename(box->dir, "conf", "callbox.conf", NULL);
	g_autofree char *text = g_strdup_printf(
		"ice_loopback = yes\nrings_a_minute = 0\ncamera = %s\nmicrophone = %s\n"
		"speaker = %s\nlocal_view = %s\nremote_view = %s\n%s",
		or(d->camera, "pattern:"), or(d->microphone, "tone:440"), or(d->speaker, "null:"),
		or(d->local_view, "null:"), or(d->remote_view, "null:"), or(d->more, ""));
	write_file(path, 0600, text);
}

struct box *box_create(struct place *place, const char *account, const char *device,
		       const char *token, const struct box_devices *devices)
{
	struct box *box = g_new0(struct box, 1);
	box->place = place;
	box->account = g_strdup(account);
	box->device = g_strdup(device);
	box->dir = g_build_filename(place->dir, device, NULL);
	box->socket = g_build_filename(box->dir, "run", "control.sock", NULL);
	box->log = g_build_filename(box->dir, "callboxd.log", NULL);
	g_autofree char *accounts = g_build_filename(box->dir, "conf", "accounts", NULL);
	g_mkdir_with_parents(accounts, 0700);
	write_box_conf(box, devices);
	g_autofree char *made = token ? g_strdup(token) : place_add_user(place, account);
	g_autofree char *secret = g_strdup_printf("%s/conf/%s.secret", box->dir, account);
	write_file(secret, 0600, made);
	g_autofree char *conf = g_strdup_printf("%s/%s.conf", accounts, account);
	g_autofree char *text = g_strdup_printf(
		"provider = hub\naccount = %s\ndevice = %s\nserver = %s\nsecret_file = %s\n%s", account,
		device, place->hub_url, secret, devices && devices->account_more ? devices->account_more : "");
	write_file(conf, 0600, text);
	g_ptr_array_add(place->boxes, box);
	return box;
}

void box_spawn(struct box *box)
{
	g_autofree char *program = place_program(box->place, "callboxd");
	box->pid = spawn(box->place, box->dir, box->log, (const char *[]){ program, NULL });
}

/* Whether a line of the status says online. */
static bool is_online(struct client *client)
{
	cJSON *status = client_call(client, "status", NULL, NULL);
	char *text = cJSON_PrintUnformatted(status);
	bool online = strstr(text, "\"online\"") != NULL;
	cJSON_free(text);
	cJSON_Delete(status);
	return online;
}

void box_start(struct box *box)
{
	box_spawn(box);
	struct client *client = client_open(box->socket);
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;
	while (!is_online(client)) {
		if (g_get_monotonic_time() > end)
			g_error("%s did not come online; log %s", box->device, box->log);
		poll(NULL, 0, 10);
	}
	client_close(client);
}

int box_stop(struct box *box, int signal_number)
{
	kill(box->pid, signal_number);
	int status = reap(box->pid);
	box->pid = 0;
	return status;
}

/* Name, state and parent of a process; false when it is gone. */
static bool process_stat(const char *pid, char name[32], char *ret_state, int *ret_parent)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	char *open_at = strchr(text, '('), *close_at = strrchr(text, ')');
	if (!open_at || !close_at)
		return false;
	g_strlcpy(name, open_at + 1, MIN(32, (size_t)(close_at - open_at)));
	return sscanf(close_at + 1, " %c %d", ret_state, ret_parent) == 2;
}

static unsigned int children(const struct box *box, const char *program, char state, GPid *ret_last)
{
	GDir *dir = g_dir_open("/proc", 0, NULL);
	unsigned int n = 0;
	for (const char *pid; (pid = g_dir_read_name(dir));) {
		char name[32], is;
		int parent;
		if (!g_ascii_isdigit(pid[0]) || !process_stat(pid, name, &is, &parent) ||
		    parent != box->pid || (state == 'Z') != (is == 'Z'))
			continue;
		if (program && strncmp(name, program, 15) != 0)
			continue;
		n++;
		if (ret_last)
			*ret_last = (GPid)strtol(pid, NULL, 10);
	}
	g_dir_close(dir);
	return n;
}

GPid box_child(const struct box *box, const char *program)
{
	GPid pid = -1;
	children(box, program, 0, &pid);
	return pid;
}

/* A process that is killed while LeakSanitizer's helper looks at it stays a zombie as long as that likes. */
unsigned int box_zombies(const struct box *box)
{
#ifdef __SANITIZE_ADDRESS__
	(void)box;
	return 0;
#else
	return children(box, NULL, 'Z', NULL);
#endif
}
