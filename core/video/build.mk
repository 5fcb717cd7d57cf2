# core/video: callbox-video
VIDEO_PIPE = \
	core/video/adapt.c core/video/adapt.h \
	core/video/capture.c core/video/capture.h \
	core/video/decoding.c core/video/decoding.h \
	core/video/hardware.c core/video/hardware.h \
	core/video/ladder.c core/video/ladder.h \
	core/video/passthrough.c core/video/passthrough.h \
	core/video/placeholder.c core/video/placeholder.h \
	core/video/scout.c core/video/scout.h \
	core/video/render.c core/video/render.h \
	core/video/source.c core/video/source.h
pkglibexec_PROGRAMS += core/video/callbox-video
core_video_callbox_video_SOURCES = core/video/main.c core/video/warm.c core/video/warm.h \
	core/video/watch.c core/video/watch.h $(VIDEO_PIPE)
core_video_callbox_video_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_video
tests_unit_test_video_SOURCES = tests/unit/test_video.c
tests_unit_test_video_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)

noinst_PROGRAMS += tests/tools/pattern-read
tests_tools_pattern_read_SOURCES = tests/tools/pattern_read.c
tests_tools_pattern_read_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_threads
tests_unit_test_threads_SOURCES = tests/unit/test_threads.c $(VIDEO_PIPE)
tests_unit_test_threads_LDADD = core/media/libmedia.a drivers-glue/libsoundglue.a $(VIDEOGLUE_LDADD) \
	$(BASE_LDADD) $(NICE_LIBS) $(OPENSSL_LIBS) $(SRTP_LIBS) $(OPUS_LIBS) $(SOUND_LIBS)

check_PROGRAMS += tests/unit/test_frame
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c
tests_unit_test_frame_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS)
tests_unit_test_frame_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_ladder
tests_unit_test_ladder_SOURCES = tests/unit/test_ladder.c core/video/ladder.c core/video/decoding.c \
	core/video/hardware.c core/video/scout.c
tests_unit_test_ladder_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_va
tests_unit_test_va_SOURCES = tests/unit/test_va.c tests/unit/exported.c tests/unit/exported.h \
	core/video/ladder.c core/video/decoding.c core/video/hardware.c \
	core/video/scout.c
tests_unit_test_va_CFLAGS = $(AM_CFLAGS) $(VA_CFLAGS)
tests_unit_test_va_LDADD = $(VIDEOGLUE_LDADD) $(VADISPLAY_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_adapt
tests_unit_test_adapt_SOURCES = tests/unit/test_adapt.c core/video/adapt.c
tests_unit_test_adapt_LDADD = core/devices/libdevices.a $(BASE_LDADD) -lm

check_PROGRAMS += tests/unit/test_camera
tests_unit_test_camera_SOURCES = tests/unit/test_camera.c core/video/placeholder.c core/video/source.c
tests_unit_test_camera_LDADD = drivers-glue/libvideoglue.a core/devices/libdevices.a $(YUV_LIBS) $(JPEG_LIBS) $(BASE_LDADD)
