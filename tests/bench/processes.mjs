/* processes: what process trees cost: CPU time, memory, wake-ups. */
import { readFileSync, readdirSync } from "node:fs";

const TICKS = 100; /* a second: CLK_TCK of Linux */

function stat(pid) {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, "utf8");
		const words = text.slice(text.lastIndexOf(")") + 2).split(" ");
		return { parent: Number(words[1]), cpu: (Number(words[11]) + Number(words[12])) / TICKS, dead: words[0] === "Z" };
	} catch {
		return null; /* gone meanwhile */
	}
}

/* The processes below these, and these. */
export function tree(...roots) {
	const parents = new Map();
	for (const name of readdirSync("/proc")) if (/^\d+$/.test(name)) parents.set(Number(name), stat(name)?.parent);
	const all = new Set(roots);
	for (let size = 0; size !== all.size; ) {
		size = all.size;
		for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
	}
	return [...all];
}

/* CPU seconds of each process up to now. */
const spent = (pids) => new Map(pids.map((pid) => [pid, stat(pid)?.cpu ?? 0]));

/* CPU seconds that these trees spend while work runs. */
export async function cpuWhile(roots, work) {
	const before = spent(tree(...roots));
	await work();
	const after = spent(tree(...roots));
	let sum = 0;
	for (const [pid, cpu] of after) sum += cpu - (before.get(pid) ?? 0);
	return sum;
}

/* Their share of memory, MiB; not the film of a bench, which some map and some read. */
export function pss(...roots) {
	let kib = 0;
	for (const pid of tree(...roots))
		try {
			let counts = true;
			for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n"))
				if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) counts = !/callbox-bench-\w+\//.test(line);
				else if (counts && line.startsWith("Pss:")) kib += Number(/\d+/.exec(line)[0]);
		} catch {
			/* gone meanwhile */
		}
	return kib / 1024;
}

/* Times that they were switched to, of their own will. */
export function wakeups(...roots) {
	let sum = 0;
	for (const pid of tree(...roots))
		try {
			for (const task of readdirSync(`/proc/${pid}/task`))
				sum += Number(
					/^voluntary_ctxt_switches:\s+(\d+)/m.exec(
						readFileSync(`/proc/${pid}/task/${task}/status`, "utf8"),
					)[1],
				);
		} catch {
			/* gone meanwhile */
		}
	return sum;
}
