# drivers-glue: drivers behind the contracts of core/devices
noinst_LIBRARIES += drivers-glue/libvideoglue.a
drivers_glue_libvideoglue_a_CFLAGS = $(AM_CFLAGS) $(V4L2_CFLAGS) $(OPENH264_CFLAGS) $(VPX_CFLAGS) $(AVCODEC_CFLAGS) \
	$(JPEG_CFLAGS) $(PNG_CFLAGS) $(VA_CFLAGS) $(SDL2_CFLAGS)
drivers_glue_libvideoglue_a_SOURCES = \
	drivers-glue/camera_buffers.c drivers-glue/camera_buffers.h drivers-glue/camera_controls.c \
	drivers-glue/camera_controls.h drivers-glue/camera_device.c \
	drivers-glue/camera_device.h drivers-glue/camera_find.c drivers-glue/camera_find.h \
	drivers-glue/camera_format.c drivers-glue/camera_format.h drivers-glue/camera_h264.c drivers-glue/camera_h264.h \
	drivers-glue/camera_file.c drivers-glue/camera_pattern.c \
	drivers-glue/camera_stamp.c drivers-glue/camera_stamp.h drivers-glue/camera_v4l2.c \
	drivers-glue/hotplug_watch.c drivers-glue/hotplug_watch.h drivers-glue/library.c drivers-glue/library.h \
	drivers-glue/avcodec.c drivers-glue/avcodec.h \
	drivers-glue/decoder_avcodec.c \
	drivers-glue/drivers.c drivers-glue/drivers.h drivers-glue/encoder_openh264.c \
	drivers-glue/guard.c drivers-glue/guard.h drivers-glue/h264_write.c drivers-glue/h264_write.h \
	drivers-glue/h264_quantiser.c drivers-glue/h264_quantiser.h \
	drivers-glue/rate_control.c drivers-glue/rate_control.h \
	drivers-glue/decoder_vaapi.c drivers-glue/encoder_vaapi.c drivers-glue/encoder_vpx.c drivers-glue/rehearsal.c \
	drivers-glue/unit_check.c drivers-glue/unit_check.h \
	drivers-glue/va_display.c drivers-glue/va_display.h drivers-glue/va_encode.c drivers-glue/va_encode.h \
	drivers-glue/va_image.c drivers-glue/va_image.h drivers-glue/va_input.c drivers-glue/va_input.h \
	drivers-glue/va_picture.c drivers-glue/va_picture.h drivers-glue/va_probe.c drivers-glue/va_probe.h \
	drivers-glue/pace.c drivers-glue/pace.h drivers-glue/pattern.c drivers-glue/pattern.h drivers-glue/png.c drivers-glue/png.h \
	drivers-glue/view_file.c drivers-glue/view_kms.c drivers-glue/view_window.c
# libavcodec and SDL2 are loaded when they are needed: library.h.
VIDEOGLUE_LDADD = drivers-glue/libvideoglue.a drivers-glue/libscreenglue.a core/devices/libdevices.a $(DRM_LIBS) $(V4L2_LIBS) $(OPENH264_LIBS) $(VPX_LIBS) \
	$(JPEG_LIBS) $(PNG_LIBS) $(YUV_LIBS) $(VA_LIBS) core/base/libbase.a -lm

# what callbox-video and callbox-screen both need of a screen
noinst_LIBRARIES += drivers-glue/libscreenglue.a
drivers_glue_libscreenglue_a_CFLAGS = $(AM_CFLAGS) $(DRM_CFLAGS)
drivers_glue_libscreenglue_a_SOURCES = drivers-glue/cec.c drivers-glue/cec.h \
	drivers-glue/display_kms.c drivers-glue/display_kms.h drivers-glue/display_kms_buffer.c \
	drivers-glue/display_kms_buffer.h drivers-glue/display_kms_card.c drivers-glue/display_kms_card.h \
	drivers-glue/display_kms_draw.c drivers-glue/display_kms_draw.h
SCREENGLUE_LDADD = drivers-glue/libscreenglue.a core/devices/libdevices.a $(DRM_LIBS) $(JPEG_LIBS) $(YUV_LIBS)

check_PROGRAMS += tests/unit/test_library
tests_unit_test_library_SOURCES = tests/unit/test_library.c
tests_unit_test_library_LDADD = drivers-glue/libvideoglue.a $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_camera_file tests/unit/test_guard tests/unit/test_h264 tests/unit/test_rate_control
check_PROGRAMS += tests/unit/test_openh264
tests_unit_test_camera_file_SOURCES = tests/unit/test_camera_file.c
tests_unit_test_camera_file_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
tests_unit_test_guard_SOURCES = tests/unit/test_guard.c
tests_unit_test_guard_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
tests_unit_test_h264_SOURCES = tests/unit/test_h264.c
tests_unit_test_h264_CFLAGS = $(AM_CFLAGS) $(AVCODEC_CFLAGS)
tests_unit_test_h264_LDADD = $(VIDEOGLUE_LDADD) $(AVCODEC_LIBS) $(BASE_LDADD)
tests_unit_test_openh264_SOURCES = tests/unit/test_openh264.c
tests_unit_test_openh264_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
tests_unit_test_rate_control_SOURCES = tests/unit/test_rate_control.c
tests_unit_test_rate_control_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
