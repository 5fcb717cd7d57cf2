/* Libraries that are loaded when they are needed: one that is there, one that is not, one without a function. */
#include <errno.h>
#include <glib.h>

#include "drivers-glue/library.h"

static struct {
	double (*cos)(double);
	void *nothing;
} table;

static const struct library_symbol good[] = { LIBRARY_SYMBOL(table, cos), { NULL, NULL } };
static const struct library_symbol lacking[] = { LIBRARY_SYMBOL(table, cos), LIBRARY_SYMBOL(table, nothing),
						 { NULL, NULL } };

static void test_there(void)
{
	static struct library library = LIBRARY("libm.so.6", good);
	char why[200] = "";
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(library_load(&library, why, sizeof(why)), ==, 0);
	g_assert_cmpfloat(table.cos(0), ==, 1);
}

static void refused(struct library *library, const char *named)
{
	for (int i = 0; i < 2; i++) {
		char why[200] = "";
		g_assert_cmpint(library_load(library, why, sizeof(why)), ==, -ENOENT);
		g_assert_nonnull(g_strstr_len(why, -1, named));
	}
}

static void test_absent(void)
{
	static struct library library = LIBRARY("libnowhere.so.1", good);
	refused(&library, "libnowhere.so.1");
}

static void test_lacking(void)
{
	static struct library library = LIBRARY("libm.so.6", lacking);
	refused(&library, "nothing");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/library/there", test_there);
	g_test_add_func("/library/absent", test_absent);
	g_test_add_func("/library/lacking", test_lacking);
	return g_test_run();
}
