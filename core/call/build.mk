# core/call: the call core. Pure: includes core/base/message only.
noinst_LIBRARIES += core/call/libcall.a
core_call_libcall_a_SOURCES = \
	core/call/actions.c core/call/admission.c core/call/call.h core/call/call_core.h \
	core/call/finish.c core/call/fsm.c core/call/fsm.h core/call/media_type.c core/call/output.c \
	core/call/receive.c core/call/step.c core/call/verbs.c
CALL_LDADD = core/call/libcall.a
