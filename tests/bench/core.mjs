/* core: the call core alone, in the simulator's world: flows with faults, judged as they go; on one processor, and as the
 * simulator runs by itself, on all. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { built } from "./programs.mjs";
import { median, print, show, verdict } from "./table.mjs";

const FLOWS = 100000,
	STEPS_TARGET = 1e6,
	FLOWS_TARGET = 1e5;

function run(options) {
	const sim = join(built(".."), "sim/sim");
	const text = execFileSync(sim, ["-n", `${FLOWS}`, ...options], {
		env: { ...process.env, CALLBOX_SRC: new URL("../..", import.meta.url).pathname },
	}).toString();
	const [, flows, steps, flowsPerSecond] = /- (\d+) flows, (\d+) steps.*\((\d+) flows\/s\)/.exec(text).map(Number);
	return { flowsPerSecond, stepsPerFlow: steps / flows, stepsPerSecond: (flowsPerSecond * steps) / flows };
}

const once = () => ({ ...run(["-j", "1"]), flowsOnAll: run([]).flowsPerSecond });

export async function core({ rounds }) {
	const all = Array.from({ length: rounds }, once);
	const of = (key) => median(all.map((one) => one[key]));
	const row = (what, key, target) => [what, show(of(key), 0), target, verdict(of(key), target, { more: true })];
	print(`The call core: ${FLOWS} simulated flows with faults, ${show(of("stepsPerFlow"))} steps each`,
		["what", "a second", "target", ""],
		[
			row("steps, one processor", "stepsPerSecond", STEPS_TARGET),
			row("flows, one processor", "flowsPerSecond", FLOWS_TARGET),
			row(`flows, the simulator on all ${availableParallelism()}`, "flowsOnAll", FLOWS_TARGET),
		]);
	return all;
}
