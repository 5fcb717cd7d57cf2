/* calls: a whole call at a size and rate, of callbox and of its peers: CPU, pictures, memory, and how good the pictures
 * are. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { baresip, callbox, encoders, ffmpegPair, gstreamer } from "./callers.mjs";
import { ffmpeg, filmMake } from "./film.mjs";
import { built } from "./programs.mjs";
import { callboxOf, chosen, how, inTurns, print, ratio, rowFind, show, verdict } from "./table.mjs";

const WARM_UP_S = 4;
const SIZES = [
	{ name: "720p", width: 1280, height: 720, kbps: 2000, targets: { "codecs alone": 1.25, "gstreamer openh264": 0.65, "ffmpeg pair": 0.75 } },
	{ name: "360p", width: 640, height: 360, kbps: 800, targets: { "gstreamer openh264": 0.6 } },
];
const SHOWN_TARGET = 99.9,
	PSS_TARGET = 60;

/* The codecs alone, and how good their pictures are. */
function codecs({ film, kbps }) {
	const args = [film.y4m, `${kbps}`, `${film.fps}`, `${film.pictures * 2}`];
	const one = JSON.parse(execFileSync(built("codec_bench"), args).toString());
	return { ...one, shown: NaN, how: "openh264 low, libavcodec and Opus as callbox sets them, with nothing around them" };
}

/* x264 on the same film: how good, and what it says of its own settings. */
function x264({ film, kbps, folder }) {
	const coded = join(folder, "x264.h264");
	ffmpeg(..."-threads 1 -i".split(" "), film.y4m, ..."-c:v libx264 -threads 1 -preset ultrafast -tune zerolatency -g 3000".split(" "),
		"-b:v", `${kbps}k`, "-maxrate", `${kbps}k`, "-bufsize", `${kbps}k`, "-y", coded);
	const text = execFileSync("sh", ["-c",
		`ffmpeg -hide_banner -nostdin -r ${film.fps} -i ${coded} -i ${film.y4m} -lavfi psnr -f null - 2>&1`]).toString();
	return { psnr: Number(/PSNR y:([\d.]+)/.exec(text)?.[1] ?? NaN), settings: settingsOf(coded) };
}

/* libx264 writes them into its stream. */
function settingsOf(coded) {
	const options = /x264 - core (\d+)[^\0]*options: ([^\0]*)/.exec(readFileSync(coded, "latin1"));
	if (!options) return "not to be read";
	const of = (key) => new RegExp(`(?:^| )(${key}=\\S+)`).exec(options[2])?.[1];
	const keys = "ref subme me cabac trellis threads bframes keyint rc bitrate vbv_maxrate vbv_bufsize".split(" ");
	return `core ${options[1]}: ${keys.map(of).filter(Boolean).join(" ")}`;
}

function gstreamerX264({ film, kbps, folder }) {
	const coded = join(folder, "gst.h264");
	execFileSync("sh", ["-c",
		`gst-launch-1.0 -q multifilesrc location=${film.raw} num-buffers=3 blocksize=${(film.width * film.height * 3) / 2} ! ` +
			`rawvideoparse format=i420 width=${film.width} height=${film.height} framerate=${film.fps}/1 ! ` +
			`${encoders.x264(kbps)} ! filesink location=${coded}`]);
	return settingsOf(coded);
}

function report(size, what, rows, peer) {
	const quality = (row) => (/x264|ffmpeg|baresip/.test(row.who) ? peer.psnr : rowFind(rows, "codecs alone").of("psnr"));
	print(
		`A call at ${size.name}: ${size.width}x${size.height}, 30 pictures/s, ${size.kbps} kbit/s, both ways`,
		["who", "CPU s/min", "callbox / it", "target", "", "shown/s", "shown of captured %", "PSS MiB", "PSNR-Y dB", "how"],
		rows.map((row) => {
			const target = size.targets[row.who],
				share = ratio(rows, row, "cpuPerMinute");
			return [
				row.who, show(row.of("cpuPerMinute")), show(share, 2), target ?? "", target ? verdict(share, target) : "",
				show(row.of("shown")), show(row.of("shownShare"), 2), show(row.of("pssMib")), show(quality(row)), how(row),
			];
		}),
	);
	const own = callboxOf(rows);
	console.log(`\nframes shown of captured, ${what.seconds} s: ${show(own.of("shownShare"), 2)} %, target ${SHOWN_TARGET}: ` +
		`${verdict(own.of("shownShare"), SHOWN_TARGET, { more: true })}; memory of a box in the call: ` +
		`${show(own.of("pssMib"))} MiB, target ${PSS_TARGET}: ${verdict(own.of("pssMib"), PSS_TARGET)}`);
	const smaller = own.all.filter(({ stats }) => stats && stats.video.width !== size.width).length;
	if (smaller > 0)
		console.log(`In ${smaller} of ${own.all.length} rounds callbox sent smaller pictures at the end: the machine was too slow or too busy ` +
			"to compare.");
	console.log(`libx264 of ffmpeg: ${peer.settings}\nlibx264 of GStreamer: ${peer.gstreamer}`);
	console.log("What differs: only callbox and baresip agree on keys by DTLS and have feedback; only callbox sends lost packets " +
		"again and cancels echo; ffmpeg sends a key frame every 2 s. PSNR: of the encoder on this film at this rate, outside " +
		"the call; baresip's own settings of libx264 may give another. Pictures of GStreamer and ffmpeg are counted twice a " +
		"second: their shares are exact to half a second. Captured: by callbox's camera where it is callbox, else the film's rate.");
}

/* who: callers to have, by parts of their names. */
export async function calls({ rounds, seconds, folder }, who) {
	const results = [];
	for (const size of SIZES) {
		const what = { film: await filmMake(folder, size.width, size.height, 30), kbps: size.kbps, seconds, warmUp: WARM_UP_S, folder };
		const callers = [
			["codecs alone", () => codecs(what)],
			["callbox", () => callbox(what)],
			["gstreamer openh264", () => gstreamer(what, "openh264")],
			["gstreamer x264", () => gstreamer(what, "x264")],
			["ffmpeg pair", () => ffmpegPair(what)],
			["baresip", () => baresip(what)],
		];
		const rows = await inTurns(size.name, rounds, chosen(callers, who), (one) => `${show(one.cpuPerMinute)} CPU s/min`);
		const peer = { ...x264(what), gstreamer: gstreamerX264(what) };
		report(size, what, rows, peer);
		results.push({ name: size.name, rows, peer });
	}
	return results;
}
