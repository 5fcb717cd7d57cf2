# tests: everything here may include everything. Each program speaks TAP.
check_PROGRAMS += tests/unit/test_log
TESTS += $(check_PROGRAMS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(BASE_LDADD)

# tests/pairs: whole boxes on a real hub, from the staged installation
noinst_LIBRARIES += tests/pairs/libpairs.a
tests_pairs_libpairs_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCALLBOX_BIN_DIR=\"$(bindir)\" -DCALLBOX_SBIN_DIR=\"$(sbindir)\"
tests_pairs_libpairs_a_SOURCES = tests/pairs/place.c tests/pairs/place.h \
	tests/pairs/client.c tests/pairs/client.h
PAIRS_LDADD = tests/pairs/libpairs.a $(BASE_LDADD)

noinst_PROGRAMS += tests/pairs/demo
tests_pairs_demo_SOURCES = tests/pairs/demo.c
tests_pairs_demo_LDADD = $(PAIRS_LDADD)

PAIRS_TESTS = tests/pairs/test_call tests/pairs/test_screen tests/pairs/test_kill tests/pairs/test_blame tests/pairs/test_loopback \
	tests/pairs/test_devices tests/pairs/test_hub tests/pairs/test_policy tests/pairs/test_profile \
	tests/pairs/test_sound
PAIRS_TESTS += tests/pairs/test_hunt
tests_pairs_test_hunt_SOURCES = tests/pairs/test_hunt.c
tests_pairs_test_hunt_LDADD = $(PAIRS_LDADD)
PAIRS_TESTS += tests/pairs/test_hardware tests/pairs/test_codec tests/pairs/test_transport
tests_pairs_test_codec_SOURCES = tests/pairs/test_codec.c
tests_pairs_test_codec_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD)
tests_pairs_test_hardware_SOURCES = tests/pairs/test_hardware.c
tests_pairs_test_hardware_LDADD = $(PAIRS_LDADD)
noinst_PROGRAMS += $(PAIRS_TESTS)
# ThreadSanitizer does not see through libraries that are not built with it: whole boxes run without.
if !SANITIZED_THREAD
TESTS += $(PAIRS_TESTS)
endif
tests_pairs_test_transport_SOURCES = tests/pairs/test_transport.c tests/pairs/network.c tests/pairs/network.h \
	tests/pairs/capture.c tests/pairs/capture.h tests/pairs/pem.c tests/pairs/pem.h
tests_pairs_test_transport_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_pairs_test_transport_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD) $(OPENSSL_LIBS) -lm
tests_pairs_test_screen_SOURCES = tests/pairs/test_screen.c
tests_pairs_test_screen_LDADD = $(PAIRS_LDADD) $(VIDEOGLUE_LDADD)
tests_pairs_test_call_SOURCES = tests/pairs/test_call.c
tests_pairs_test_call_LDADD = $(PAIRS_LDADD)
tests_pairs_test_policy_SOURCES = tests/pairs/test_policy.c
tests_pairs_test_policy_LDADD = $(PAIRS_LDADD)
tests_pairs_test_sound_SOURCES = tests/pairs/test_sound.c
tests_pairs_test_sound_LDADD = $(PAIRS_LDADD)
tests_pairs_test_profile_SOURCES = tests/pairs/test_profile.c
tests_pairs_test_profile_LDADD = $(PAIRS_LDADD)
tests_pairs_test_kill_SOURCES = tests/pairs/test_kill.c
tests_pairs_test_kill_LDADD = $(PAIRS_LDADD)
tests_pairs_test_blame_SOURCES = tests/pairs/test_blame.c
tests_pairs_test_blame_LDADD = $(PAIRS_LDADD)
tests_pairs_test_loopback_SOURCES = tests/pairs/test_loopback.c
tests_pairs_test_loopback_LDADD = $(PAIRS_LDADD)
tests_pairs_test_devices_SOURCES = tests/pairs/test_devices.c
tests_pairs_test_devices_LDADD = $(PAIRS_LDADD)
tests_pairs_test_hub_SOURCES = tests/pairs/test_hub.c tests/pairs/pem.c tests/pairs/pem.h
tests_pairs_test_hub_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(SQLITE_CFLAGS)
tests_pairs_test_hub_LDADD = $(PAIRS_LDADD) $(OPENSSL_LIBS) $(SQLITE_LIBS)

if !SANITIZED
TESTS += tests/lint/run tests/mutants/run tests/mutants/code tests/conformance/out-of-tree
endif
EXTRA_DIST += tests/check-long tests/lint/run tests/lint/includes tests/mutants/run tests/mutants/table tests/mutants/code \
	tests/mutants/code.table tests/conformance/out-of-tree

# tests/sim: the call core in a world of its own
noinst_PROGRAMS += tests/sim/sim
TESTS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/dice.c tests/sim/dice.h tests/sim/digest.c tests/sim/digest.h \
	tests/sim/schedule.c tests/sim/schedule.h
tests_sim_sim_LDADD = $(JEMALLOC_LIBS) core/call/libcall.a $(BASE_LDADD)

# tests/model: every order of events of small worlds
noinst_PROGRAMS += tests/model/model
TESTS += tests/model/model
tests_model_model_SOURCES = tests/model/model.c tests/model/space.c tests/model/space.h \
	tests/model/world.c tests/model/world.h
tests_model_model_LDADD = core/call/libcall.a $(BASE_LDADD)

# tests/calls: scenarios as text, played on the real core
noinst_PROGRAMS += tests/calls/play
TESTS += tests/calls/play
tests_calls_play_SOURCES = tests/calls/play.c
tests_calls_play_LDADD = core/call/libcall.a $(BASE_LDADD)
EXTRA_DIST += $(wildcard $(srcdir)/tests/calls/*.call) tests/calls/README.md tests/calls/unreachable

# tests/conformance: what every provider must do, through the plugin ABI alone
noinst_PROGRAMS += tests/conformance/conformance
tests_conformance_conformance_SOURCES = tests/conformance/conformance.c tests/conformance/device.c \
	tests/conformance/device.h tests/conformance/proxy.c tests/conformance/proxy.h
tests_conformance_conformance_LDADD = $(PAIRS_LDADD) -ldl
if !SANITIZED_THREAD
TESTS += tests/conformance/conformance
endif

# tests/bench: numbers, beside a baseline in the same run. Not part of check, but for their smallest form.
noinst_PROGRAMS += tests/bench/hub_bench
tests_bench_hub_bench_SOURCES = tests/bench/hub_bench.c tests/bench/websocket.c tests/bench/websocket.h \
	tests/bench/relay.c tests/bench/relay.h plugins/hub/hub_store.c plugins/hub/hub_store.h
tests_bench_hub_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(OPENSSL_CFLAGS)
tests_bench_hub_bench_LDADD = $(PAIRS_LDADD) $(SQLITE_LIBS) $(OPENSSL_LIBS)

EXTRA_DIST += tests/bench/run.mjs tests/bench/baresip.mjs tests/bench/callers.mjs tests/bench/calls.mjs \
	tests/bench/film.mjs tests/bench/core.mjs tests/bench/ears.mjs tests/bench/hub.mjs tests/bench/latency.mjs tests/bench/loss.mjs tests/bench/one_box.mjs \
	tests/bench/processes.mjs tests/bench/programs.mjs tests/bench/road.mjs tests/bench/sightings.mjs tests/bench/srtp.mjs \
	tests/bench/table.mjs tests/bench/unplug.mjs tests/bench/unplug_guest.mjs tests/bench/webrtc_peer.py
noinst_PROGRAMS += tests/bench/marks
tests_bench_marks_SOURCES = tests/bench/marks.c tests/bench/sightings.c tests/bench/sightings.h
tests_bench_marks_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
noinst_LTLIBRARIES = tests/bench/baresip_marks.la
tests_bench_baresip_marks_la_SOURCES = tests/bench/baresip_marks.c tests/bench/sightings.c tests/bench/sightings.h \
	drivers-glue/pattern.c drivers-glue/pace.c
tests_bench_baresip_marks_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
tests_bench_baresip_marks_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath $(abs_builddir)/tests/bench
noinst_PROGRAMS += tests/bench/road
tests_bench_road_SOURCES = tests/bench/road.c
tests_bench_road_LDADD = $(BASE_LDADD)
noinst_PROGRAMS += tests/bench/srtp_bench
tests_bench_srtp_bench_SOURCES = tests/bench/srtp_bench.c
tests_bench_srtp_bench_CFLAGS = $(AM_CFLAGS) $(NICE_CFLAGS) $(OPENSSL_CFLAGS) $(SRTP_CFLAGS)
tests_bench_srtp_bench_LDADD = $(MEDIA_LDADD) $(BASE_LDADD)
noinst_PROGRAMS += tests/bench/codec_bench
tests_bench_codec_bench_SOURCES = tests/bench/codec_bench.c
tests_bench_codec_bench_LDADD = $(VIDEOGLUE_LDADD) $(OPUS_LIBS) $(BASE_LDADD) -lm
noinst_PROGRAMS += tests/bench/video_bench
tests_bench_video_bench_SOURCES = tests/bench/video_bench.c tests/unit/exported.c tests/unit/exported.h
tests_bench_video_bench_CFLAGS = $(AM_CFLAGS) $(VA_CFLAGS)
tests_bench_video_bench_LDADD = $(VIDEOGLUE_LDADD) $(VADISPLAY_LDADD) $(BASE_LDADD)

# tests/load: many of everything; short in check, long in check-long
noinst_PROGRAMS += tests/load/load
tests_load_load_SOURCES = tests/load/load.c tests/conformance/device.c tests/conformance/device.h
tests_load_load_LDADD = $(PAIRS_LDADD) -ldl
if !SANITIZED_THREAD
TESTS += tests/load/load
endif
