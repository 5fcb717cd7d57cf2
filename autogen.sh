#!/bin/sh
# autogen.sh            make ./configure (autoreconf)
# autogen.sh deps       install the Debian packages that build and tests need (root)
# autogen.sh demo       install, build, and let two boxes call each other on a hub; result in demo-out/
# autogen.sh check      the same set-up, then every test
# autogen.sh bench [ROUNDS SECONDS PART...]    the same set-up and the peers, then calls of callbox beside calls of theirs
set -eu
cd "$(dirname "$0")"

# The one list of Debian 12 packages.
PACKAGES="build-essential autoconf automake libtool pkg-config
libglib2.0-dev libcjson-dev libsqlite3-dev libcurl4-openssl-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libnice-dev libssl-dev libsrtp2-dev
libopus-dev libasound2-dev libspeexdsp-dev libwebrtc-audio-processing-dev
libv4l-dev libopenh264-dev libvpx-dev libavcodec-dev libavutil-dev libyuv-dev libturbojpeg0-dev
libva-dev libva-drm2 vainfo ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0 python3-gst-1.0
libpng-dev libseccomp-dev libsystemd-dev libsdl2-dev
libdrm-dev libcairo2-dev libpango1.0-dev fonts-dejavu-core fonts-wqy-microhei
clang mandoc graphviz alsa-utils v4l-utils iproute2 flex bison bc libelf-dev kmod cpio xz-utils busybox-static libjemalloc-dev
qemu-system-x86 systemd udev dbus nodejs npm chromium firefox-esr openssl coturn"

# The peers of tests/bench, and nothing else.
PEERS="baresip-core baresip-ffmpeg"

say() { printf 'autogen: %s\n' "$*"; }

install_packages() {
	missing=
	for p in $PACKAGES; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
			command -v "$p" >/dev/null || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || { say "not installed:$missing; run '$0 deps' as root"; exit 1; }
	say "installing$missing"
	apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing
}

bootstrap() {
	mkdir -p m4 build-aux
	cp "$(automake --print-libdir)/tap-driver.sh" build-aux/
	autoreconf --install --force
}

# build DIR [configure arguments]
build() {
	dir=$1
	shift
	mkdir -p "$dir"
	(cd "$dir" && ../configure --enable-werror "$@" && make -j"$(nproc)" all)
}

count() { cat "$1"/tests/*/*.trs "$1"/tests/*.trs 2>/dev/null | grep -c "^:test-result: $2" || :; }

check() {
	status=0
	passed=0 failed=0 skipped=0
	for kind in plain address thread; do
		case $kind in plain) arg=;; *) arg=--enable-sanitize=$kind ;; esac
		build "build-$kind" $arg
		make -j2 -C "build-$kind" check || status=1 # two tests at a time: most of them wait
		passed=$((passed + $(count "build-$kind" PASS)))
		failed=$((failed + $(count "build-$kind" FAIL) + $(count "build-$kind" ERROR)))
		skipped=$((skipped + $(count "build-$kind" SKIP)))
	done
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ] || status=1
	echo "$passed passed, $failed failed, $skipped skipped"
	return $status
}

bench() {
	build build-bench
	make -s -C build-bench bench BENCH="$*"
}

demo() {
	build build-demo --prefix=/usr --sysconfdir=/etc --localstatedir=/var
	make -s -C build-demo stage.stamp
	CALLBOX_STAGE="$PWD/build-demo/stage" build-demo/tests/pairs/demo demo-out
}

case ${1:-} in
"") bootstrap ;;
deps) install_packages ;;
demo) install_packages; bootstrap; demo ;;
check) install_packages; bootstrap; check ;;
bench) PACKAGES="$PACKAGES $PEERS"; install_packages; bootstrap; shift; bench "$@" ;;
*) say "unknown command '$1': nothing, deps, demo, check or bench"; exit 64 ;;
esac
