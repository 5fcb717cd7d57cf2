# tests/vadriver: a software VA-API driver, loaded by libva as callbox_drv_video.so (LIBVA_DRIVER_NAME=callbox) or,
# on a vgem render node, by the node's own name
noinst_LTLIBRARIES += tests/vadriver/callbox_drv_video.la
VADRIVER_SOURCES = tests/vadriver/bits.c tests/vadriver/bits.h tests/vadriver/buffer.c tests/vadriver/buffer.h \
	tests/vadriver/cavlc.c tests/vadriver/cavlc.h tests/vadriver/config.c tests/vadriver/config.h \
	tests/vadriver/context.c tests/vadriver/context.h tests/vadriver/deblock.c tests/vadriver/deblock.h \
	tests/vadriver/decode.c tests/vadriver/driver.c tests/vadriver/driver.h tests/vadriver/encode.c \
	tests/vadriver/frame.c tests/vadriver/frame.h tests/vadriver/headers.c tests/vadriver/headers.h \
	tests/vadriver/image.c tests/vadriver/image.h tests/vadriver/object.c tests/vadriver/object.h \
	tests/vadriver/packed.c tests/vadriver/packed.h tests/vadriver/personality.c \
	tests/vadriver/personality.h tests/vadriver/predict.c tests/vadriver/predict.h \
	tests/vadriver/proc.c tests/vadriver/proc.h tests/vadriver/rate.c tests/vadriver/rate.h \
	tests/vadriver/report.c tests/vadriver/report.h tests/vadriver/slice.c tests/vadriver/slice.h \
	tests/vadriver/surface.c tests/vadriver/surface.h tests/vadriver/transform.c \
	tests/vadriver/transform.h
tests_vadriver_callbox_drv_video_la_SOURCES = $(VADRIVER_SOURCES)
tests_vadriver_callbox_drv_video_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden $(VA_CFLAGS) $(AVCODEC_CFLAGS) \
	$(BASE_CFLAGS)
tests_vadriver_callbox_drv_video_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-rpath $(abs_builddir)/tests/vadriver
tests_vadriver_callbox_drv_video_la_LIBADD = $(AVCODEC_LIBS) $(YUV_LIBS) $(BASE_LIBS) -lm

# libtool builds modules into a folder of its own; libva looks for them by name.
VADRIVER_MODULES = tests/vadriver/callbox_drv_video.so tests/vadriver/vgem_drv_video.so
$(VADRIVER_MODULES): tests/vadriver/callbox_drv_video.la
	$(AM_V_at)ln -sf .libs/callbox_drv_video.so $@
noinst_DATA = $(VADRIVER_MODULES)
CLEANFILES += $(VADRIVER_MODULES)

# tests/vadriver/libvadisplay.a: for tests that want a VADisplay without /dev/dri
noinst_LIBRARIES += tests/vadriver/libvadisplay.a
tests_vadriver_libvadisplay_a_CFLAGS = $(AM_CFLAGS) $(VA_CFLAGS)
tests_vadriver_libvadisplay_a_SOURCES = tests/vadriver/display.c tests/vadriver/display.h
VADISPLAY_LDADD = tests/vadriver/libvadisplay.a $(VA_LIBS)
EXTRA_DIST += tests/vadriver/README.md

check_PROGRAMS += tests/vadriver/test_vadriver
tests_vadriver_test_vadriver_SOURCES = tests/vadriver/test_vadriver.c tests/vadriver/stream.c \
	tests/vadriver/stream.h tests/vadriver/headers.c tests/vadriver/headers.h tests/vadriver/bits.c \
	tests/vadriver/bits.h
tests_vadriver_test_vadriver_CFLAGS = $(AM_CFLAGS) $(VA_CFLAGS) $(AVCODEC_CFLAGS)
tests_vadriver_test_vadriver_LDADD = $(VADISPLAY_LDADD) $(AVCODEC_LIBS) $(BASE_LDADD)
