/* run: callbox beside its peers on the same work, in turns, several times: medians and ratios as a table, everything as
 * JSON. Machines are noisy and shared: what counts are the ratios of one run.
 *
 * usage: run.mjs [ROUNDS [SECONDS]]      CALLBOX_BUILD: the build folder, where bench.json is written
 * Peers are Debian's packages baresip-core and baresip-ffmpeg, and what the tests need anyway; one that is not there is
 * left out, and the table says so. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ask, Place, sleep } from "../browser/place.mjs";
import { baresip, callbox, ffmpegPair, gstreamer } from "./callers.mjs";
import { ffmpeg, filmMake, workFolder, workFolderRemove } from "./film.mjs";
import { cpuWhile, pss, wakeups } from "./processes.mjs";

const build = process.env.CALLBOX_BUILD,
	rounds = Number(process.argv[2] ?? 3),
	seconds = Number(process.argv[3] ?? 20);

const median = (values) => {
	const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
	return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
};
const show = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : "-");

/* The codecs alone, and how good their pictures are. */
function codecs({ film, kbps }) {
	const bench = join(build, "tests/bench/codec_bench");
	const one = JSON.parse(execFileSync(bench, [film.y4m, `${kbps}`, `${film.fps}`, `${film.pictures * 2}`]).toString());
	return { ...one, shown: film.fps, how: "openh264 low, libavcodec and Opus with nothing around them" };
}

function x264Psnr({ film, kbps, folder }) {
	const coded = join(folder, "x264.h264");
	ffmpeg(..."-threads 1 -i".split(" "), film.y4m, ..."-c:v libx264 -preset ultrafast -tune zerolatency -g 3000".split(" "),
		"-b:v", `${kbps}k`, "-maxrate", `${kbps}k`, "-bufsize", `${kbps}k`, "-y", coded);
	const text = execFileSync("sh", ["-c",
		`ffmpeg -hide_banner -nostdin -r ${film.fps} -i ${coded} -i ${film.y4m} -lavfi psnr -f null - 2>&1`]).toString();
	return Number(/PSNR y:([\d.]+)/.exec(text)?.[1] ?? NaN);
}

const callers = [
	["codecs alone", codecs],
	["callbox", callbox],
	["gstreamer openh264", (what) => gstreamer(what, "openh264")],
	["gstreamer x264", (what) => gstreamer(what, "x264")],
	["ffmpeg pair", ffmpegPair],
	["baresip", baresip],
];

async function calls(name, what) {
	const rows = callers.map(([who]) => ({ who, all: [] }));
	for (let round = 0; round < rounds; round++)
		for (const [i, [who, run]] of callers.entries()) {
			const result = await Promise.resolve()
				.then(() => run(what))
				.catch((error) => ({ skip: String(error.message).slice(-200) }));
			delete result.text;
			rows[i].all.push(result);
			console.error(`# ${name}, round ${round + 1}: ${who}: ${result.skip ?? `${show(result.cpuPerMinute)} CPU s/min`}`);
		}
	const psnr = { "codecs alone": 0, x264: x264Psnr(what) };
	const cpu = (who) => median(rows.find((row) => row.who === who).all.map((one) => one.cpuPerMinute));
	console.log(`\n${name}: ${what.film.width}x${what.film.height}, ${what.film.fps} pictures/s, ${what.kbps} kbit/s, both ways`);
	console.log("| who | CPU s/min | callbox / it | shown/s | PSS MiB | PSNR-Y dB | how |\n|---|---|---|---|---|---|---|");
	for (const { who, all } of rows) {
		const of = (key) => median(all.map((one) => one[key]));
		const quality = /x264|ffmpeg|baresip/.test(who) ? psnr.x264 : median(rows[0].all.map((one) => one.psnr));
		console.log(
			`| ${who} | ${show(of("cpuPerMinute"))} | ${show(cpu("callbox") / of("cpuPerMinute"), 2)} | ` +
				`${show(of("shown"))} | ${show(of("pssMib"))} | ${show(quality)} | ${all[0].how ?? `not run: ${all[0].skip}`} |`,
		);
	}
	return { name, what: { ...what, folder: undefined }, rows, psnr };
}

/* From the start of the process to being online, an idle minute, set-up and the first picture. */
async function lonely() {
	const result = { startMs: [], idleMib: [], idleCpu: [], idleWakeups: [], signalledMs: [], setUpMs: [], firstMs: [] };
	for (let round = 0; round < rounds; round++) {
		const place = new Place();
		try {
			await place.hubStart();
			const a = await place.box("alice", "room-a"),
				b = await place.box("bob", "room-b", { conf: "autoanswer = on\nautoanswer_mute = no\n" });
			await place.stop(a.child);
			const began = performance.now();
			await place.boxStart(a, 1);
			result.startMs.push(performance.now() - began);
			await sleep(1000);
			const from = wakeups(a.child.pid);
			result.idleCpu.push(((await cpuWhile([a.child.pid], () => sleep(seconds * 1000))) * 60) / seconds);
			result.idleWakeups.push((wakeups(a.child.pid) - from) / seconds);
			result.idleMib.push(pss(a.child.pid));
			const called = performance.now();
			await ask(a.socket, "call", { userId: "bob", type: 2 });
			for (let first = false; !first; await sleep(1)) {
				const { call } = await ask(a.socket, "status");
				if (["connecting", "active"].includes(call?.state) && result.signalledMs.length === round)
					result.signalledMs.push(performance.now() - called);
				if (call?.state === "active" && result.setUpMs.length === round) result.setUpMs.push(performance.now() - called);
				if (result.setUpMs.length > round) first = (await ask(a.socket, "stats")).video.frames_shown > 0;
			}
			result.firstMs.push(performance.now() - called);
			await ask(a.socket, "hangup");
			void b;
		} finally {
			await place.close();
		}
	}
	console.log("\n| one box | median | target |\n|---|---|---|");
	console.log(`| start to online, ms | ${show(median(result.startMs))} | 60 |`);
	console.log(`| idle: PSS MiB | ${show(median(result.idleMib))} | 15 |`);
	console.log(`| idle: CPU s/min | ${show(median(result.idleCpu), 2)} | 0 |`);
	console.log(`| idle: wake-ups/s | ${show(median(result.idleWakeups))} | 2 |`);
	console.log(`| call to connected: accepted and decided, ms | ${show(median(result.signalledMs))} | 10 |`);
	console.log(`| call to media up, ms | ${show(median(result.setUpMs))} | |`);
	console.log(`| call to first picture, ms | ${show(median(result.firstMs))} | 150 |`);
	return result;
}

const folder = workFolder();
try {
	const model = /model name\s*:\s*(.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown processor";
	const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
	console.log(`${cpus().length} x ${model}; load before: ${load}; ${rounds} rounds of ${seconds} s, medians`);
	const results = [];
	for (const [name, width, height, kbps] of [
		["A call at 720p", 1280, 720, 2000],
		["A call at 360p", 640, 360, 800],
	])
		results.push(
			await calls(name, { film: await filmMake(folder, width, height, 30), kbps, seconds, warmUp: 5, folder }),
		);
	results.push({ name: "one box", ...(await lonely()) });
	writeFileSync(join(build, "bench.json"), `${JSON.stringify({ model, load, rounds, seconds, results }, null, 1)}\n`);
} finally {
	workFolderRemove(folder);
}
