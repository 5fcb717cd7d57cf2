# core/base: what every room may include
noinst_LIBRARIES += core/base/libbase.a
core_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
core_base_libbase_a_SOURCES = \
	core/base/channel.c core/base/channel.h \
	core/base/child.c core/base/child.h \
	core/base/errand.c core/base/errand.h \
	core/base/landlock.c core/base/landlock.h core/base/log.c core/base/log.h \
	core/base/message.c core/base/message.h \
	core/base/passed_fd.h core/base/passed_fd.c core/base/paths.c core/base/paths.h \
	core/base/program.c core/base/program.h \
	core/base/sandbox.c core/base/sandbox.h \
	core/base/settings.c core/base/settings.h \
	core/base/sound_cards.c core/base/sound_cards.h \
	core/base/unit_channel.c core/base/unit_channel.h \
	core/base/video_codec.c core/base/video_codec.h
BASE_LDADD = core/base/libbase.a $(BASE_LIBS) $(SECCOMP_LIBS) -lm

noinst_PROGRAMS += tests/unit/echo-child
tests_unit_echo_child_SOURCES = tests/unit/echo_child.c
tests_unit_echo_child_LDADD = $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_landlock
tests_unit_test_landlock_SOURCES = tests/unit/test_landlock.c
tests_unit_test_landlock_LDADD = $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_channel tests/unit/test_settings tests/unit/test_child
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = $(BASE_LDADD)
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_LDADD = $(BASE_LDADD)
tests_unit_test_child_SOURCES = tests/unit/test_child.c
tests_unit_test_child_LDADD = $(BASE_LDADD)
