# tests: everything here may include everything. Each program speaks TAP.
check_PROGRAMS += tests/unit/test_log
TESTS += $(check_PROGRAMS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(BASE_LDADD)
