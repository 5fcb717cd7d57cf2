/* The scenarios of tests/calls, played on the browser's call machine as tests/calls/play plays them on callboxd's: the
 * same table, the same races, the same words. TAP; one line a file. What a browser does not do is skipped by name. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { CallMachine } from "../../core/panel/callbox/machine.js";
import { parseTable } from "../../core/panel/callbox/table.js";

const source = process.env.CALLBOX_SRC || new URL("../..", import.meta.url).pathname;
const table = parseTable(readFileSync(join(source, "conf/call.fsm"), "utf8"));
const LACKS = [
	[/call_waiting|\bhold=/, "a browser has no call waiting"],
	[/\bscreen=|screened/, "a browser has no hooks"],
];
const TYPES = { audio: 1, video: 2, other: 3 };
const list = (value) => (value ? value.split(",") : []);
const yes = (value) => value.startsWith("y");
const POLICIES = {
	call_timeout: ["callTimeoutMs", Number],
	autoanswer: ["autoanswerMs", Number],
	dnd: ["dnd", yes],
	contacts_only: ["autoanswerContacts", yes],
	contacts: ["contacts", list],
	allow: ["allow", list],
	block: ["block", list],
	reject_account: ["rejectAccount", yes],
	invites_a_minute: ["invitesAMinute", Number],
	rings_a_minute: ["ringsAMinute", Number],
	busy_first: ["busyFirst", yes],
	ring_unverified: ["ringUnverified", yes],
	confirm_video: ["confirmVideo", yes],
	confirm_audio: ["confirmAudio", yes],
	maxcall: ["maxcallMs", Number],
};

class Play {
	constructor() {
		Object.assign(this, {
			boxes: [],
			network: [],
			past: [],
			held: false,
			now: 1000,
			nextId: 0,
			forged: 1e9,
			calls: [],
		});
	}

	fail(text) {
		throw new Error(text);
	}

	box(name) {
		return this.boxes.find((box) => box.name === name);
	}

	start(box) {
		box.party = `${box.name}:${++box.boot}`;
		box.machine = new CallMachine({
			table,
			account: box.account,
			party: box.party,
			now: () => this.now,
			policy: box.policy,
		});
		for (const entry of box.journal.values()) box.machine.restore(entry.entry, this.now - entry.at);
		box.machine.synced(true);
		this.drain(box);
	}

	drain(box) {
		for (let o; box.machine && (o = box.machine.take());) this.carryOut(box, o);
	}

	carryOut(box, o) {
		const kinds = {
			send: () => {
				for (const to of this.boxes)
					if (
						to.account === o.peer &&
						(o.toParty === "*" || o.toParty === to.party)
					)
						this.network.push({
							kind: o.kind,
							call_id: o.callId,
							from_user: box.account,
							from: box.name,
							from_party: box.party,
							seq: o.seq,
							to,
							body: JSON.parse(JSON.stringify(o.body)),
						});
			},
			event: () => box.events.push({ event: o.name, ...o.payload }),
			mediaOpen: () => box.manual || box.machine.setup(o.callId),
			mediaStart: () => (box.media = true),
			mediaStop: () => (box.media = false),
			ring: () => {
				if (o.on) box.rings = o.callId;
				else if (box.rings === o.callId) box.rings = null;
			},
			journal: () => box.journal.set(o.callId, { entry: o.entry, at: this.now }),
			record: () =>
				o.record
					? box.records.set(o.callId, o.record.status)
					: box.records.delete(o.callId),
		};
		if (kinds[o.type]) kinds[o.type]();
	}

	deliver(letter, age_ms = 0, replay = false) {
		const { to, ...message } = letter;
		if (!to.machine) return;
		to.machine.message({ ...message, age_ms, replay });
		this.drain(to);
	}

	settle() {
		while (!this.held && this.network.length) {
			const letter = this.network.shift();
			this.deliver(letter);
			this.past.push(letter);
		}
	}

	wait(ms) {
		const end = this.now + ms;
		for (;;) {
			this.settle();
			const times = this.boxes
				.filter((b) => b.machine)
				.map((b) => b.machine.deadline())
				.filter((t) => t >= 0);
			const next = Math.min(...times, Infinity);
			if (next > end) break;
			this.now = Math.max(this.now, next);
			for (const box of this.boxes)
				if (box.machine) {
					box.machine.tick();
					this.drain(box);
				}
		}
		this.now = end;
	}

	statement(words) {
		const [first, second, ...rest] = words;
		if (first === "box") {
			const box = {
				name: second,
				account: rest[0],
				boot: 0,
				journal: new Map(),
				records: new Map(),
				events: [],
				policy: { ringsAMinute: 0, invitesAMinute: 0 },
			};
			for (const word of rest.slice(1))
				if (word === "setup=manual") box.manual = true;
				else {
					const [key, value] = word.split("=");
					if (!POLICIES[key]) this.fail(`"${word}" is no policy`);
					const [name, read] = POLICIES[key];
					box.policy[name] = read(value);
				}
			this.boxes.push(box);
			this.start(box);
		} else if (first === "network") {
			this.held = second === "held";
		} else if (first === "wait") {
			this.wait(Number(second));
		} else if (first === "refused") {
			this.refused(second, rest);
		} else if (first === "forge") {
			this.forge(words);
		} else if (["deliver", "drop", "repeat"].includes(first)) {
			this.letter(words);
		} else {
			const box = this.box(first) || this.fail(`no box "${first}"`);
			this.boxDoes(box, second, rest);
		}
		this.settle();
	}

	boxDoes(box, what, w) {
		if (what === "boots") {
			if (box.machine) Object.assign(box, { media: false, events: [] });
			this.start(box);
		} else if (what === "crashes") {
			box.machine = null;
			box.media = false;
			box.events = [];
		} else if (!this.check(box, what, w)) {
			this.verb(box, what, w);
			this.drain(box);
		}
	}

	id(number) {
		return this.calls[(number ? Number(number) : this.calls.length) - 1];
	}

	verb(box, what, w) {
		const m = box.machine;
		const verbs = {
			call: () => {
				const order = w[2] === "first" ? "0" : w[2] === "last" ? "f" : "8";
				const callId = order + String(++this.nextId).padStart(31, "0");
				m.call({ callId, userId: w[0], type: TYPES[w[1]] || 2 });
				this.calls.push(callId);
			},
			accept: () => m.accept(w[0] ? TYPES[w[0]] : 0),
			reject: () => m.reject(),
			hangup: () => m.hangup(),
			cancel: () => m.cancel(),
			ignore: () => m.ignore(),
			prolong: () => m.prolong(),
			timeout: () => m.setCallTimeout(Number(w[0])),
			switch: () => m.switchType(TYPES[w[0]], { agree: 2, refuse: 3 }[w[1]] || 1),
			"media-up": () => m.media(this.id(w[0]), "up"),
			"media-alive": () => m.media(this.id(w[0]), "alive"),
			"media-lost": () => m.media(this.id(w[0]), "lost"),
			"media-failed": () => m.media(this.id(w[0]), "failed", "media"),
			"setup-ok": () => m.setup(this.id()),
			"setup-fails": () => m.setup(this.id(), Number(w[0] || 7), "no camera"),
			kicked: () => m.kicked(),
			leaves: () => m.leave(),
			offline: () => m.synced(false),
			synced: () => m.synced(true),
			dnd: () => m.setDnd(w[0] !== "off", Number(w[1] || 0)),
			mute: () => m.setFlags({ audioMuted: true }),
		};
		if (!verbs[what]) this.fail(`"${what}" means nothing`);
		verbs[what]();
	}

	refused(name, [verb, ...w]) {
		const word = w.pop();
		const box = this.box(name);
		try {
			this.verb(box, verb, w);
		} catch (error) {
			this.drain(box);
			if (!error.message.includes(word))
				this.fail(`${name} says "${error.message}", not ${word}`);
			return;
		}
		this.fail(`${name} did as told`);
	}

	forge([, kind, , who, , name, ...body]) {
		const [from_user, from_party = "x:1"] = who.split("/");
		const text = body.join(" ");
		this.deliver({
			kind,
			call_id: this.id(),
			from_user,
			from_party,
			seq: ++this.forged,
			to: this.box(name),
			body: text ? JSON.parse(text) : {},
		});
	}

	letter([what, kind, ...w]) {
		let from = null,
			to = null,
			age = 0,
			replay = false;
		for (let i = 0; i < w.length; i++) {
			if (w[i] === "replay") replay = true;
			else if (w[i] === "from") from = w[++i];
			else if (w[i] === "to") to = w[++i];
			else if (w[i] === "age") age = w[++i] === "unknown" ? -1 : Number(w[i]);
		}
		const queue = what === "repeat" ? this.past : this.network;
		const at = queue.findIndex(
			(l) => l.kind === kind && (!from || l.from === from) && (!to || l.to.name === to),
		);
		if (at < 0) this.fail(`no such message: ${kind}`);
		const letter = queue[at];
		if (what !== "repeat") {
			queue.splice(at, 1);
			this.past.push(letter);
		}
		if (what !== "drop") this.deliver(letter, age, replay);
	}

	/* False: it is no check. */
	check(box, what, w) {
		const take = (name) => {
			const at = box.events.findIndex((e) => e.event === name);
			return at < 0 ? null : box.events.splice(at, 1)[0];
		};
		const state = box.machine && box.machine.live ? box.machine.live.state : "idle";
		const checks = {
			gets: () => {
				const event = take(w[0]) || this.fail(`${box.name} did not get ${w[0]}`);
				for (const word of w.slice(1)) {
					const [key, value] = word.split("=");
					const is =
						typeof event[key] === "boolean"
							? event[key]
								? "yes"
								: "no"
							: String(event[key]);
					if (is !== value)
						this.fail(
							`${box.name}: ${word} is not in ${JSON.stringify(event)}`,
						);
				}
			},
			"never-gets": () => take(w[0]) && this.fail(`${box.name} got ${w[0]}`),
			is: () => state !== w[0] && this.fail(`${box.name} is ${state}, not ${w[0]}`),
			records: () => {
				const is = box.records.get(this.id(w[1])) || 0;
				if (is !== Number(w[0]))
					this.fail(`${box.name} recorded status ${is}, not ${w[0]}`);
			},
			"has-media": () => box.media || this.fail(`${box.name} has no media`),
			"has-no-media": () => box.media && this.fail(`${box.name} has media`),
			rings: () => box.rings || this.fail(`${box.name} does not ring`),
			"rings-not": () => box.rings && this.fail(`${box.name} rings`),
		};
		if (!checks[what]) return false;
		checks[what]();
		return true;
	}
}

const folder = join(source, "tests/calls");
const named = process.argv.slice(2);
const files = named.length
	? named
	: readdirSync(folder)
			.filter((f) => f.endsWith(".call"))
			.sort()
			.map((f) => join(folder, f));
let failed = 0;
files.forEach((file, index) => {
	const text = readFileSync(file, "utf8");
	const name = `${basename(file, ".call")} in a browser's machine`;
	const lack = LACKS.find(([pattern]) => pattern.test(text));
	if (lack) {
		console.log(`ok ${index + 1} - ${name} # SKIP ${lack[1]}`);
		return;
	}
	const play = new Play();
	let number = 0;
	try {
		const lines = text
			.split("\n")
			.map((line) => line.replace(/#.*/, "").trim().split(/\s+/).filter(Boolean));
		for (const words of lines) {
			number++;
			if (words[0] === "again") {
				const [times, count] = words.slice(1).map(Number);
				for (let i = 0; i < times * count; i++)
					play.statement(lines[number - 1 - count + (i % count)]);
			} else if (words.length) play.statement(words);
		}
		console.log(`ok ${index + 1} - ${name}`);
	} catch (error) {
		failed++;
		console.log(`# ${basename(file)}:${number}: ${error.message}`);
		console.log(`not ok ${index + 1} - ${name}`);
	}
});

/* What a foreign record becomes: known fields within their bounds, as old as it is; and no more of them than calls. */
function foreignRecords() {
	const policy = { block: ["mallory"], invitesAMinute: 30 };
	const machine = new CallMachine({ table, account: "bob", party: "b:1", now: () => 1000, policy });
	const records = [];
	const arrive = (n, from_user, body, age_ms = 0, replay = false) => {
		const call_id = String(n).padStart(32, "0");
		machine.message({ kind: "record", call_id, from_user, from_party: "c:1", seq: n, age_ms, replay, body });
		for (let o; (o = machine.take());) if (o.type === "record") records.push(o.record);
	};
	const good = { type: 2, status: 4 };
	const wild = { durationMs: -5, more: [[1]], direction: "out", durations: [{ accid: "carol", duration: "x" }, 7] };
	arrive(1, "carol", { ...good, ...wild, agoMs: 500, detail: "d".repeat(600) }, 3600000, true);
	assert.deepEqual(records.pop(), {
		...good,
		durations: [{ accid: "carol", duration: 0 }],
		durationMs: 0,
		agoMs: 3600500,
		account: "bob",
		peer: "carol",
		direction: "in",
		channelId: `${"0".repeat(31)}1`,
		final: true,
	});
	arrive(2, "carol", { ...good, agoMs: 1e300 });
	assert.equal(records.pop().agoMs, 30 * 86400000);
	for (let n = 100; n < 140; n++) arrive(n, "dave", good);
	assert.equal(records.length, 30);
	arrive(3, "mallory", good);
	for (const bad of [{ type: 2 }, { type: 9, status: 1 }, { type: 1, status: 6 }]) arrive(4, "erin", bad);
	assert.equal(records.length, 30);
}

if (!named.length) {
	try {
		foreignRecords();
		console.log(`ok ${files.length + 1} - foreign records in a browser's machine`);
	} catch (error) {
		failed++;
		console.log(`# ${error.message.replaceAll("\n", "\n# ")}`);
		console.log(`not ok ${files.length + 1} - foreign records in a browser's machine`);
	}
}
console.log(`1..${files.length + (named.length ? 0 : 1)}`);
process.exit(failed ? 1 : 0);
