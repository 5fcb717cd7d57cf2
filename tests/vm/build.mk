# tests/vm: calls inside guests that have the kernel's virtual camera and sound card
noinst_PROGRAMS += tests/vm/guest_call
tests_vm_guest_call_SOURCES = tests/vm/guest_call.c
tests_vm_guest_call_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/guest_camera
tests_vm_guest_camera_SOURCES = tests/vm/guest_camera.c tests/vm/bars.h
tests_vm_guest_camera_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD) -lm
noinst_PROGRAMS += tests/vm/guest_faults
tests_vm_guest_faults_SOURCES = tests/vm/guest_faults.c tests/vm/bars.h
tests_vm_guest_faults_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
noinst_PROGRAMS += tests/vm/usb_camera
tests_vm_usb_camera_SOURCES = tests/vm/tools/usb_camera.c
tests_vm_usb_camera_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS)
tests_vm_usb_camera_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
EXTRA_DIST += $(wildcard $(srcdir)/tests/vm/legs/*) tests/vm/build-uml tests/vm/guest tests/vm/init-guest tests/vm/init-qemu tests/vm/init-uml \
	tests/vm/run tests/vm/uml.config
if !SANITIZED
TESTS += tests/vm/run
endif
