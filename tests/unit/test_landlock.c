/* Landlock: what was named is reached, nothing else; each case in a process of its own, for there is no way back. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/landlock.h"

static char *folder, *readable, *writable, *outside, *unix_path;
static int unix_listener;

static void put(const char *path)
{
	g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

/* 0, or the errno of opening it so. */
static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600), r = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

static int connects(const struct sockaddr *address, socklen_t length, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, address, length) < 0 ? errno : 0;
	close(fd);
	return r;
}

/* Number of the first thing that is not as it should be. */
static int look(int port)
{
	g_autofree char *in = g_build_filename(readable, "a", NULL), *made = g_build_filename(writable, "new", NULL);
	g_autofree char *not_made = g_build_filename(readable, "new", NULL);
	const struct landlock_place places[] = {
		{ readable, false }, { writable, true }, { "/nowhere/at/all", false }, { NULL, false },
	};
	struct sockaddr_un box = { .sun_family = AF_UNIX };
	struct sockaddr_in net = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	g_strlcpy(box.sun_path, unix_path, sizeof(box.sun_path));
	int r = landlock_enter(places);
	if (r == -EOPNOTSUPP)
		return 77;
	const struct { bool good; } rows[] = {
		{ r == 0 },
		{ opens(in, O_RDONLY) == 0 },
		{ opens(in, O_RDWR) == EACCES },
		{ opens(not_made, O_WRONLY | O_CREAT) == EACCES },
		{ opens(outside, O_RDONLY) == EACCES },
		{ opens("/etc/passwd", O_RDONLY) == EACCES },
		{ opens(made, O_WRONLY | O_CREAT) == 0 },
		{ unlink(made) == 0 },
		{ unlink(in) < 0 && errno == EACCES },
		{ connects((struct sockaddr *)&box, sizeof(box), AF_UNIX) == 0 },
		{ connects((struct sockaddr *)&net, sizeof(net), AF_INET) != 0 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (!rows[i].good)
			return (int)i + 1;
	return 0;
}

static int listener(int *ret_port)
{
	struct sockaddr_in net = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(net);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&net, sizeof(net)), ==, 0);
	g_assert_cmpint(listen(fd, 4), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&net, &length), ==, 0);
	*ret_port = ntohs(net.sin_port);
	return fd;
}

static void test_reach(void)
{
	int port, status, tcp = listener(&port);
	pid_t child = fork();
	if (child == 0)
		_exit(look(port));
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	close(tcp);
	g_assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		g_test_skip("this kernel has no Landlock");
		return;
	}
	/* The last one came with kernel 6.7. */
	if (WEXITSTATUS(status) == 11)
		g_test_message("this kernel's Landlock does not know TCP");
	else
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_off(void)
{
	const struct landlock_place none[] = { { NULL, false } };
	int status;
	pid_t child = fork();
	if (child == 0) {
		g_setenv("CALLBOX_SANDBOX", "off", TRUE);
		_exit(landlock_enter(none) != 0 || opens("/etc/passwd", O_RDONLY) != 0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_unsetenv("CALLBOX_SANDBOX"); /* these children have no sanitizer's needs */
	folder = g_dir_make_tmp("callbox-XXXXXX", NULL);
	readable = g_build_filename(folder, "read", NULL);
	writable = g_build_filename(folder, "write", NULL);
	outside = g_build_filename(folder, "outside", NULL);
	unix_path = g_build_filename(folder, "socket", NULL);
	g_mkdir(readable, 0700);
	g_mkdir(writable, 0700);
	put(outside);
	g_autofree char *in = g_build_filename(readable, "a", NULL);
	put(in);
	struct sockaddr_un box = { .sun_family = AF_UNIX };
	g_strlcpy(box.sun_path, unix_path, sizeof(box.sun_path));
	unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(unix_listener, (struct sockaddr *)&box, sizeof(box)), ==, 0);
	g_assert_cmpint(listen(unix_listener, 4), ==, 0);
	g_test_add_func("/landlock/reach", test_reach);
	g_test_add_func("/landlock/off", test_off);
	int r = g_test_run();
	close(unix_listener);
	unlink(unix_path);
	unlink(outside);
	unlink(in);
	rmdir(readable);
	rmdir(writable);
	rmdir(folder);
	return r;
}
