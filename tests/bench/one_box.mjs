/* one box: from the start of its process to being online, idle, and from a call to the first picture. */
import { Place, ask, sleep } from "../browser/place.mjs";
import { cpuWhile, pss, wakeups } from "./processes.mjs";
import { median, print, show, verdict } from "./table.mjs";

/* Milliseconds from "call" to each of these facts. */
async function setUp(box) {
	const called = performance.now(),
		result = {};
	await ask(box.socket, "call", { userId: "bob", type: 2 });
	for (; !result.firstMs; await sleep(2)) {
		if (!result.setUpMs) {
			const { call } = await ask(box.socket, "status");
			if (call?.state === "active") result.setUpMs = performance.now() - called;
		} else if ((await ask(box.socket, "stats")).video.frames_shown > 0) {
			result.firstMs = performance.now() - called;
		}
		if (performance.now() - called > 30000) throw new Error("no picture came");
	}
	await ask(box.socket, "hangup");
	return result;
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
		return Object.assign(result, await setUp(a));
	} finally {
		await place.close();
	}
}

export async function oneBox({ rounds, seconds }) {
	const all = [];
	for (let round = 0; round < rounds; round++) all.push(await once(seconds));
	const rows = [
		["start to online, ms", "startMs", 60, 1],
		["idle: PSS MiB", "idleMib", 15, 1],
		["idle: CPU s/min", "idleCpu", 0.05, 2],
		["idle: wake-ups/s", "idleWakeups", 2, 1],
		["call to both in the call with media up, ms", "setUpMs", NaN, 1],
		["call to first picture, ms", "firstMs", 150, 1],
	].map(([name, key, target, digits]) => {
		const value = median(all.map((one) => one[key]));
		return [name, show(value, digits), show(target, digits), target ? verdict(value, target) : ""];
	});
	print("One box", ["what", "median", "target", ""], rows);
	return all;
}
