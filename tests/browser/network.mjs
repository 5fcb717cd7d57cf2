/* A box and a browser over worse networks: by a TURN server alone, with credentials that the hub makes; on that road ten
 * datagrams of a hundred are lost, each way; and it is narrow. */
import assert from "node:assert/strict";
import { start } from "./browser.mjs";
import { callboxPage, take } from "./page.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, sleep, until } from "./place.mjs";
import { lossyRoad, turnStart } from "./relay.mjs";

const SECRET = "a secret between hub and relay",
	LOOK_MS = 6000,
	LEAST = 20, /* pictures a second, of the 30 that both cameras give */
	LIMIT_MS = 60000;
const tap = new Tap();
const place = new Place();
const { browser, why } = await start(["--use-fake-device-for-media-stream=fps=30"]);
const turn = browser ? await turnStart(place, SECRET) : null;
if (!turn) {
	console.log(`1..0 # SKIP ${why || "no coturn: install the package coturn"}`);
	if (browser) await browser.close();
	await place.close();
	process.exit(0);
}
const road = await lossyRoad(turn.port);
await place.hubStart(`turn_urls = turn:127.0.0.1:${road.port}?transport=udp\nturn_secret = ${SECRET}\n`);
const box = await place.box("room", "room-a");
const page = await callboxPage(browser, {
	base: `http://127.0.0.1:${place.hubPort}/call/`,
	options: {
		way: "peer",
		url: place.hubUrl,
		account: "guest",
		token: place.addUser("guest"),
		iceTransportPolicy: "relay",
	},
});
await page.evaluate(() => window.rtc.setupRemoteView("room", document.getElementById("your container")));

const sees = async (more) => {
	const number = async () => (await page.evaluate(readPattern, "#your\\ container video")).number || 0;
	const first = await until("the test camera's number in the browser", number);
	return until("the number grows", async () => (await number()) > first + more);
};
const browserFrames = () =>
	page.evaluate(async () => {
		const video = Object.values(await window.rtc.getStats()).find(
			(one) => one.type === "inbound-rtp" && one.kind === "video",
		);
		return video.framesDecoded;
	});
const boxFrames = async () => (await ask(box.socket, "stats")).video.frames_shown;

/* Pictures a second that each side shows. */
async function rates() {
	const began = performance.now(),
		from = [await browserFrames(), await boxFrames()];
	await sleep(LOOK_MS);
	const to = [await browserFrames(), await boxFrames()],
		seconds = (performance.now() - began) / 1000;
	return [(to[0] - from[0]) / seconds, (to[1] - from[1]) / seconds];
}

await tap.test("by the relay alone, with the hub's credentials", async () => {
	await page.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
	await until("it rings", async () => (await ask(box.socket, "status")).status === "called");
	await ask(box.socket, "accept");
	await take(page, "onUserEnter");
	await sees(10);
	const pair = await page.evaluate(async () => {
		const stats = await window.rtc.getStats();
		const used = Object.values(stats).find(
			(one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded",
		);
		return [
			stats[used.localCandidateId].candidateType,
			stats[used.remoteCandidateId].candidateType,
		];
	});
	assert.equal(pair[0], "relay");
	console.log(
		`# the browser's ${pair[0]} to the box's ${pair[1]}; ${road.counts.passed} datagrams on the road`,
	);
});

await tap.test("ten of a hundred datagrams lost: pictures and sound go on", async () => {
	const whole = await rates();
	road.set(0.1);
	let worn;
	await until(
		`${LEAST} pictures a second on both sides`,
		async () => Math.min(...(worn = await rates())) >= LEAST,
		LIMIT_MS,
	).catch((error) => console.log(`# ${error.message}: ${worn}`));
	const { passed, lost } = road.counts;
	const words = (pair) => `browser ${pair[0].toFixed(1)}, box ${pair[1].toFixed(1)} pictures a second`;
	const { video, media } = await ask(box.socket, "stats");
	const { fps, bitrate_bps: bps, width, height } = video;
	const { uplink } = media;
	console.log(
		`# whole: ${words(whole)}; worn: ${words(worn)}; ${lost} of ${passed + lost} datagrams lost`,
	);
	console.log(`# the box then sends ${fps} pictures a second, ${width}x${height}, ${bps} bit/s at most`);
	console.log(
		`# by ${uplink.judged_by}: ${uplink.feedbacks_received} came, ${uplink.feedbacks_refused} refused, ` +
			`${uplink.feedbacks_sent} sent; queue ${uplink.queue_ms} ms, loss ${uplink.loss_percent} %, ` +
			`${uplink.rtx_packets} sent again, ${uplink.cuts} cuts`,
	);
	assert.ok(lost > 100);
	assert.equal(uplink.judged_by, "feedback");
	assert.ok(uplink.feedbacks_received > 20 && uplink.feedbacks_refused === 0);
	assert.ok(uplink.rtx_packets > 10, "what was lost was sent again");
	for (const side of [0, 1]) assert.ok(worn[side] >= LEAST, `side ${side}`);
	const { call } = await ask(box.socket, "status");
	assert.equal(call.state, "active");
	road.set(0);
});

const NARROW_BPS = 200000;
await tap.test("200 kbit/s each way: both go on, and neither fills the queue", async () => {
	road.narrow(NARROW_BPS);
	let shown, rtt, uplink;
	/* The queue on the way holds QUEUE_MS each way; who fills it sees twice that. */
	const fits = async () => {
		shown = await rates();
		({ rtt_ms: rtt, uplink } = (await ask(box.socket, "stats")).media);
		return Math.min(...shown) >= 5 && rtt < 400 && uplink.queue_ms < 200;
	};
	await until("both fit the road", fits, LIMIT_MS).catch((error) => console.log(`# ${error.message}`));
	const words = `browser ${shown[0].toFixed(1)}, box ${shown[1].toFixed(1)} pictures a second`;
	console.log(`# ${words}; round trip ${rtt} ms, queue ${uplink.queue_ms} ms, rate ${uplink.rate_bps} bit/s`);
	for (const side of [0, 1]) assert.ok(shown[side] >= 5, `side ${side}`);
	assert.ok(rtt < 400 && uplink.queue_ms < 200);
	road.narrow(Infinity);
	await page.evaluate(() => window.rtc.hangup());
	await until("the end", async () => (await ask(box.socket, "status")).status === "idle");
	assert.deepEqual(page.faults, []);
});

await browser.close();
road.close();
await place.close({ keep: tap.failed });
tap.end();
