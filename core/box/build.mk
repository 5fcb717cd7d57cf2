# core/box: callboxd
sbin_PROGRAMS += core/box/callboxd
core_box_callboxd_SOURCES = \
	core/box/api.c core/box/box.h core/box/conf.c core/box/conf.h core/box/control.c core/box/control.h \
	core/box/history.c core/box/history.h core/box/line.c core/box/line.h core/box/main.c \
	core/box/session.c core/box/session.h
core_box_callboxd_CPPFLAGS = $(AM_CPPFLAGS) -DCALLBOX_VERSION=\"$(PACKAGE_VERSION)\"
core_box_callboxd_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS)
core_box_callboxd_LDADD = core/call/libcall.a $(BASE_LDADD) $(SQLITE_LIBS) $(SYSTEMD_LIBS)
dist_man_MANS += core/box/callboxd.8
