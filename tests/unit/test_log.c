#include "core/base/log.h"

#include <string.h>

#include <glib.h>

static void test_levels_both_ways(void)
{
	enum log_level level;

	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		g_assert_cmpint(log_level_parse(log_level_name((enum log_level)i), &level), ==, 0);
		g_assert_cmpint((int)level, ==, i);
	}
	level = LOG_LEVEL_DEBUG;
	g_assert_cmpint(log_level_parse("loud", &level), <, 0);
	g_assert_cmpint((int)level, ==, LOG_LEVEL_DEBUG);
}

static void test_remote_text_cannot_forge_a_line(void)
{
	if (g_test_subprocess()) {
		log_init("unit", LOG_LEVEL_INFO);
		log_info("peer: name %s", "eve\ncallboxd[1] error: fire\x1b[2J\xff");
		log_debug("never seen");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("unit[*] info: peer: name eve\\x0acallboxd*\\x1b*\\xff\n");
	g_test_trap_assert_stderr_unmatched("*never seen*");
}

static void test_once(void)
{
	if (g_test_subprocess()) {
		log_init("unit", LOG_LEVEL_INFO);
		for (int i = 0; i < 3; i++)
			log_once(LOG_LEVEL_INFO, "said %d", i);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("unit[*] info: said 0\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log/levels", test_levels_both_ways);
	g_test_add_func("/log/forge", test_remote_text_cannot_forge_a_line);
	g_test_add_func("/log/once", test_once);
	return g_test_run();
}
