/* loss: a 360p call, a film both ways, over a road that loses 5, then 10 of 100 datagrams each way, and then a second in which nothing
 * arrives: how long the picture stands still at one side: times without a new picture whose number can be read, those
 * above 100 ms and, of them, what the W3C calls a freeze (sightings.mjs). All of such a time counts. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { Place, ask, sleep, until } from "../browser/place.mjs";
import { BARESIP_HOW, baresipCall, baresipMissing } from "./baresip.mjs";
import { filmMake } from "./film.mjs";
import { Programs, built, pipeMake } from "./programs.mjs";
import { Road, roadMissing } from "./road.mjs";
import { judge, nowUs, readable } from "./sightings.mjs";
import { callboxOf, chosen, how, inTurns, print, ratio, rowFind, show, verdict } from "./table.mjs";

const SIZE = { width: 640, height: 360, fps: 30 },
	KBPS = 800,
	DELAY_MS = 20, /* each way */
	SETTLE_S = 3,
	DARK_MS = 1000,
	AFTER_S = 5,
	SHARE_TARGET = 0.2, /* of baresip's freezes */
	BACK_TARGET_MS = 1200;

/* The judgement of one call whose sightings come to this file. */
async function trial(road, what, shown) {
	const result = {};
	await sleep(SETTLE_S * 1000);
	for (const percent of [5, 10]) {
		await road.tell(`loss ${percent / 100}`);
		const from = nowUs();
		await sleep(what.seconds * 1000);
		const { gapsMs, freezesMs, longestMs, shown: rate, broken } = judge(shown, from, nowUs());
		const aMinute = (ms) => (ms / what.seconds) * 0.06; /* seconds */
		const facts = { gaps: aMinute(gapsMs), freezes: aMinute(freezesMs), longest: longestMs, rate, broken };
		for (const [name, value] of Object.entries(facts)) result[name + percent] = value;
	}
	await road.tell("loss 0");
	await sleep(SETTLE_S * 1000);
	const from = nowUs();
	await road.tell("dark 1");
	await sleep(DARK_MS);
	await road.tell("dark 0");
	const light = nowUs();
	await sleep(AFTER_S * 1000);
	const first = readable(shown).find(({ us }) => us > light);
	result.backMs = first ? (first.us - light) / 1000 : AFTER_S * 1000;
	result.darkMs = judge(shown, from, nowUs()).gapsMs;
	return result;
}

/* start(road, programs, shown): both sides of a call, and words on how; its end is that of programs. */
async function worn(what, start) {
	if (roadMissing()) return { skip: roadMissing() };
	const programs = new Programs(),
		shown = join(what.folder, "worn.shown");
	rmSync(shown, { force: true });
	const road = await Road.open(what.seed);
	try {
		await road.tell(`delay ${DELAY_MS}`);
		const words = await start(road, programs, shown);
		await until("a test picture", () => (programs.check(), readable(shown).length > 0));
		return { ...(await trial(road, what, shown)), how: words };
	} finally {
		await programs.end();
		await road.close();
	}
}

/* The hub is beside a; it is not on anybody's loopback, so it speaks TLS. */
async function hubStart(place, { address, within }) {
	const certificate = join(place.dir, "hub.pem"),
		key = join(place.dir, "hub.key");
	const words =
		"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub " +
		`-addext subjectAltName=IP:${address} -keyout ${key} -out ${certificate}`;
	execFileSync("openssl", words.split(" "), { stdio: "ignore" });
	place.address = address;
	place.within = within;
	await place.hubStart(`certificate = ${certificate}\nprivate_key = ${key}\n`);
	return `ca_file = ${certificate}\n`;
}

async function callbox(what) {
	const place = new Place();
	const start = async (road, programs, shown) => {
		const pipe = join(place.dir, "view.pipe");
		programs.line(`${built("marks")} read ${SIZE.width}x${SIZE.height} ${pipeMake(pipe)} >${shown}`);
		const more = await hubStart(place, road.sides[0]);
		const conf =
			`ice_loopback = no\ncamera = file:${what.film.y4m}\nwidth = ${SIZE.width}\nheight = ${SIZE.height}\nfps = ${SIZE.fps}\n` +
			`bitrate = ${KBPS}\nautoanswer = on\nautoanswer_mute = no\n`;
		const a = await place.box("alice", "room-a", { conf: `${conf}remote_view = raw:${pipe}\n`, more });
		place.within = road.sides[1].within;
		await place.box("bob", "room-b", { conf, more });
		await ask(a.socket, "call", { userId: "bob", type: 2 });
		return "default settings: NACK and RTX, PLI, rate by feedback; openh264; DTLS-SRTP";
	};
	try {
		return await worn(what, start);
	} finally {
		await place.close();
	}
}

async function baresip(what) {
	if (baresipMissing()) return { skip: baresipMissing() };
	return worn(what, async ({ sides, device }, programs, shown) => {
		await baresipCall(programs, what, { sources: Array(2).fill(`avformat,${what.film.list}`), shown, sides, device });
		return BARESIP_HOW;
	});
}

/* What one says the other hears. */
async function webrtcbin(what) {
	return worn(what, async ({ sides }, programs, shown) => {
		const script = new URL("webrtc_peer.py", import.meta.url).pathname;
		const words = ["max-bundle", `${SIZE.width}x${SIZE.height}`, `${SIZE.fps}`, `${KBPS}`, what.film.raw];
		const peers = [shown, "/dev/null"].map((out, i) =>
			programs.start("/usr/bin/python3", [script, ...words, out], { within: sides[i].within, input: true }),
		);
		for (const [i, peer] of peers.entries())
			createInterface({ input: peer.stdout }).on("line", (line) => {
				if (/"sdp"|"candidate"/.test(line)) peers[1 - i].stdin.write(`${line}\n`);
			});
		peers[0].stdin.write(`${JSON.stringify({ offer: true })}\n`);
		return "GStreamer's webrtcbin: NACK asked for, PLI, its jitter buffer of 200 ms; x264 ultrafast zerolatency; DTLS-SRTP";
	});
}

function reportLoss(rows, percent) {
	const key = (name) => name + percent;
	print(
		`A 360p call at ${percent} % loss: a film both ways, ${KBPS} kbit/s, ${DELAY_MS} ms each way`,
		["who", "still for > 100 ms, s/min", "callbox / it", "W3C freezes, s/min", "callbox / it", "longest, ms", "pictures/s", "how"],
		rows.map((row) => [
			row.who, show(row.of(key("gaps")), 2), show(ratio(rows, row, key("gaps")), 2), show(row.of(key("freezes")), 2),
			show(ratio(rows, row, key("freezes")), 2), show(row.of(key("longest")), 0), show(row.of(key("rate"))), how(row),
		]),
	);
	const peer = rowFind(rows, "baresip");
	const says = (name) => {
		const share = ratio(rows, peer, key(name));
		return `${show(share, 2)}: ${verdict(share, SHARE_TARGET)}`;
	};
	console.log(`\ncallbox / baresip, target ${SHARE_TARGET}: still for > 100 ms ${says("gaps")}; W3C freezes ${says("freezes")}`);
}

function reportDarkness(rows) {
	print(`The same call, after ${DARK_MS} ms in which nothing arrived`,
		["who", "first picture after it, ms", "still, darkness included, ms"],
		rows.map((row) => [row.who, show(row.of("backMs"), 0), show(row.of("darkMs"), 0)]));
	const own = callboxOf(rows).of("backMs");
	console.log(`\ncallbox: first picture after ${show(own, 0)} ms, target ${BACK_TARGET_MS}: ${verdict(own, BACK_TARGET_MS)}`);
}

/* who: callers to have, by parts of their names. */
export async function loss({ rounds, seconds, folder }, who) {
	let seed = 0;
	const film = await filmMake(folder, SIZE.width, SIZE.height, SIZE.fps, { marked: true });
	const what = () => ({ film, kbps: KBPS, seconds, folder, seed: ++seed });
	const callers = [
		["callbox", () => callbox(what())],
		["baresip", () => baresip(what())],
		["webrtcbin", () => webrtcbin(what())],
	];
	const rows = await inTurns("loss", rounds, chosen(callers, who), (one) => `still ${show(one.gaps5, 2)} and ${show(one.gaps10, 2)} s/min, back after ${show(one.backMs, 0)} ms`);
	reportLoss(rows, 5);
	reportLoss(rows, 10);
	reportDarkness(rows);
	return rows;
}
