# core/ctl: callboxctl
bin_PROGRAMS += core/ctl/callboxctl
core_ctl_callboxctl_SOURCES = core/ctl/main.c core/ctl/ctl.h core/ctl/doctor.c core/ctl/doctor_camera.c core/ctl/records.c core/ctl/say.c
core_ctl_callboxctl_CFLAGS = $(AM_CFLAGS) $(VA_CFLAGS)
core_ctl_callboxctl_LDADD = drivers-glue/libvideoglue.a $(BASE_LDADD) $(VA_LIBS)

nodist_man_MANS += core/ctl/callboxctl.1
EXTRA_DIST += core/ctl/callboxctl.1.in
CLEANFILES += core/ctl/callboxctl.1 core/ctl/commands.part
core/ctl/callboxctl.1: core/ctl/callboxctl.1.in core/ctl/callboxctl$(EXEEXT) Makefile
	$(AM_V_GEN)core/ctl/callboxctl --man > core/ctl/commands.part && \
	sed $(MAN_FOLDERS) -e '/^@COMMANDS@$$/{r core/ctl/commands.part' -e 'd;}' $(srcdir)/core/ctl/callboxctl.1.in > $@.part && mv $@.part $@
