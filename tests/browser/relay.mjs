/* relay: coturn for a test, and a road to it that loses datagrams or is narrow. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./place.mjs";

const PROGRAM = "/usr/bin/turnserver",
	QUEUE_MS = 600,
	HEADERS = 28; /* IPv4 and UDP */

function bind(socket, port = 0) {
	return new Promise((resolve) => socket.bind(port, "127.0.0.1", () => resolve(socket.address().port)));
}

/* A free port: taken for a moment, and given back. */
async function freePort() {
	const socket = createSocket("udp4");
	const port = await bind(socket);
	await new Promise((resolve) => socket.close(resolve));
	return port;
}

/* Whether a STUN server is at the port: RFC 8489, a binding request gets an answer. */
async function answers(port) {
	const socket = createSocket("udp4");
	const request = Buffer.alloc(20);
	request.writeUInt16BE(1, 0);
	request.writeUInt32BE(0x2112a442, 4);
	const answer = new Promise((resolve) => {
		socket.on("message", () => resolve(true));
		socket.on("error", () => resolve(false));
		setTimeout(resolve, 300, false);
	});
	socket.send(request, port, "127.0.0.1");
	const good = await answer;
	socket.close();
	return good;
}

/* null: there is no coturn here. {port, log, child} */
export async function turnStart(place, secret) {
	if (!existsSync(PROGRAM)) return null;
	const port = await freePort();
	const log = join(place.dir, "turn.log");
	const fd = openSync(log, "a");
	const args = [
		"--no-cli",
		"--no-tls",
		"--no-dtls",
		"--no-tcp",
		"--no-tcp-relay",
		"--fingerprint",
		"--verbose",
		"--use-auth-secret",
		`--static-auth-secret=${secret}`,
		"--realm=callbox",
		"--listening-ip=127.0.0.1",
		"--relay-ip=127.0.0.1",
		`--listening-port=${port}`,
		"--allow-loopback-peers",
		"--log-file=stdout",
		"--simple-log",
		`--pidfile=${join(place.dir, "turn.pid")}`,
		`--userdb=${join(place.dir, "turn.db")}`,
	];
	const child = spawn(PROGRAM, args, { cwd: place.dir, stdio: ["ignore", fd, fd] });
	child.ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
	place.children.push(child);
	await until("coturn answers", async () => child.exitCode !== null || (await answers(port)));
	if (child.exitCode !== null) throw new Error(`coturn: ${readFileSync(log, "utf8")}`);
	return { port, log, child };
}

/* Carries datagrams to a port and back; loss: which share does not arrive, each way; narrow: so many bits a second each way,
 * with a queue of QUEUE_MS. {port, set(loss), narrow(bps), counts} */
export async function lossyRoad(to) {
	let loss = 0,
		bps = Infinity;
	const free = [0, 0]; /* when each way has sent what it holds; ms */
	const counts = { passed: 0, lost: 0 };
	const sides = new Map(); /* address of a client → its own socket to the other end */
	const front = createSocket("udp4");
	const pass = (way, bytes, send) => {
		const now = performance.now(),
			start = Math.max(free[way], now);
		if (Math.random() < loss || start - now > QUEUE_MS) {
			counts.lost++;
			return;
		}
		counts.passed++;
		free[way] = start + ((bytes + HEADERS) * 8000) / bps;
		if (free[way] - now < 1) send();
		else setTimeout(send, free[way] - now);
	};
	front.on("message", (bytes, { address, port }) => {
		const key = `${address}:${port}`;
		if (!sides.has(key)) {
			const back = createSocket("udp4");
			back.on("message", (answer) => pass(1, answer.length, () => front.send(answer, port, address)));
			sides.set(key, back);
		}
		pass(0, bytes.length, () => sides.get(key).send(bytes, to, "127.0.0.1"));
	});
	return {
		port: await bind(front),
		counts,
		set(share) {
			loss = share;
		},
		narrow(bitsPerSecond) {
			bps = bitsPerSecond;
		},
		close() {
			front.close();
			for (const socket of sides.values()) socket.close();
		},
	};
}
