# tests/vm: calls inside guests that have the kernel's virtual camera and sound card
noinst_PROGRAMS += tests/vm/guest_call
tests_vm_guest_call_SOURCES = tests/vm/guest_call.c
tests_vm_guest_call_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/guest_network
tests_vm_guest_network_SOURCES = tests/vm/guest_network.c
tests_vm_guest_network_LDADD = $(PAIRS_LDADD)
noinst_PROGRAMS += tests/vm/guest_camera
tests_vm_guest_camera_SOURCES = tests/vm/guest_camera.c tests/vm/bars.c tests/vm/bars.h
tests_vm_guest_camera_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD) -lm
noinst_PROGRAMS += tests/vm/guest_faults
tests_vm_guest_faults_SOURCES = tests/vm/guest_faults.c tests/vm/bars.c tests/vm/bars.h
tests_vm_guest_faults_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/usb_camera
tests_vm_usb_camera_SOURCES = tests/vm/tools/usb_camera.c
tests_vm_usb_camera_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS)
tests_vm_usb_camera_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
EXTRA_DIST += $(wildcard $(srcdir)/tests/vm/legs/*) $(wildcard $(srcdir)/tests/vm/long/*) tests/vm/usb-call tests/vm/build-uml tests/vm/guest tests/vm/init-guest tests/vm/init-qemu tests/vm/init-uml \
	tests/vm/run tests/vm/uml.config
noinst_PROGRAMS += tests/vm/guest_sound
tests_vm_guest_sound_SOURCES = tests/vm/guest_sound.c tests/vm/steady.c tests/vm/steady.h
tests_vm_guest_sound_LDADD = drivers-glue/libsoundglue.a $(ALSA_LIBS) $(ECHO_LIBS) $(BASE_LDADD)
noinst_PROGRAMS += tests/vm/guest_sound_call
tests_vm_guest_sound_call_SOURCES = tests/vm/guest_sound_call.c tests/vm/sound_scene.c tests/vm/sound_scene.h \
	tests/vm/steady.c tests/vm/steady.h
tests_vm_guest_sound_call_LDADD = $(PAIRS_LDADD) -lm
EXTRA_DIST += tests/vm/sound_leg tests/vm/units_install

# screens: what KMS shows, read back
noinst_PROGRAMS += tests/vm/kmsdump tests/vm/screen_views
tests_vm_kmsdump_SOURCES = tests/vm/tools/kmsdump.c
tests_vm_kmsdump_CFLAGS = $(AM_CFLAGS) $(DRM_CFLAGS) $(PNG_CFLAGS)
tests_vm_kmsdump_LDADD = $(DRM_LIBS) $(PNG_LIBS)
tests_vm_screen_views_SOURCES = tests/vm/screen_views.c
tests_vm_screen_views_CFLAGS = $(AM_CFLAGS) $(DRM_CFLAGS)
tests_vm_screen_views_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
noinst_PROGRAMS += tests/vm/screen_call
tests_vm_screen_call_SOURCES = tests/vm/screen_call.c
tests_vm_screen_call_CFLAGS = $(AM_CFLAGS) $(DRM_CFLAGS)
tests_vm_screen_call_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/screen_cec
tests_vm_screen_cec_SOURCES = tests/vm/screen_cec.c
tests_vm_screen_cec_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/qmp
tests_vm_qmp_SOURCES = tests/vm/tools/qmp.c

noinst_PROGRAMS += tests/vm/va_call
tests_vm_va_call_SOURCES = tests/vm/va_call.c
tests_vm_va_call_LDADD = $(PAIRS_LDADD)
