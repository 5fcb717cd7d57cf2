/* A box and GStreamer's webrtcbin, asked to bundle and asked not to, each as the one that offers and as the one that answers.
 * The test is a device on the hub; webrtcbin runs beside it (gst_peer.py). Picture and sound are judged at both ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { Socket } from "./socket.mjs";
import { Place, Tap, ask, until } from "./place.mjs";

const PYTHON = "/usr/bin/python3";
const SCRIPT = new URL("gst_peer.py", import.meta.url).pathname;

class Gst {
	constructor(policy, on) {
		Object.assign(this, { number: 0, levelDb: -Infinity, said: "", errors: [], words: "" });
		this.child = spawn(PYTHON, [SCRIPT, policy], { stdio: ["pipe", "pipe", "pipe"] });
		this.child.on("error", (error) => (this.said = error.message));
		this.child.stderr.on("data", (bytes) => (this.words += bytes));
		this.ended = new Promise((resolve) => this.child.on("close", resolve));
		createInterface({ input: this.child.stdout }).on("line", (line) => {
			this.said = line;
			const message = line.startsWith("{") ? JSON.parse(line) : {};
			if ("number" in message) this.number = message.number;
			else if ("level_db" in message) this.levelDb = message.level_db;
			else if ("error" in message) this.errors.push(message.error);
			else if (message.sdp || message.candidate) on(message);
		});
	}

	tell(message) {
		this.child.stdin.write(`${JSON.stringify(message)}\n`);
	}

	close() {
		this.child.stdin.end();
		return this.ended;
	}
}

const tap = new Tap();
const probe = new Gst("none", () => {});
const isMissing = (await probe.close()) !== 0;
const isAlone = !Object.values(networkInterfaces()).flat().some(({ internal }) => !internal);
if (isMissing || isAlone) {
	/* webrtcbin offers no address of the loopback. */
	console.log(`1..0 # SKIP ${isMissing ? probe.said || "no python3" : "this machine has no network address"}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const box = await place.box("room", "room-a", { conf: "ice_loopback = no\n" });

/* A device of an account on the hub, as much of one as a call needs. */
const hub = await Socket.open(place.hubPort, { protocol: "callbox-hub" });
hub.text({ t: "login", account: "gst", device: "gst-1", boot: "1", token: place.addUser("gst") });
await hub.next(({ t }) => t === "synced");
let seq = 0;
const letter = (callId, kind, body, to = "*") =>
	hub.text({
		t: "send",
		id: ++seq,
		env: {
			kind,
			call_id: callId,
			to_user: "room",
			to_party: to,
			seq,
			deadline_ms: 30000,
			body,
		},
	});
const next = async (...kinds) => {
	const message = await hub.next(({ t, env }) => t === "deliver" && kinds.includes(env.kind), 20000);
	assert.ok(message, `no ${kinds.join(" or ")}`);
	hub.text({ t: "ack", number: message.number });
	return message.env;
};

/* What the box says about the transport goes to webrtcbin until the call is over. */
async function bridge(gst, told) {
	for (;;) {
		const message = await hub.next(({ t }) => t === "deliver", 60000);
		if (!message) return;
		hub.text({ t: "ack", number: message.number });
		const { kind, body } = message.env;
		if (kind === "bye") return;
		if (kind === "description") {
			told.push(body);
			gst.tell({ type: body.type, sdp: body.sdp });
		} else if (kind === "candidates") {
			for (const { candidate, index } of body.candidates) gst.tell({ candidate, index });
		}
	}
}

async function call(caller, policy) {
	let party = "*",
		callId = randomBytes(16).toString("hex");
	const lines = []; /* mids of the description in force */
	const told = [],
		said = [];
	const gst = new Gst(policy, (message) => {
		if (message.sdp) {
			said.push(message);
			lines.splice(0, 9, ...[...message.sdp.matchAll(/^a=mid:(\S+)/gm)].map(([, mid]) => mid));
			letter(callId, "description", { type: message.type, sdp: message.sdp }, party);
		} else {
			const { candidate, index } = message;
			const one = { candidate, index, mid: lines[index] || "" };
			letter(callId, "candidates", { candidates: [one] }, party);
		}
	});
	if (caller === "gst") {
		letter(callId, "invite", { type: 2, lifetime_ms: 30000 });
		await until("it rings", async () => (await ask(box.socket, "status")).status === "called");
		await ask(box.socket, "accept");
		party = (await next("accept")).from_party;
		letter(callId, "decide", { outcome: "accepted", winner: party });
		gst.tell({ offer: true });
	} else {
		({ callId } = await ask(box.socket, "call", { userId: "gst", type: 2 }));
		party = (await next("invite")).from_party;
		letter(callId, "ringing", {}, party);
		letter(callId, "accept", { type: 2 }, party);
		await next("decide");
	}
	const bridged = bridge(gst, told);
	try {
		await until("the box is in the call", async () => {
			const { call: now } = await ask(box.socket, "status");
			return now && now.state === "active";
		});
		const stats = () => ask(box.socket, "stats");
		const first = await until("the test camera's number at webrtcbin", () => gst.number);
		const shown = (await stats()).video.frames_shown || 0,
			heard = (await stats()).media.sound.received;
		await until("the number grows", () => gst.number > first + 15);
		await until("the tone at webrtcbin", () => gst.levelDb > -40);
		await until("pictures at the box", async () => (await stats()).video.frames_shown > shown + 15);
		await until("sound at the box", async () => (await stats()).media.sound.received > heard + 50);
		const { media, video } = await stats();
		console.log(
			`# webrtcbin: #${gst.number}, ${gst.levelDb.toFixed(1)} dB; box: ${video.frames_shown} pictures, ` +
				`${media.sound.received} of sound; ${media.srtp_profile}; ${media.candidate_pair}; ` +
				`${media.candidate_pair_video || "the same"}`,
		);
		assert.equal(media.transports, policy === "none" ? 2 : 1);
		assert.deepEqual(gst.errors, []);
	} catch (error) {
		for (const { type, sdp } of [...told, ...said])
			console.log(`# ${type}\n${sdp.replace(/\r/g, "").replace(/^/gm, "#   ")}`);
		console.log([...gst.errors, gst.words].join("\n").replace(/^/gm, "# "));
		throw error;
	} finally {
		await ask(box.socket, "hangup").catch(() => {});
		await bridged;
		await gst.close();
	}
}

for (const policy of ["none", "max-bundle"])
	for (const caller of ["gst", "box"])
		await tap.test(
			`bundle-policy ${policy}, ${caller === "gst" ? "webrtcbin" : "the box"} offers: picture and sound both ways`,
			() => call(caller, policy),
		);

if (tap.failed) console.log(readFileSync(box.log, "utf8").replace(/^/gm, "# "));
hub.raw.destroy();
await place.close({ keep: tap.failed });
tap.end();
