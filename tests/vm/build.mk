# tests/vm: calls inside guests that have the kernel's virtual camera and sound card
noinst_PROGRAMS += tests/vm/guest_call
tests_vm_guest_call_SOURCES = tests/vm/guest_call.c
tests_vm_guest_call_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) -lm
EXTRA_DIST += $(wildcard $(srcdir)/tests/vm/legs/*) tests/vm/build-uml tests/vm/guest tests/vm/init-guest tests/vm/init-qemu tests/vm/init-uml \
	tests/vm/run tests/vm/uml.config
if !SANITIZED
TESTS += tests/vm/run
endif

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
