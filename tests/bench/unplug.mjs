/* unplug: the camera of a 360p call goes away and comes back, in a guest with the kernel's test camera (unplug_guest.mjs):
 * CPU, log and recovery of who has the camera. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { callboxOf, chosen, how, inTurns, print, show, verdict } from "./table.mjs";

const LINES_TARGET = 10,
	BACK_TARGET_MS = 2000;
const GUEST = new URL("../vm/guest", import.meta.url).pathname,
	SCRIPT = new URL("unplug_guest.mjs", import.meta.url).pathname;

function once(who, { seconds, folder }) {
	const share = join(folder, "vmshare");
	mkdirSync(share, { recursive: true });
	const command = `export CALLBOX_BUILD='${process.env.CALLBOX_BUILD}'; ${process.execPath} '${SCRIPT}' ${who} ${seconds}`;
	let out;
	try {
		out = execFileSync(GUEST, ["uml", share, command], { stdio: ["ignore", "pipe", "pipe"] }).toString();
	} catch (error) {
		return { skip: `the guest: ${String(error.stdout).slice(-300)}`.replace(/\s+/g, " ") };
	}
	return JSON.parse(out.split("\n").findLast((line) => line.startsWith("{")));
}

/* who: callers to have, by parts of their names. */
export async function unplug({ rounds, seconds, folder }, who) {
	const what = { seconds: Math.min(seconds, 10), folder };
	const callers = ["callbox", "baresip"].map((one) => [one, () => once(one, what)]);
	const rows = await inTurns("unplug", rounds, chosen(callers, who),
		(one) => `CPU ${show(one.cpuBefore)} then ${show(one.cpuWithout)} %, ${one.logLines} lines, back after ${show(one.backMs, 0)} ms`);
	print(
		`The camera unplugged for ${what.seconds} s in a 360p call, in a guest of one processor`,
		["who", "CPU % before", "CPU % without camera", "log lines", "log bytes/s", "pictures again after, ms", "how"],
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
