/* programs: processes of peers, their ports and pipes. */
import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const built = (name) => join(process.env.CALLBOX_BUILD, "tests/bench", name);

export function isThere(...programs) {
	return programs.every((program) => {
		try {
			execFileSync("which", [program], { stdio: "ignore" });
			return true;
		} catch {
			return false;
		}
	});
}

/* A UDP port that is free, and the next one too. */
export async function freePort() {
	for (;;) {
		const one = createSocket("udp4");
		await new Promise((resolve) => one.bind(0, "127.0.0.1", resolve));
		const { port } = one.address();
		await new Promise((resolve) => one.close(resolve));
		if (port % 2 === 0 && port < 65000) return port;
	}
}

/* Whether somebody listens there. */
export function isBound(port) {
	const hex = port.toString(16).toUpperCase().padStart(4, "0");
	return readFileSync("/proc/net/udp", "utf8").includes(`:${hex} `);
}

export function pipeMake(path) {
	execFileSync("mkfifo", [path]);
	return path;
}

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Programs {
	all = [];
	/* within: words before the command; input: its standard input is child.stdin; log: a file for all that it says. */
	start(program, args, { cwd, within = [], input = false, log } = {}) {
		const [first, ...rest] = [...within, program, ...args];
		const child = spawn(first, rest, { cwd, stdio: [input ? "pipe" : "ignore", "pipe", "pipe"] });
		child.text = "";
		const take = (bytes) => {
			child.text = (child.text + bytes).slice(-100000);
			if (log) appendFileSync(log, bytes);
		};
		child.stdout.on("data", take);
		child.stderr.on("data", take);
		child.stdin?.on("error", () => {}); /* it is gone: its end is seen elsewhere */
		child.ended = new Promise((resolve) => {
			child.on("exit", resolve);
			child.on("error", (error) => resolve((child.text += error.message)));
		});
		running.add(child);
		child.ended.then(() => running.delete(child));
		this.all.push(child);
		return child;
	}
	/* One line for a shell: pipes and files are its business. */
	line(text, options) {
		return this.start("sh", ["-c", `exec ${text}`], options);
	}
	/* Throws with the last words of who has ended. */
	check() {
		for (const child of this.all) if (child.exitCode !== null) throw new Error(child.text.slice(-2000));
	}
	async end() {
		for (const child of this.all) child.kill("SIGKILL");
		await Promise.all(this.all.map((child) => child.ended));
	}
}
