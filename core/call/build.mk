# core/call: the call core. Pure: includes core/base/message only.
noinst_LIBRARIES += core/call/libcall.a
core_call_libcall_a_SOURCES = \
	core/call/actions.c core/call/admission.c core/call/call.h core/call/call_core.h \
	core/call/finish.c core/call/fsm.c core/call/fsm.h core/call/media_type.c core/call/output.c \
	core/call/receive.c core/call/step.c core/call/verbs.c

check_PROGRAMS += tests/unit/test_fsm tests/unit/test_call_core
tests_unit_test_fsm_SOURCES = tests/unit/test_fsm.c
tests_unit_test_fsm_LDADD = core/call/libcall.a $(BASE_LDADD)
tests_unit_test_call_core_SOURCES = tests/unit/test_call_core.c
tests_unit_test_call_core_LDADD = core/call/libcall.a $(BASE_LDADD)
