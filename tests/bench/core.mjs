/* core: the call core alone, in the simulator's world, on one core of the machine: flows with faults, judged as they go. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { built } from "./programs.mjs";
import { median, print, show, verdict } from "./table.mjs";

const FLOWS = 100000,
	STEPS_TARGET = 1e6,
	FLOWS_TARGET = 1e5;

function once() {
	const sim = join(built(".."), "sim/sim");
	const text = execFileSync(sim, ["-n", `${FLOWS}`, "-j", "1"], {
		env: { ...process.env, CALLBOX_SRC: new URL("../..", import.meta.url).pathname },
	}).toString();
	const [, flows, steps, flowsPerSecond] = /- (\d+) flows, (\d+) steps.*\((\d+) flows\/s\)/.exec(text).map(Number);
	return { flowsPerSecond, stepsPerFlow: steps / flows, stepsPerSecond: (flowsPerSecond * steps) / flows };
}

export async function core({ rounds }) {
	const all = Array.from({ length: rounds }, once);
	const of = (key) => median(all.map((one) => one[key]));
	print(`The call core: ${FLOWS} simulated flows with faults on one core, ${show(of("stepsPerFlow"))} steps each`,
		["what", "a second", "target", ""],
		[
			["steps", show(of("stepsPerSecond"), 0), STEPS_TARGET, verdict(of("stepsPerSecond"), STEPS_TARGET, { more: true })],
			["flows", show(of("flowsPerSecond"), 0), FLOWS_TARGET, verdict(of("flowsPerSecond"), FLOWS_TARGET, { more: true })],
		]);
	return all;
}
