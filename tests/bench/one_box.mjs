/* one box: from the start of its process to being online, idle, and from a call to the first picture. */
import { Place, ask, sleep, until } from "../browser/place.mjs";
import { Ears } from "./ears.mjs";
import { cpuWhile, pss, wakeups } from "./processes.mjs";
import { percentile } from "./sightings.mjs";
import { median, print, show, verdict } from "./table.mjs";

const CALLS = 10; /* a round */

/* Milliseconds from "call" to: the other side's acceptance, media, the first picture decoded. */
async function setUp(box, ears) {
	ears.forget();
	const called = performance.now();
	await ask(box.socket, "call", { userId: "bob", type: 2 });
	const facts = {
		connectedMs: await ears.wait("onUserAccept"),
		mediaMs: await ears.wait("onUserEnter"),
		firstMs: await ears.wait("onViewShown", ({ which }) => which === "remote"),
	};
	await ask(box.socket, "hangup");
	await ears.wait("onCallEnd");
	await until("idle", async () => (await ask(box.socket, "status")).status === "idle");
	return Object.fromEntries(Object.entries(facts).map(([name, { at }]) => [name, at - called]));
}

async function setUps(box) {
	const ears = new Ears(box.socket);
	const all = [];
	while (all.length < CALLS) all.push(await setUp(box, ears));
	ears.close();
	return all;
}

async function once(seconds) {
	const place = new Place(),
		result = {};
	try {
		await place.hubStart();
		const a = await place.box("alice", "room-a");
		await place.box("bob", "room-b", { conf: "autoanswer = on\nautoanswer_mute = no\n" });
		await place.stop(a.child);
		const began = performance.now();
		await place.boxStart(a);
		result.startMs = performance.now() - began;
		await sleep(1000);
		const from = wakeups(a.child.pid);
		result.idleCpu = ((await cpuWhile([a.child.pid], () => sleep(seconds * 1000))) * 60) / seconds;
		result.idleWakeups = (wakeups(a.child.pid) - from) / seconds;
		result.idleMib = pss(a.child.pid);
		result.calls = await setUps(a);
		return result;
	} finally {
		await place.close();
	}
}

export async function oneBox({ rounds, seconds }) {
	const all = [];
	for (let round = 0; round < rounds; round++) all.push(await once(seconds));
	const calls = all.flatMap((one) => one.calls);
	const of = (key) => median(all.map((one) => one[key]));
	const among = (key, share) => percentile(calls.map((one) => one[key]), share);
	const rows = [
		["start to online, ms", of("startMs"), 60, 1],
		["idle: PSS MiB", of("idleMib"), 15, 1],
		["idle: CPU s/min", of("idleCpu"), 0.05, 2],
		["idle: wake-ups/s", of("idleWakeups"), 2, 1],
		["call to connected (signalling through the hub), p50 ms", among("connectedMs", 0.5), 10, 1],
		["call to media up, p50 ms", among("mediaMs", 0.5), NaN, 1],
		["call to first picture decoded, p50 ms", among("firstMs", 0.5), 150, 1],
		["call to first picture decoded, p99 ms", among("firstMs", 0.99), 400, 1],
	].map(([name, value, target, digits]) => [
		name, show(value, digits), show(target, digits), target ? verdict(value, target) : "",
	]);
	print(`One box; ${calls.length} calls`, ["what", "median", "target", ""], rows);
	return all;
}
