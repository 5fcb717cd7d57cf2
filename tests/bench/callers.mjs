/* callers: the same call by callbox and by its peers: two endpoints on this machine, the film and a tone both ways, one of
 * them measured. Each gives { cpuPerMinute, shown, captured, pssMib, kbps, how } or { skip: why }. what: film, kbps,
 * seconds (of measuring), warmUp (before). */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Place, ask, sleep, until } from "../browser/place.mjs";
import { BARESIP_HOW, baresipCall, baresipMissing } from "./baresip.mjs";
import { cpuWhile, pss } from "./processes.mjs";
import { Programs, freePort, isThere } from "./programs.mjs";
import { sightings } from "./sightings.mjs";

export const KEY = "Zm91cnRlZW4gYnl0ZXMgb2Ygc2FsdCBhbmQga2V5"; /* of a loopback call that nobody hears: 30 bytes */
const KEY_HEX = Buffer.from(KEY, "base64").toString("hex");

/* frames(): shown so far; captured(): by the other side's camera, else the film's own rate is taken; bytes(): of pictures
 * sent so far. */
async function measure(pids, what, { frames, captured, bytes = () => NaN }) {
	await sleep(what.warmUp * 1000);
	captured ??= () => (performance.now() * what.film.fps) / 1000;
	const counts = () => Promise.all([captured(), frames(), bytes()]);
	const from = await counts(),
		began = performance.now();
	const cpu = await cpuWhile(pids, () => sleep(what.seconds * 1000));
	const seconds = (performance.now() - began) / 1000;
	const [capturedCount, shownCount, byteCount] = (await counts()).map((value, i) => value - from[i]);
	return {
		cpuPerMinute: (cpu * 60) / seconds,
		shown: shownCount / seconds,
		shownShare: (100 * shownCount) / capturedCount,
		kbps: (byteCount * 8) / 1000 / seconds,
		pssMib: pss(...pids),
	};
}

export async function callbox(what, conf = "") {
	const place = new Place();
	try {
		await place.hubStart();
		const more =
			`camera = file:${what.film.y4m}\nwidth = ${what.film.width}\nheight = ${what.film.height}\n` +
			`fps = ${what.film.fps}\nbitrate = ${what.kbps}\nautoanswer = on\nautoanswer_mute = no\n${conf}`;
		const a = await place.box("alice", "room-a", { conf: more }),
			b = await place.box("bob", "room-b", { conf: more });
		const idleMib = pss(a.child.pid);
		const began = performance.now();
		await ask(a.socket, "call", { userId: "bob", type: 2 });
		await until("both connected", async () => (await ask(a.socket, "status")).call?.state === "active");
		const setUpMs = performance.now() - began;
		const count = async (box, name) => (await ask(box.socket, "stats")).video[name];
		await until("a picture", async () => (await count(a, "frames_shown")) > 0);
		const firstMs = performance.now() - began;
		const result = await measure([a.child.pid], what, {
			frames: () => count(a, "frames_shown"),
			captured: () => count(b, "frames_captured"),
			bytes: () => count(a, "bytes_sent"),
		});
		const stats = await ask(a.socket, "stats");
		await ask(a.socket, "hangup");
		return {
			...result,
			idleMib,
			setUpMs,
			firstMs,
			stats,
			how:
				`${stats.video.encoder} ${stats.video.width}x${stats.video.height} at ${stats.video.fps}, ` +
				`${stats.video.bitrate_bps / 1000} kbit/s, ${stats.video.keyframes} key frames; ${stats.video.decoder}; ` +
				`DTLS-SRTP ${stats.media.srtp_profile}, RTX, jitter buffer, echo cancelling`,
		};
	} finally {
		await place.close();
	}
}

/* Elements that encode as GStreamer's user would for a call. */
export const encoders = {
	openh264: (kbps) => `openh264enc complexity=low rate-control=bitrate bitrate=${kbps * 1000} gop-size=3000 multi-thread=1`,
	x264: (kbps) => `x264enc tune=zerolatency speed-preset=ultrafast bitrate=${kbps} key-int-max=3000 threads=1`,
};
export const SRTP_CAPS =
	`srtp-key=(buffer)${KEY_HEX},srtp-cipher=(string)aes-128-icm,srtp-auth=(string)hmac-sha1-80,` +
	`srtcp-cipher=(string)aes-128-icm,srtcp-auth=(string)hmac-sha1-80`;
export const SRTP_ENCODER = `srtpenc key=${KEY_HEX}`;

/* Plain RTP with SRTP keys given: webrtcbin would only cost more. */
export async function gstreamer(what, encoder = "openh264") {
	if (!isThere("gst-launch-1.0")) return { skip: "no gst-launch-1.0" };
	const programs = new Programs();
	const { film, kbps } = what;
	try {
		const ports = { a: await freePort(), b: await freePort() };
		const sound = { a: await freePort(), b: await freePort() };
		const caps = (media) => `"application/x-srtp,${media},${SRTP_CAPS}"`;
		const video = "media=(string)video,clock-rate=90000,encoding-name=(string)H264,payload=96,ssrc=(uint)1111",
			audio = "media=(string)audio,clock-rate=48000,encoding-name=(string)OPUS,payload=97,ssrc=(uint)2222";
		const line = (own, far) =>
			`multifilesrc location=${film.raw} loop=true blocksize=${(film.width * film.height * 3) / 2} ! ` +
			`rawvideoparse format=i420 width=${film.width} height=${film.height} framerate=${film.fps}/1 ! ` +
			`identity sync=true ! ${encoders[encoder](kbps)} ! h264parse config-interval=-1 ! rtph264pay mtu=1200 pt=96 ssrc=1111 ! ` +
			`${SRTP_ENCODER} ! udpsink host=127.0.0.1 port=${ports[far]} sync=false async=false ` +
			`audiotestsrc is-live=true samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=1 ! ` +
			`opusenc bitrate=32000 frame-size=10 inband-fec=true audio-type=voice ! rtpopuspay pt=97 ssrc=2222 ! ` +
			`${SRTP_ENCODER} ! udpsink host=127.0.0.1 port=${sound[far]} sync=false async=false ` +
			`udpsrc port=${ports[own]} caps=${caps(video)} ! srtpdec ! ` +
			`rtpjitterbuffer latency=50 ! rtph264depay ! avdec_h264 max-threads=1 ! ` +
			`fpsdisplaysink video-sink=fakesink text-overlay=false signal-fps-measurements=false ` +
			`udpsrc port=${sound[own]} caps=${caps(audio)} ! srtpdec ! rtpjitterbuffer latency=50 ! rtpopusdepay ! ` +
			`opusdec ! audioconvert ! fakesink sync=true`;
		const a = programs.line(`gst-launch-1.0 -v ${line("a", "b")}`),
			b = programs.line(`gst-launch-1.0 -v ${line("b", "a")}`);
		const frames = () => Number([...a.text.matchAll(/rendered: (\d+)/g)].pop()?.[1] ?? 0);
		await until("GStreamer shows a picture", () => (programs.check(), frames() > 0));
		const result = await measure([a.pid], what, { frames });
		return { ...result, how: `${encoders[encoder](kbps)}; avdec_h264; SRTP with given keys, 50 ms of latency` };
	} finally {
		await programs.end();
	}
}

export async function ffmpegPair(what) {
	if (!isThere("ffmpeg")) return { skip: "no ffmpeg" };
	const programs = new Programs();
	const { film, kbps } = what;
	const dir = what.folder;
	const suite = "AES_CM_128_HMAC_SHA1_80";
	const send = (port, sound) => [
		..."-hide_banner -loglevel error -nostdin -threads 1 -re -stream_loop -1 -f rawvideo -pix_fmt yuv420p".split(" "),
		..."-video_size".split(" "), `${film.width}x${film.height}`, "-framerate", `${film.fps}`, "-i", film.raw,
		..."-re -f lavfi -i sine=frequency=440:sample_rate=48000".split(" "),
		..."-map 0:v -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -g 60 -b:v".split(" "), `${kbps}k`,
		"-maxrate", `${kbps}k`, "-bufsize", `${kbps}k`, "-srtp_out_suite", suite, "-srtp_out_params", KEY,
		"-f", "rtp", `srtp://127.0.0.1:${port}?pkt_size=1200`,
		..."-map 1:a -c:a libopus -b:a 32k -frame_duration 10 -application voip".split(" "),
		"-srtp_out_suite", suite, "-srtp_out_params", KEY, "-f", "rtp", `srtp://127.0.0.1:${sound}`,
	];
	const receive = (name, port, sound) => {
		const sdp = join(dir, `ffmpeg-${name}.sdp`);
		writeFileSync(
			sdp,
			`v=0\no=- 0 0 IN IP4 127.0.0.1\ns=bench\nc=IN IP4 127.0.0.1\nt=0 0\n` +
				`m=video ${port} RTP/SAVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\n` +
				`a=crypto:1 ${suite} inline:${KEY}\n` +
				`m=audio ${sound} RTP/SAVP 97\na=rtpmap:97 opus/48000/2\na=crypto:1 ${suite} inline:${KEY}\n`,
		);
		return [
			..."-hide_banner -loglevel error -nostdin -threads 1 -fflags nobuffer -flags low_delay".split(" "),
			..."-protocol_whitelist file,udp,rtp,srtp -progress pipe:1 -stats_period 0.5 -i".split(" "), sdp,
			..."-map 0:v -fps_mode passthrough -f null - -map 0:a -f null -".split(" "),
		];
	};
	try {
		const [v1, a1, v2, a2] = [await freePort(), await freePort(), await freePort(), await freePort()];
		const receiver = programs.start("ffmpeg", receive("a", v1, a1)),
			other = programs.start("ffmpeg", receive("b", v2, a2));
		await sleep(1000); /* the ports are open then; a packet more or less does not matter */
		const sender = programs.start("ffmpeg", send(v2, a2)),
			far = programs.start("ffmpeg", send(v1, a1));
		const frames = () => Number([...receiver.text.matchAll(/^frame=(\d+)/gm)].pop()?.[1] ?? 0);
		await until("ffmpeg shows a picture", () => (programs.check(), frames() > 0));
		const result = await measure([receiver.pid, sender.pid], what, { frames });
		return { ...result, how: "ffmpeg, two processes an endpoint: libx264 ultrafast, an IDR every 2 s, SRTP with given keys" };
	} finally {
		await programs.end();
	}
}

export async function baresip(what) {
	if (baresipMissing()) return { skip: baresipMissing() };
	const programs = new Programs();
	const shown = join(what.folder, "baresip.shown");
	try {
		rmSync(shown, { force: true });
		const { a } = await baresipCall(programs, what, { sources: Array(2).fill(`avformat,${what.film.list}`), shown });
		const frames = () => sightings(shown).length;
		await until("baresip shows a picture", () => (programs.check(), frames() > 0));
		return { ...(await measure([a.pid], what, { frames })), how: BARESIP_HOW };
	} finally {
		await programs.end();
	}
}
