/* hub: devices, memory and call set-ups of one callbox-hub, beside a bare relay (hub_bench.c). */
import { execFileSync } from "node:child_process";
import { built } from "./programs.mjs";
import { median, print, show, verdict } from "./table.mjs";

const RATE = 500; /* set-ups offered a second: the target */

function once(devices, seconds) {
	const args = ["-d", `${devices}`, "-r", `${RATE}`, "-s", `${seconds}`];
	const { hub, bare_relay: relay } = JSON.parse(execFileSync(built("hub_bench"), args).toString());
	return { hub, relay };
}

export async function hub({ rounds, seconds }, devices = 1000) {
	const all = Array.from({ length: rounds }, () => once(Number(devices), seconds));
	const row = ([name, key, target, more, digits = 2]) => {
		const [own, relay] = ["hub", "relay"].map((who) => median(all.map((one) => one[who][key])));
		return [name, show(own, digits), show(relay, digits), show(own / relay, 2), target ?? "",
			target ? verdict(own, target, { more }) : ""];
	};
	print(`The hub: ${devices} devices, ${RATE} call set-ups a second offered`,
		["what", "hub", "bare relay", "ratio", "target", ""],
		[
			["memory a device, KiB", "kib_a_device", 12],
			["call set-ups a second", "setups_a_second", RATE * 0.99, true, 1],
			["share of a core", "cpu_share_of_a_core", 1],
			["CPU a set-up, ms", "cpu_ms_a_setup"],
			["invite to ringing p50, ms", "invite_to_ringing_p50_ms"],
			["invite to ringing p99, ms", "invite_to_ringing_p99_ms", 20],
		].map(row));
	console.log(`\nDevices per core, target 10000: hub:10000 logs in so many, at ${RATE} set-ups a second.`);
	return { devices, all };
}
