/* run: callbox beside its peers on the same work, in turns, several times: medians and ratios as tables, everything as
 * JSON. Machines are noisy and shared: what counts are the ratios of one run.
 *
 * usage: run.mjs [ROUNDS [SECONDS [PART...]]]     CALLBOX_BUILD: the build folder, where bench.json is written
 * parts: core, srtp, hub, box, latency, calls, loss, unplug; all when none is named. hub:DEVICES has so many devices; of
 * the parts with peers, PART:WHO,WHO has only those rows whose names contain one of the words: calls:callbox,codecs. A
 * part that is not run keeps in bench.json what an earlier run wrote of it.
 * Peers are Debian's packages baresip-core and baresip-ffmpeg, and what the tests need anyway; one that is not there is
 * left out, and the table says so. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { calls } from "./calls.mjs";
import { core } from "./core.mjs";
import { workFolder, workFolderRemove } from "./film.mjs";
import { hub } from "./hub.mjs";
import { latency } from "./latency.mjs";
import { loss } from "./loss.mjs";
import { oneBox } from "./one_box.mjs";
import { srtp } from "./srtp.mjs";
import { unplug } from "./unplug.mjs";

const parts = { core, srtp, hub, box: oneBox, latency, calls, loss, unplug };
const [rounds = 3, seconds = 20] = process.argv.slice(2, 4).map(Number);
const wanted = process.argv.slice(4);
const file = join(process.env.CALLBOX_BUILD, "bench.json");

function earlier() {
	try {
		return JSON.parse(readFileSync(file, "utf8")).parts ?? {};
	} catch {
		return {};
	}
}

const unknown = wanted.filter((one) => !(one.split(":")[0] in parts));
if (unknown.length || !(rounds > 0) || !(seconds > 0)) {
	console.error(`usage: run.mjs [ROUNDS [SECONDS [PART...]]]; parts: ${Object.keys(parts).join(" ")}`);
	process.exit(64);
}
const folder = workFolder();
try {
	const model = /model name\s*:\s*(.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown processor";
	const machine = `${cpus().length} x ${model}`;
	const results = earlier();
	for (const one of wanted.length ? wanted : Object.keys(parts)) {
		const [part, argument] = one.split(":");
		const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
		console.log(`\n## ${part}: ${machine}; load before: ${load}; ${rounds} rounds of ${seconds} s, medians`);
		const at = new Date().toISOString(),
			result = await parts[part]({ rounds, seconds, folder }, argument);
		results[part] = { at, machine, load, rounds, seconds, result };
		writeFileSync(file, `${JSON.stringify({ parts: results }, null, 1)}\n`);
	}
} finally {
	workFolderRemove(folder);
}
