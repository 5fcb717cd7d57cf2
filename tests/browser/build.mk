# tests/browser: Chromium, Firefox, and what needs node. Each says why it skips when node, playwright-core or Chromium is not there.
BROWSER_TESTS = tests/browser/test_play tests/browser/test_box tests/browser/test_peer tests/browser/test_interop \
	tests/browser/test_network tests/browser/test_access tests/browser/test_devtools tests/browser/test_spaces \
	tests/browser/test_firefox tests/browser/test_codecs \
	tests/browser/test_transport tests/browser/test_gstreamer \
	tests/browser/test_mishaps tests/browser/test_pages
if !SANITIZED
TESTS += $(BROWSER_TESTS)
endif
if !SANITIZED_THREAD
TESTS += tests/browser/test_panel tests/browser/test_hub
endif
EXTRA_DIST += $(BROWSER_TESTS) tests/browser/test_panel tests/browser/test_hub tests/browser/hub.mjs tests/browser/mishaps.mjs tests/browser/pages.mjs tests/browser/access.mjs tests/browser/devtools.mjs tests/browser/spaces.mjs tests/browser/space.mjs tests/browser/contrast.mjs tests/browser/with-node tests/browser/package.json \
	tests/browser/package-lock.json tests/browser/one-to-one.md tests/browser/play.mjs tests/browser/panel.mjs \
	tests/browser/box.mjs tests/browser/peer.mjs tests/browser/interop.mjs tests/browser/browser.mjs \
	tests/browser/fragments.mjs tests/browser/page.mjs tests/browser/pattern.mjs tests/browser/place.mjs \
	tests/browser/socket.mjs tests/browser/relay.mjs tests/browser/network.mjs \
	tests/browser/firefox.mjs tests/browser/firefox_calls.mjs tests/browser/sides.mjs tests/browser/codecs.mjs \
	tests/browser/transport.mjs tests/browser/gstreamer.mjs tests/browser/gst_peer.py
