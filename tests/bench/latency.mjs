/* latency: from the feeder to the pixels on one machine: the age of a test picture when it is shown, by the mark that it
 * bears. callbox draws and reads it itself (pattern camera, null view), so does our module in baresip; GStreamer and
 * ffmpeg get it and give it back through pipes, and callbox gives it through one as well, as long as it sends the size
 * that it was told. What the pipes alone take stands beside. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Place, ask, sleep, until } from "../browser/place.mjs";
import { BARESIP_HOW, baresipCall, baresipMissing } from "./baresip.mjs";
import { KEY, SRTP_CAPS, SRTP_ENCODER, encoders } from "./callers.mjs";
import { Programs, built, freePort, isBound, isThere, pipeMake } from "./programs.mjs";
import { judge, nowUs, readable } from "./sightings.mjs";
import { callboxOf, chosen, how, inTurns, print, ratio, rowOf, show, verdict } from "./table.mjs";

const WARM_UP_S = 3;
const SIZES = [
	{ name: "360p", width: 640, height: 360, kbps: 800, p50: 6, p99: 30 },
	{ name: "720p", width: 1280, height: 720, kbps: 2000, p50: 15, p99: 45 },
];
const SHOWN_TARGET = 99.9;

/* began: called when the time that counts begins. */
async function watch(what, programs, shown, began = () => {}) {
	await until("a test picture", () => (programs.check(), readable(shown).length > 0));
	await sleep(WARM_UP_S * 1000);
	await began();
	const from = nowUs();
	await sleep(what.seconds * 1000);
	programs.check();
	return judge(shown, from, nowUs());
}

/* Pipes into and out of a program, what comes out watched. work(programs, size, in, out) starts it. */
async function piped(what, work) {
	const programs = new Programs();
	const files = ["in.pipe", "out.pipe", "shown"].map((name) => join(what.folder, name)),
		[input, output, shown] = files;
	try {
		for (const one of files) rmSync(one, { force: true });
		[input, output].forEach(pipeMake);
		const size = `${what.film.width}x${what.film.height}`;
		programs.line(`${built("marks")} read ${size} ${output} >${shown}`);
		const words = await work(programs, size, input, output);
		programs.line(`${built("marks")} feed ${size} ${what.film.fps} ${input}`);
		return { ...(await watch(what, programs, shown)), how: words };
	} finally {
		await programs.end();
	}
}

const pipesAlone = (what) =>
	piped(what, (programs, size, input, output) => {
		programs.line(`cat ${input} >${output}`);
		return "feeder, pipe, cat, pipe, reader";
	});

function gstreamer(what, latencyMs) {
	if (!isThere("gst-launch-1.0")) return { skip: "no gst-launch-1.0" };
	return piped(what, async (programs, size, input, output) => {
		const { width, height, fps } = what.film;
		const port = await freePort();
		const encoder = encoders.openh264(what.kbps);
		programs.line(
			`gst-launch-1.0 -q udpsrc port=${port} caps="application/x-srtp,media=(string)video,clock-rate=90000,` +
				`encoding-name=(string)H264,payload=96,ssrc=(uint)1111,${SRTP_CAPS}" ! srtpdec ! ` +
				`rtpjitterbuffer latency=${latencyMs} ! rtph264depay ! avdec_h264 max-threads=1 ! ` +
				`fdsink fd=1 sync=${latencyMs > 0} >${output}`,
		);
		await until("GStreamer listens", () => (programs.check(), isBound(port))); /* the first key frame is the only one */
		programs.line(
			`gst-launch-1.0 -q fdsrc fd=0 blocksize=${(width * height * 3) / 2} ! rawvideoparse format=i420 width=${width} ` +
				`height=${height} framerate=${fps}/1 ! ${encoder} ! h264parse config-interval=-1 ! ` +
				`rtph264pay mtu=1200 pt=96 ssrc=1111 ! ${SRTP_ENCODER} ! ` +
				`udpsink host=127.0.0.1 port=${port} sync=false async=false <${input}`,
		);
		return `one way, pipes; ${encoder}; SRTP with given keys; rtpjitterbuffer latency=${latencyMs}; avdec_h264; sync=${latencyMs > 0}`;
	});
}

function ffmpegPair(what) {
	if (!isThere("ffmpeg")) return { skip: "no ffmpeg" };
	return piped(what, async (programs, size, input, output) => {
		const { fps } = what.film;
		const port = await freePort();
		const sdp = join(what.folder, "latency.sdp"),
			suite = "AES_CM_128_HMAC_SHA1_80";
		writeFileSync(
			sdp,
			`v=0\no=- 0 0 IN IP4 127.0.0.1\ns=bench\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/SAVP 96\n` +
				`a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\na=crypto:1 ${suite} inline:${KEY}\n`,
		);
		programs.line(
			`ffmpeg -hide_banner -loglevel error -nostdin -threads 1 -fflags nobuffer -flags low_delay -probesize 32 ` +
				`-analyzeduration 0 -protocol_whitelist file,udp,rtp,srtp -i ${sdp} -fps_mode passthrough ` +
				`-f rawvideo -pix_fmt yuv420p -flush_packets 1 - >${output}`,
		);
		programs.line(
			`ffmpeg -hide_banner -loglevel error -threads 1 -fflags nobuffer -f rawvideo -pix_fmt yuv420p ` +
				`-video_size ${size} -framerate ${fps} -i - -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 ` +
				`-g 60 -b:v ${what.kbps}k -maxrate ${what.kbps}k -bufsize ${what.kbps}k -srtp_out_suite ${suite} ` +
				`-srtp_out_params ${KEY} -f rtp "srtp://127.0.0.1:${port}?pkt_size=1200" <${input}`,
		);
		return "one way, pipes; libx264 ultrafast zerolatency, an IDR every 2 s; SRTP with given keys; -fflags nobuffer";
	});
}

async function baresip(what) {
	if (baresipMissing()) return { skip: baresipMissing() };
	const programs = new Programs();
	const shown = join(what.folder, "baresip.shown");
	try {
		rmSync(shown, { force: true });
		await baresipCall(programs, what, { shown });
		return { ...(await watch(what, programs, shown)), how: BARESIP_HOW };
	} finally {
		await programs.end();
	}
}

/* Both ways: one side's view is null and its own statistics are asked, the other's goes through a pipe. */
async function callbox(what) {
	const place = new Place(),
		programs = new Programs();
	const pipe = join(what.folder, "view.pipe"),
		shown = join(what.folder, "callbox.shown");
	try {
		for (const one of [pipe, shown]) rmSync(one, { force: true });
		programs.line(`${built("marks")} read ${what.film.width}x${what.film.height} ${pipeMake(pipe)} >${shown}`);
		await place.hubStart();
		const conf =
			`camera = pattern:\nwidth = ${what.film.width}\nheight = ${what.film.height}\nfps = ${what.film.fps}\n` +
			`bitrate = ${what.kbps}\nautoanswer = on\nautoanswer_mute = no\n`;
		const a = await place.box("alice", "room-a", { conf });
		await place.box("bob", "room-b", { conf: `${conf}remote_view = raw:${pipe}\n` });
		await ask(a.socket, "call", { userId: "bob", type: 2 });
		let from;
		const pipes = await watch(what, programs, shown, async () => (from = (await ask(a.socket, "stats")).video));
		const { video, media } = await ask(a.socket, "stats");
		const frames = video.pattern_frames - from.pattern_frames,
			captured = frames + video.pattern_gaps - from.pattern_gaps;
		return {
			p50: video.latency_p50_ms,
			p99: video.latency_p99_ms,
			shownShare: (100 * frames) / captured,
			captured,
			shown: pipes.shown,
			pipes,
			how:
				`both ways; ${video.encoder}, ${video.decoder}, ${media.srtp_profile}, default settings; ages of the newest 34 s; ` +
				`${video.width}x${video.height} at ${video.fps}`,
		};
	} finally {
		await place.close();
		await programs.end();
	}
}

function report(size, what, rows) {
	const own = callboxOf(rows);
	const pipes = own.all.map((one) => ({ ...one.pipes, how: "the other side of the same calls", skip: one.skip }));
	const lines = [...rows, rowOf("callbox, through a pipe", pipes)];
	print(
		`Feeder to pixels at ${size.name}, 30 pictures/s, ${size.kbps} kbit/s`,
		["who", "p50 ms", "p99 ms", "callbox / it, p50", "p99", "shown of captured %", "how"],
		lines.map((row) => [
			row.who, show(row.of("p50")), show(row.of("p99")), show(ratio(rows, row, "p50"), 2), show(ratio(rows, row, "p99"), 2),
			show(row.of("shownShare"), 2), how(row),
		]),
	);
	const says = (value, target, options) => `${show(value, 2)}, target ${target}: ${verdict(value, target, options)}`;
	console.log(`\ncallbox: p50 ${says(own.of("p50"), size.p50)}; p99 ${says(own.of("p99"), size.p99)}; ` +
		`shown of captured ${says(own.of("shownShare"), SHOWN_TARGET, { more: true })}`);
	console.log("Ages are whole milliseconds. GStreamer's, ffmpeg's and the pipe rows include the pipes.");
}

/* who: callers to have, by parts of their names. */
export async function latency({ rounds, seconds, folder }, who) {
	const results = [];
	for (const size of SIZES) {
		const what = { film: { ...size, fps: 30 }, kbps: size.kbps, seconds, folder };
		const callers = [
			["callbox", () => callbox(what)],
			["baresip", () => baresip(what)],
			["gstreamer, no latency", () => gstreamer(what, 0)],
			["gstreamer, its default", () => gstreamer(what, 200)],
			["ffmpeg pair", () => ffmpegPair(what)],
			["pipes alone", () => pipesAlone(what)],
		];
		const rows = await inTurns(`latency at ${size.name}`, rounds, chosen(callers, who),
			(one) => `p50 ${show(one.p50)} ms, p99 ${show(one.p99)} ms, ${show(one.shownShare)} % shown`);
		report(size, what, rows);
		results.push({ name: size.name, rows });
	}
	return results;
}
