# drivers-glue: drivers behind the contracts of core/devices
noinst_LIBRARIES += drivers-glue/libvideoglue.a
drivers_glue_libvideoglue_a_CFLAGS = $(AM_CFLAGS) $(V4L2_CFLAGS) $(OPENH264_CFLAGS) $(AVCODEC_CFLAGS) \
	$(JPEG_CFLAGS) $(PNG_CFLAGS) $(SDL2_CFLAGS)
drivers_glue_libvideoglue_a_SOURCES = \
	drivers-glue/camera_buffers.c drivers-glue/camera_buffers.h drivers-glue/camera_device.c \
	drivers-glue/camera_device.h drivers-glue/camera_find.c drivers-glue/camera_find.h \
	drivers-glue/camera_format.c drivers-glue/camera_format.h drivers-glue/camera_pattern.c \
	drivers-glue/camera_stamp.c drivers-glue/camera_stamp.h drivers-glue/camera_v4l2.c \
	drivers-glue/hotplug_watch.c drivers-glue/hotplug_watch.h drivers-glue/decoder_avcodec.c \
	drivers-glue/drivers.c drivers-glue/drivers.h drivers-glue/encoder_openh264.c \
	drivers-glue/pattern.c drivers-glue/pattern.h drivers-glue/png.c drivers-glue/png.h \
	drivers-glue/view_file.c drivers-glue/view_kms.c drivers-glue/view_window.c
VIDEOGLUE_LDADD = drivers-glue/libvideoglue.a drivers-glue/libscreenglue.a core/devices/libdevices.a $(DRM_LIBS) $(V4L2_LIBS) $(OPENH264_LIBS) \
	$(AVCODEC_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(SDL2_LIBS) $(YUV_LIBS)

# what callbox-video and callbox-screen both need of a screen
noinst_LIBRARIES += drivers-glue/libscreenglue.a
drivers_glue_libscreenglue_a_CFLAGS = $(AM_CFLAGS) $(DRM_CFLAGS)
drivers_glue_libscreenglue_a_SOURCES = \
	drivers-glue/display_kms.c drivers-glue/display_kms.h drivers-glue/display_kms_buffer.c \
	drivers-glue/display_kms_buffer.h drivers-glue/display_kms_card.c drivers-glue/display_kms_card.h \
	drivers-glue/display_kms_draw.c drivers-glue/display_kms_draw.h
SCREENGLUE_LDADD = drivers-glue/libscreenglue.a core/devices/libdevices.a $(DRM_LIBS) $(JPEG_LIBS) $(YUV_LIBS)
