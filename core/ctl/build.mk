# core/ctl: callboxctl
bin_PROGRAMS += core/ctl/callboxctl
core_ctl_callboxctl_SOURCES = core/ctl/main.c core/ctl/ctl.h core/ctl/doctor.c
core_ctl_callboxctl_LDADD = $(BASE_LDADD)
dist_man_MANS += core/ctl/callboxctl.1
