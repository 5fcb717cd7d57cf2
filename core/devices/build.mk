# core/devices: what the program needs of cameras, encoders, decoders and views
noinst_LIBRARIES += core/devices/libdevices.a
core_devices_libdevices_a_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS)
core_devices_libdevices_a_SOURCES = core/devices/devices.c core/devices/devices.h core/devices/camera.h \
	core/devices/control.c core/devices/control.h \
	core/devices/convert.c core/devices/convert.h core/devices/encoder.h core/devices/frame.c \
	core/devices/frame.h core/devices/jpeg.c core/devices/jpeg.h core/devices/view.h core/devices/picture.c core/devices/picture.h \
	core/devices/quirks.c core/devices/quirks.h core/devices/h264_level.c core/devices/h264_level.h core/devices/h264_stream.c core/devices/h264_stream.h \
	core/devices/vp8_frame.c core/devices/vp8_frame.h
