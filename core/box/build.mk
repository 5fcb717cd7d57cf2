# core/box: callboxd
sbin_PROGRAMS += core/box/callboxd
core_box_callboxd_SOURCES = \
	core/box/api.c core/box/api.h \
	core/box/api_box.c \
	core/box/api_call.c \
	core/box/api_camera.c \
	core/box/api_media.c \
	core/box/box.h \
	core/box/conf.c core/box/conf.h \
	core/box/control.c core/box/control.h \
	core/box/drifts.c core/box/drifts.h \
	core/box/events.c core/box/events.h \
	core/box/history.c core/box/history.h \
	core/box/hooks.c core/box/hooks.h \
	core/box/hunt.c core/box/hunt.h \
	core/box/knobs.c core/box/knobs.h \
	core/box/line.c core/box/line.h \
	core/box/main.c \
	core/box/policy.c core/box/policy.h \
	core/box/ringer.c core/box/ringer.h \
	core/box/screen.c core/box/screen.h \
	core/box/screen_page.c \
	core/box/session.c core/box/session.h \
	core/box/standby.c core/box/standby.h \
	core/box/token.c core/box/token.h \
	core/box/watchers.c core/box/watchers.h

pkglibexec_PROGRAMS += core/box/callbox-fetch
core_box_callbox_fetch_SOURCES = core/box/fetch.c
core_box_callbox_fetch_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
core_box_callbox_fetch_LDADD = $(CURL_LIBS)
core_box_callboxd_CPPFLAGS = $(AM_CPPFLAGS) -DCALLBOX_VERSION=\"$(PACKAGE_VERSION)\"
core_box_callboxd_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS)
core_box_callboxd_LDADD = core/call/libcall.a core/devices/libdevices.a $(BASE_LDADD) $(SQLITE_LIBS) $(SYSTEMD_LIBS) -lm

check_PROGRAMS += tests/unit/test_hooks
tests_unit_test_hooks_SOURCES = tests/unit/test_hooks.c core/box/hooks.c core/box/hooks.h
tests_unit_test_hooks_LDADD = $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_history
tests_unit_test_history_SOURCES = tests/unit/test_history.c core/box/history.c core/box/history.h
tests_unit_test_history_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_history_LDADD = $(BASE_LDADD) $(SQLITE_LIBS)
