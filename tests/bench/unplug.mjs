/* unplug: the camera of a 360p call goes away and comes back, in a guest with the kernel's test camera (unplug_guest.mjs):
 * log and recovery of who has the camera; CPU of the whole guest, both sides and the camera in it, as the host counts it. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "../browser/place.mjs";
import { cpuWhile } from "./processes.mjs";
import { callboxOf, chosen, how, inTurns, print, show, verdict } from "./table.mjs";

const LINES_TARGET = 10,
	BACK_TARGET_MS = 2000;
const GUEST = new URL("../vm/guest", import.meta.url).pathname,
	SCRIPT = new URL("unplug_guest.mjs", import.meta.url).pathname;

const GUEST_LIMIT_MS = 240000;
const PHASES = ["with", "between", "without", "after"];

/* What the guest printed and with which code it ended; pid: its. */
function guestStart(share, command) {
	let end;
	const ended = new Promise((resolve) => (end = resolve));
	const child = execFile(GUEST, ["uml", share, command], { maxBuffer: 1 << 24 }, (error, text) => end({ error, text }));
	return { pid: child.pid, ended, runs: () => child.exitCode === null };
}

const phaseFile = (share, phase) => join(share, `phase-${phase}`);

/* Percent of a processor that the guest takes from one phase to the next. */
async function cpuBetween(guest, share, from, to) {
	const begins = (phase) => until(`the guest's phase ${phase}`, () => !guest.runs() || existsSync(phaseFile(share, phase)), GUEST_LIMIT_MS);
	await begins(from);
	const began = performance.now();
	const cpu = await cpuWhile([guest.pid], () => begins(to));
	return (100 * cpu) / ((performance.now() - began) / 1000);
}

async function once(who, { seconds, folder }) {
	const share = join(folder, "vmshare");
	mkdirSync(share, { recursive: true });
	for (const phase of PHASES) rmSync(phaseFile(share, phase), { force: true });
	const guest = guestStart(share, `export CALLBOX_BUILD='${process.env.CALLBOX_BUILD}'; ${process.execPath} '${SCRIPT}' ${who} ${seconds}`);
	const cpuBefore = await cpuBetween(guest, share, ...PHASES.slice(0, 2));
	const cpuWithout = await cpuBetween(guest, share, ...PHASES.slice(2));
	const { error, text } = await guest.ended;
	if (error) return { skip: `the guest: ${text.slice(-300)}`.replace(/\s+/g, " ") };
	return { cpuBefore, cpuWithout, ...JSON.parse(text.split("\n").findLast((line) => line.startsWith("{"))) };
}

/* who: callers to have, by parts of their names. */
export async function unplug({ rounds, seconds, folder }, who) {
	const what = { seconds: Math.min(seconds, 10), folder };
	const callers = ["callbox", "baresip"].map((one) => [one, () => once(one, what)]);
	const rows = await inTurns("unplug", rounds, chosen(callers, who),
		(one) => `CPU ${show(one.cpuBefore)} then ${show(one.cpuWithout)} %, ${one.logLines} lines, back after ${show(one.backMs, 0)} ms`);
	print(
		`The camera unplugged for ${what.seconds} s in a 360p call, in a guest of one processor`,
		["who", "CPU % of the guest before", "CPU % without camera", "log lines", "log bytes/s", "pictures again after, ms", "how"],
		rows.map((row) => [
			row.who, show(row.of("cpuBefore")), show(row.of("cpuWithout")), show(row.of("logLines"), 0), show(row.of("logBytesPerSecond"), 0),
			row.all.some((one) => one.backMs === null) ? "never" : show(row.of("backMs"), 0), how(row),
		]),
	);
	const own = callboxOf(rows);
	console.log(`\ncallbox: CPU not above the call's: ${verdict(own.of("cpuWithout"), own.of("cpuBefore"))}; ` +
		`log lines, target ${LINES_TARGET}: ${verdict(own.of("logLines"), LINES_TARGET)}; ` +
		`back, target ${BACK_TARGET_MS} ms: ${verdict(own.of("backMs"), BACK_TARGET_MS)}`);
	return rows;
}
