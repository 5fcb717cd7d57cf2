/* A browser's mDNS name as the host's resolver knows it, or does not: in a mount namespace whose hosts and nsswitch.conf
 * are the test's own. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/media/mdns.h"

#define NAME "550e8400-e29b-41d4-a716-446655440000.local"
#define BEFORE "candidate:1 1 UDP 2122260223 "
#define AFTER " 50000 typ host ufrag abcd"

static char *folder;

struct heard {
	char *candidate;
	int context;
	unsigned int known, freed;
};

static struct heard heard;

static void on_known(const char *candidate, void *context, void *data)
{
	g_assert_true(data == &heard);
	heard.candidate = g_strdup(candidate);
	heard.context = *(int *)context;
	heard.known++;
	g_free(context);
}

static void on_free(void *context)
{
	heard.freed++;
	g_free(context);
}

/* The file over which the test's own one lies has this text from now on. */
static void put_file(const char *over, const char *text)
{
	g_autofree char *name = g_path_get_basename(over), *file = g_build_filename(folder, name, NULL);
	bool first = !g_file_test(file, G_FILE_TEST_EXISTS);
	FILE *out = fopen(file, "we");
	g_assert_nonnull(out);
	fputs(text, out);
	fclose(out);
	if (first && mount(file, over, NULL, MS_BIND, NULL) < 0)
		g_error("%s: %s", over, g_strerror(errno));
}

static void put(struct mdns *mdns, const char *address, int context)
{
	g_autofree char *candidate = g_strconcat(BEFORE, address, AFTER, NULL);
	int *kept = g_new(int, 1);
	*kept = context;
	g_assert_true(mdns_is_name(candidate));
	mdns_put(mdns, candidate, kept);
}

/* Turns the loop until everything that was put is known or freed. */
static void settle(unsigned int all)
{
	gint64 limit = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	while (heard.known + heard.freed < all && g_get_monotonic_time() < limit) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	g_assert_cmpuint(heard.known + heard.freed, ==, all);
}

static void test_known(void)
{
	heard = (struct heard){ 0 };
	put_file("/etc/nsswitch.conf", "hosts: files mdns4_minimal\n");
	struct mdns *mdns = mdns_create(on_known, on_free, &heard);
	put(mdns, NAME, 7);
	put(mdns, "printer.local", 8); /* no browser's name is asked for */
	put(mdns, "550e8400-e29b-41d4-a716-446655440001.local", 9); /* unknown */
	settle(3);
	g_assert_cmpuint(heard.known, ==, 1);
	g_assert_cmpint(heard.context, ==, 7);
	g_assert_cmpstr(heard.candidate, ==, BEFORE "192.0.2.7" AFTER);
	g_free(heard.candidate);
	mdns_destroy(mdns);
}

/* A resolver that would ask a name server is not asked at all. */
static void test_not_asked(void)
{
	heard = (struct heard){ 0 };
	put_file("/etc/nsswitch.conf", "hosts: files dns\n");
	struct mdns *mdns = mdns_create(on_known, on_free, &heard);
	put(mdns, NAME, 1);
	g_assert_cmpuint(heard.freed, ==, 1);
	mdns_destroy(mdns);
}

/* A peer makes us ask so often, not more; what is under way at the end is let go. */
static void test_many(void)
{
	heard = (struct heard){ 0 };
	put_file("/etc/nsswitch.conf", "hosts: files mdns4_minimal\n");
	struct mdns *mdns = mdns_create(on_known, on_free, &heard);
	for (int i = 0; i < 100; i++)
		put(mdns, NAME, i);
	g_assert_cmpuint(heard.freed, ==, 84);
	mdns_destroy(mdns);
	settle(100);
	g_assert_cmpuint(heard.known, ==, 0);
}

static bool leave(void)
{
	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

int main(int argc, char **argv)
{
	if (!leave()) {
		printf("1..0 # SKIP no mount namespaces here: %s\n", g_strerror(errno));
		return 0;
	}
	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("callbox-XXXXXX", NULL);
	put_file("/etc/hosts", "192.0.2.7 " NAME "\n");
	g_test_add_func("/mdns/known", test_known);
	g_test_add_func("/mdns/not-asked", test_not_asked);
	g_test_add_func("/mdns/many", test_many);
	int r = g_test_run();
	static const char *const names[] = { "hosts", "nsswitch.conf" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *file = g_build_filename(folder, names[i], NULL);
		g_unlink(file);
	}
	g_rmdir(folder);
	g_free(folder);
	return r;
}
