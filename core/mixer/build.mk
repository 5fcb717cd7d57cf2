# core/mixer: callbox-mixer
pkglibexec_PROGRAMS += core/mixer/callbox-mixer
core_mixer_callbox_mixer_CFLAGS = $(AM_CFLAGS) $(ALSA_CFLAGS)
core_mixer_callbox_mixer_SOURCES = core/mixer/keys.c core/mixer/keys.h core/mixer/main.c
core_mixer_callbox_mixer_LDADD = drivers-glue/libsoundglue.a $(ALSA_LIBS) $(ECHO_LIBS) $(BASE_LDADD)
