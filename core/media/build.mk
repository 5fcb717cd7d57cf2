# core/media: callbox-media
noinst_LIBRARIES += core/media/libmedia.a drivers-glue/libsoundglue.a
drivers_glue_libsoundglue_a_CFLAGS = $(AM_CFLAGS) $(ALSA_CFLAGS) $(ECHO_CFLAGS)
drivers_glue_libsoundglue_a_CXXFLAGS = $(AM_CXXFLAGS) $(WEBRTC_CFLAGS)
drivers_glue_libsoundglue_a_SOURCES = core/devices/sound_device.h core/devices/wav.c core/devices/wav.h \
	drivers-glue/alsa_samples.c drivers-glue/alsa_samples.h drivers-glue/alsa_setup.c drivers-glue/alsa_setup.h \
	core/devices/mixer.h drivers-glue/mixer_alsa.c core/devices/suppressor.h drivers-glue/suppressor_webrtc.cc \
	drivers-glue/sound_alsa.c drivers-glue/sound_clocked.c drivers-glue/sound_drivers.c \
	drivers-glue/sound_drivers.h
core_media_libmedia_a_CFLAGS = $(AM_CFLAGS) $(NICE_CFLAGS) $(OPENSSL_CFLAGS) $(SRTP_CFLAGS) $(OPUS_CFLAGS) \
	$(ECHO_CFLAGS)
core_media_libmedia_a_SOURCES = core/media/congestion.c core/media/congestion.h core/media/twcc.c core/media/twcc.h \
	core/media/uplink.c core/media/uplink.h core/media/video_send.c core/media/video_send.h \
	core/media/h264.c core/media/h264.h core/media/ice.c core/media/ice.h \
	core/media/addresses.c core/media/addresses.h core/media/beat.c core/media/beat.h core/media/certificate.c core/media/certificate.h \
	core/media/mdns.c core/media/mdns.h core/media/negotiation.c core/media/negotiation.h \
	core/media/transport.c core/media/transport.h core/media/fast_path.c core/media/fast_path.h \
	core/media/payload.c core/media/payload.h core/media/vp8.c core/media/vp8.h core/media/rtp.c core/media/rtp.h core/media/sdp.c core/media/sdp.h core/media/secure.c \
	core/media/secure.h core/media/session.c core/media/session.h core/media/video_receive.c \
	core/media/video_receive.h core/media/sound/clock_fit.c core/media/sound/clock_fit.h \
	core/media/sound/echo.c core/media/sound/echo.h core/media/sound/gain.c core/media/sound/gain.h core/media/sound/jitter.c \
	core/media/sound/jitter.h core/media/sound/microphone.c core/media/sound/microphone.h \
	core/media/sound/port.c core/media/sound/port.h core/media/sound/sound.c core/media/sound/sound.h \
	core/media/sound/speaker.c core/media/sound/speaker.h core/media/sound/tones.c core/media/sound/tones.h
# What libsoundglue.a needs; webrtc-audio-processing is C++.
SOUND_LIBS = $(ECHO_LIBS) $(ALSA_LIBS) $(WEBRTC_LIBS) -lstdc++
MEDIA_LDADD = core/media/libmedia.a drivers-glue/libsoundglue.a core/devices/libdevices.a $(NICE_LIBS) $(OPENSSL_LIBS) $(SRTP_LIBS) \
	$(OPUS_LIBS) $(SOUND_LIBS)

pkglibexec_PROGRAMS += core/media/callbox-media
core_media_callbox_media_SOURCES = core/media/main.c
core_media_callbox_media_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)

pkglibexec_PROGRAMS += core/media/callbox-ring
core_media_callbox_ring_SOURCES = core/media/ring.c
core_media_callbox_ring_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)

check_PROGRAMS += tests/unit/test_media
tests_unit_test_media_SOURCES = tests/unit/test_media.c
tests_unit_test_media_CFLAGS = $(AM_CFLAGS) $(OPUS_CFLAGS)
tests_unit_test_media_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_secure
tests_unit_test_secure_SOURCES = tests/unit/test_secure.c
tests_unit_test_secure_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_negotiation
tests_unit_test_negotiation_SOURCES = tests/unit/test_negotiation.c
tests_unit_test_negotiation_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
# Names are resolved on threads of GLib's, into which ThreadSanitizer does not see.
noinst_PROGRAMS += tests/unit/test_mdns
if !SANITIZED_THREAD
TESTS += tests/unit/test_mdns
endif
tests_unit_test_mdns_SOURCES = tests/unit/test_mdns.c
tests_unit_test_mdns_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_sound_parts
tests_unit_test_sound_parts_SOURCES = tests/unit/test_sound_parts.c core/box/drifts.c core/box/drifts.h
tests_unit_test_sound_parts_CFLAGS = $(AM_CFLAGS) $(ALSA_CFLAGS)
tests_unit_test_sound_parts_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_sound_echo
tests_unit_test_sound_echo_SOURCES = tests/unit/test_sound_echo.c
tests_unit_test_sound_echo_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_twcc
tests_unit_test_twcc_SOURCES = tests/unit/test_twcc.c
tests_unit_test_twcc_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_congestion
tests_unit_test_congestion_SOURCES = tests/unit/test_congestion.c
tests_unit_test_congestion_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_video_send
tests_unit_test_video_send_SOURCES = tests/unit/test_video_send.c
tests_unit_test_video_send_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_vp8
tests_unit_test_vp8_SOURCES = tests/unit/test_vp8.c
tests_unit_test_vp8_LDADD = core/media/libmedia.a $(VIDEOGLUE_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_fast_path
tests_unit_test_fast_path_SOURCES = tests/unit/test_fast_path.c
tests_unit_test_fast_path_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
check_PROGRAMS += tests/unit/test_transport
tests_unit_test_transport_SOURCES = tests/unit/test_transport.c
tests_unit_test_transport_CFLAGS = $(AM_CFLAGS) $(NICE_CFLAGS)
tests_unit_test_transport_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
