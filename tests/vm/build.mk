# tests/vm: calls inside guests that have the kernel's virtual camera and sound card
noinst_PROGRAMS += tests/vm/guest_call
tests_vm_guest_call_SOURCES = tests/vm/guest_call.c
tests_vm_guest_call_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
EXTRA_DIST += tests/vm/build-uml tests/vm/guest tests/vm/init-guest tests/vm/init-qemu tests/vm/init-uml \
	tests/vm/run tests/vm/uml.config
if !SANITIZED
TESTS += tests/vm/run
endif
noinst_PROGRAMS += tests/vm/guest_sound
tests_vm_guest_sound_SOURCES = tests/vm/guest_sound.c tests/vm/steady.c tests/vm/steady.h
tests_vm_guest_sound_LDADD = drivers-glue/libsoundglue.a $(ALSA_LIBS) $(ECHO_LIBS) $(BASE_LDADD)
noinst_PROGRAMS += tests/vm/guest_sound_call
tests_vm_guest_sound_call_SOURCES = tests/vm/guest_sound_call.c tests/vm/steady.c tests/vm/steady.h
tests_vm_guest_sound_call_LDADD = $(PAIRS_LDADD) -lm
EXTRA_DIST += tests/vm/sound_leg tests/vm/legs/sound-xrun tests/vm/legs/sound-unplug tests/vm/legs/sound-clock \
	tests/vm/legs/sound-ring tests/vm/legs/sound-knobs
