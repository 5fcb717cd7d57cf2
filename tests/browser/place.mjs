/* place: where a browser test lives: a scratch folder, the staged installation, a hub, boxes, panels. Everything runs as
 * the ordinary user and ends with the test. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIMIT_MS = 30000;
const build = process.env.CALLBOX_BUILD;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Waits for a fact: fn gives something true. */
export async function until(what, fn, limitMs = LIMIT_MS, stepMs = 30) {
	const end = Date.now() + limitMs;
	for (;;) {
		const value = await fn();
		if (value) return value;
		if (Date.now() > end) throw new Error(`not seen within ${limitMs} ms: ${what}`);
		await sleep(stepMs);
	}
}

export class Place {
	constructor() {
		if (!build) throw new Error("CALLBOX_BUILD must name the build folder");
		const make = readFileSync(join(build, "Makefile"), "utf8");
		const [, prefix] = /^prefix = (.*)$/m.exec(make);
		this.stage = join(build, "stage", prefix);
		this.dir = mkdtempSync(join(tmpdir(), "callbox-"));
		this.children = [];
		this.address = "127.0.0.1"; /* that the hub listens on; elsewhere it needs a certificate */
		this.within = []; /* a command before each that is started from now on: ip netns exec NAME */
		this.more = {}; /* of the environment of what is started from now on */
		process.on("exit", () => this.children.forEach((child) => child.kill("SIGKILL")));
	}

	program(name) {
		const path = ["bin", "sbin", "libexec/callbox"]
			.map((folder) => join(this.stage, folder, name))
			.find(existsSync);
		if (!path) throw new Error(`${name} is not staged under ${this.stage}`);
		return path;
	}

	environment(dir) {
		const env = {
			...process.env,
			CALLBOX_LIBEXEC_DIR: join(this.stage, "libexec/callbox"),
			CALLBOX_PLUGIN_DIR: join(this.stage, "lib/callbox/plugins"),
			CALLBOX_DATA_DIR: join(this.stage, "share/callbox"),
		};
		Object.assign(env, this.more);
		for (const folder of ["run", "state", "conf"]) {
			env[`CALLBOX_${folder.toUpperCase()}_DIR`] = join(dir, folder);
			mkdirSync(join(dir, folder), { recursive: true, mode: 0o700 });
		}
		return env;
	}

	spawn(dir, log, program, ...args) {
		const fd = openSync(log, "a");
		const [first, ...rest] = [...this.within, this.program(program), ...args];
		const child = spawn(first, rest, {
			cwd: dir,
			env: this.environment(dir),
			stdio: ["ignore", fd, fd],
		});
		child.ended = new Promise((resolve) =>
			child.on("exit", (code, signal) => resolve(code ?? signal)),
		);
		child.log = log;
		this.children.push(child);
		return child;
	}

	async stop(child, signal = "SIGTERM") {
		child.kill(signal);
		const code = await Promise.race([child.ended, sleep(LIMIT_MS).then(() => "late")]);
		if (code === "late") child.kill("SIGKILL");
		return code;
	}

	/* The port in a "listening on HOST:PORT" line. */
	async port(child) {
		const line = await until(`"listening on" in ${child.log}`, () => {
			if (child.exitCode !== null)
				throw new Error(`${child.log}:\n${readFileSync(child.log, "utf8")}`);
			return /listening on \S*:(\d+)/.exec(readFileSync(child.log, "utf8"));
		});
		return Number(line[1]);
	}

	async hubStart(more = "") {
		const dir = join(this.dir, "hub");
		mkdirSync(dir, { recursive: true });
		this.hubConf = join(dir, "hub.conf");
		writeFileSync(this.hubConf, `listen = ${this.address}:0\ndatabase = hub.db\n${more}`);
		this.hub = this.spawn(dir, join(dir, "hub.log"), "callbox-hub", "-f", this.hubConf);
		this.hubPort = await this.port(this.hub);
		this.hubUrl = `${more.includes("certificate") ? "wss" : "ws"}://${this.address}:${this.hubPort}/`;
	}

	addUser(user) {
		const out = execFileSync(this.program("callbox-hub"), ["adduser", "-f", this.hubConf, user], {
			env: this.environment(join(this.dir, "hub")),
			input: "",
		});
		return out.toString().trim().split("\n").pop();
	}

	/* more: further lines of the account's file. A box with test picture and tone; resolves when its account is online. */
	async box(account, device, { conf = "", more = "", token = this.addUser(account) } = {}) {
		const dir = join(this.dir, device);
		mkdirSync(join(dir, "conf/accounts"), { recursive: true, mode: 0o700 });
		writeFileSync(
			join(dir, "conf/callbox.conf"),
			"ice_loopback = yes\nrings_a_minute = 0\ninvites_a_minute = 0\n" +
				`camera = pattern:\nmicrophone = tone:440\nspeaker = null:\n${conf}`,
		);
		writeFileSync(
			join(dir, "conf/accounts/a.conf"),
			`provider = hub\naccount = ${account}\ndevice = ${device}\n` +
				`server = ${this.hubUrl.replace(/\/$/, "")}\nsecret_file = a.secret\n${more}`,
		);
		writeFileSync(join(dir, "conf/accounts/a.secret"), token, { mode: 0o600 });
		const box = {
			account,
			device,
			dir,
			token,
			socket: join(dir, "run/control.sock"),
			log: join(dir, "callboxd.log"),
		};
		await this.boxStart(box);
		return box;
	}

	/* stepMs: how often it looks whether the account is online. */
	async boxStart(box, stepMs = 30) {
		box.child = this.spawn(box.dir, box.log, "callboxd");
		await until(`${box.account} online`, async () => {
			const state = existsSync(box.socket)
				? await ask(box.socket, "status").catch(() => null)
				: null;
			return state && state.accounts.some((one) => one.state === "online");
		}, LIMIT_MS, stepMs);
	}

	/* A panel of a box; its url in panel.url. */
	async panel(box, conf = "") {
		writeFileSync(join(box.dir, "conf/panel.conf"), `listen = 127.0.0.1:0\n${conf}`);
		const child = this.spawn(
			box.dir,
			join(box.dir, `panel-${this.children.length}.log`),
			"callbox-panel",
		);
		child.port_ = await this.port(child);
		child.url = `http://127.0.0.1:${child.port_}/`;
		return child;
	}

	async close({ keep = false } = {}) {
		await Promise.all(
			this.children
				.filter((child) => child.exitCode === null && child.signalCode === null)
				.map((child) => this.stop(child)),
		);
		if (!keep) rmSync(this.dir, { recursive: true, force: true });
	}
}

/* One request to a control socket. */
export function ask(socket, method, params = {}) {
	return new Promise((resolve, reject) => {
		const client = connect(socket);
		let text = "";
		client.on("error", reject);
		client.on("connect", () =>
			client.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}\n`),
		);
		client.on("data", (bytes) => {
			text += bytes;
			const end = text.indexOf("\n");
			if (end < 0) return;
			client.destroy();
			const answer = JSON.parse(text.slice(0, end));
			if (answer.error) reject(new Error(answer.error.message));
			else resolve(answer.result);
		});
		client.on("close", () => reject(new Error("closed")));
	});
}

/* Cases in order, as TAP. */
export class Tap {
	#number = 0;
	failed = 0;

	async test(name, fn) {
		const began = Date.now();
		try {
			const skip = await fn();
			console.log(
				`ok ${++this.#number} - ${name}${typeof skip === "string" ? ` # SKIP ${skip}` : ""}`,
			);
			console.log(`# ${Date.now() - began} ms`);
		} catch (error) {
			this.failed++;
			console.log(
				`${String(error.stack || error).replace(/^/gm, "# ")}\nnot ok ${++this.#number} - ${name}`,
			);
		}
	}

	skip(name, why) {
		console.log(`ok ${++this.#number} - ${name} # SKIP ${why}`);
	}

	end() {
		console.log(`1..${this.#number}`);
		process.exitCode = this.failed ? 1 : 0;
	}
}
