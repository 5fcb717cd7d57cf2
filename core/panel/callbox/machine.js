/* CallMachine: everything a device decides about calls, and nothing else: the call core of callboxd for a browser, on
 * the same table. Verbs, messages, timer ticks and media facts go in; what to send, tell, open and write comes out of
 * take(), in order. Pure: the clock, ids and the table are given. One call at a time: a second one is refused as busy.
 *
 * Drive it so: call one method, then take() until null, then set one timer to deadline(). */

import { ACTIONS, GUARDS } from "./actions.js";

export class CallError extends Error {
	constructor(message, code) {
		super(message);
		this.name = "CallError";
		this.code = code; /* "state": wrong state, "value": a bad parameter */
	}
}

const LIFETIME_MIN_MS = 3000;
const GUARD_MARGIN_MS = 5000;
const FLOOD_WINDOW_MS = 60000;
export const PROMPT_MS = 60000;
const SWITCH_ASK_MS = 30000;
const HEARTBEAT_MS = 60000;
const TOMBSTONE_MS = 24 * 3600000;
const TOMBSTONES_MAX = 1024;
const CALL_TIMEOUT_MIN_MS = 1000;
const CALL_TIMEOUT_MAX_MS = 120000;
const ATTACHMENT_BYTES_MAX = 2048;
const GROUP_BYTES_MAX = 1024;
const SEEN_MAX = 4096;
const HELD_MAX = 64;
const MESSAGE_DEADLINE_MS = 30000;
const RECORD_MS_MAX = 30 * 86400000; /* no call is longer, no record comes later */
const RECORD_ACCOUNTS_MAX = 8;
const RECORD_DETAIL_BYTES = 512;
export const AUDIO = 1;
export const VIDEO = 2;
export const OTHER = 3;
const SWITCH_ASK = 1;
const SWITCH_AGREE = 2;
const SWITCH_REFUSE = 3;

/* Timers that no row takes: they run through changes of state. */
const LASTING = ["maxcall", "switch", "heartbeat"];

export const REASONS = {
	1: "no credentials for media",
	2: "nobody answered in time",
	3: "the other side is busy",
	4: "the media engine could not be started",
	5: "no media came about",
	7: "the call could not be set up",
	8: "the account logged in elsewhere",
	10: "own media was lost",
	11: "canceled here",
	12: "canceled by the caller",
	13: "rejected here",
	14: "rejected by the other side",
	15: "hung up here",
	16: "hung up by the other side",
	17: "rejected on another device",
	18: "answered on another device",
	19: "the other side's media was lost",
	20: "the other side lost its media",
	21: "the accept was not confirmed",
};
/* Why a connected call ended: reasonCode, and the word in bye. */
export const ENDS = {
	me: [15, "hangup"],
	peer: [16, "hangup"],
	myMedia: [10, "media"],
	peerMedia: [19, "media"],
	peerLost: [20, "media"],
	kick: [8, "gone"],
	length: [15, "maxcall"],
	superseded: [16, "superseded"],
	elsewhere: [18, "gone"],
};
/* The event that tells how a call ended, before onCallEnd tells that it did. */
const END_EVENTS = {
	3: "onUserBusy",
	14: "onUserReject",
	12: "onUserCancel",
	17: "onOtherClientReject",
	18: "onOtherClientAccept",
	16: "onUserLeave",
	19: "onUserDisconnect",
	20: "onUserDisconnect",
	10: "onDisconnect",
	8: "onDisconnect",
};
const FAILURES = [1, 4, 5, 7, 21];
export const RECORD_STATUS = { accepted: 1, canceled: 2, rejected: 3, timeout: 4, busy: 5, failed: 2 };

const deviceOf = (party) => party.slice(0, party.lastIndexOf(":") < 0 ? party.length : party.lastIndexOf(":"));
export const sameDevice = (one, other) => one === other || deviceOf(one) === deviceOf(other);
const rebooted = (old, now) => old !== now && deviceOf(old) === deviceOf(now);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const int = (value, otherwise) => (Number.isFinite(value) ? Math.trunc(value) : otherwise);
const isCallId = (id) => typeof id === "string" && /^[0-9a-f]{32}$/.test(id);
const bytesOf = (text) => new TextEncoder().encode(text).length;

const DEFAULT_POLICY = {
	callTimeoutMs: 30000,
	autoanswerMs: -1,
	autoanswerContacts: false,
	contacts: [],
	allow: [],
	block: [],
	dnd: false,
	rejectAccount: true,
	invitesAMinute: 30,
	ringsAMinute: 6,
	busyFirst: false,
	ringUnverified: false,
	confirmVideo: true,
	confirmAudio: false,
	maxcallMs: 0,
};

/* What an invite says of a group: a list of names, nothing else. */
function groupRead(group) {
	if (!isObject(group)) return null;
	const { group_id: id, user_ids: users, is_from_group: is } = group;
	return {
		group_id: typeof id === "string" && bytesOf(id) <= GROUP_BYTES_MAX ? id : "",
		user_ids: (Array.isArray(users) ? users : []).filter(
			(user) => typeof user === "string" && user && bytesOf(user) <= 128,
		),
		is_from_group: is === true,
	};
}

/* What a foreign record says of a call: nothing but the known fields, each within its bounds. */
function recordRead({ type, status, durations, durationMs, agoMs, detail }, ageMs) {
	const ms = (value) => Math.min(Math.max(Number.isFinite(value) ? value : 0, 0), RECORD_MS_MAX);
	const isAccount = (accid) => typeof accid === "string" && bytesOf(accid) <= 128;
	return {
		type,
		status,
		durations: (Array.isArray(durations) ? durations : [])
			.filter((one) => isObject(one) && isAccount(one.accid))
			.slice(0, RECORD_ACCOUNTS_MAX)
			.map(({ accid, duration }) => ({ accid, duration: ms(duration) })),
		durationMs: ms(durationMs),
		agoMs: ms(ms(agoMs) + Math.max(ageMs, 0)), /* it may have waited on its way */
		...(typeof detail === "string" && bytesOf(detail) <= RECORD_DETAIL_BYTES && { detail }),
	};
}

function callNew(id, peer, anchor, now) {
	return {
		id,
		peer,
		anchor,
		party: null,
		state: "idle",
		type: AUDIO,
		attachment: null,
		group: null,
		timers: {},
		ringMs: 0,
		guardMs: 0,
		failCode: 0,
		fresh: false,
		outcome: "none",
		winner: null,
		refusal: null,
		end: "me",
		detail: null,
		devices: new Map(),
		seen: new Set(),
		held: [],
		last: null,
		startedMs: now,
		connectedMs: -1,
		endedMs: -1,
		refusedByMe: false,
		acceptSent: false,
		invitedTold: false,
		mediaAsked: false,
		hungUp: false,
		recorded: false,
		verified: false,
		ignored: false,
		prompted: false,
		typeRev: 0,
		askedType: 0,
		askedRev: 0,
		askingType: 0,
		flagsRev: 0,
		flags: { audioMuted: false, videoMuted: false, audioOn: true, videoOn: true },
	};
}

export class CallMachine {
	/* now: () → milliseconds that never go back. policy: see DEFAULT_POLICY. */
	constructor({ table, account, party, now, policy = {} }) {
		Object.assign(this, { table, account, party, now, policy: { ...DEFAULT_POLICY, ...policy } });
		this.outputs = [];
		this.calls = new Map();
		this.ended = []; /* newest first */
		this.live = null;
		this.isSynced = false;
		this.dnd = this.policy.dnd;
		this.dndUntilMs = -1;
		this.ownLimitMs = 0;
		this.seq = this.eventSeq = this.flagsRev = this.ignoredEvents = 0;
		this.floods = new Map();
		this.ringsSinceMs = this.rings = 0;
		this.flags = { audioMuted: false, videoMuted: false, audioOn: true, videoOn: true };
		this.rowsTaken = new Set();
	}

	/* What the user set at the machine of an earlier login holds on. */
	follow({ policy, ownLimitMs, dnd, dndUntilMs, flags }) {
		Object.assign(this, { policy, ownLimitMs, dnd, dndUntilMs, flags });
	}

	take() {
		return this.outputs.shift() || null;
	}

	/* ---- outputs ---- */

	output(type, call, more = {}) {
		const output = call
			? {
					type,
					callId: call.id,
					peer: call.peer,
					party: call.party,
					callType: call.type,
					anchor: call.anchor,
					...more,
				}
			: { type, ...more };
		this.outputs.push(output);
		return output;
	}

	send(call, kind, toParty, body = {}) {
		const deadlineMs = call.anchor && kind === "invite" ? call.ringMs : MESSAGE_DEADLINE_MS;
		this.output("send", call, { kind, toParty, seq: ++this.seq, deadlineMs, body });
		if (!call.anchor && ["accept", "reject", "ringing"].includes(kind)) call.last = { kind, body };
	}

	event(call, name, payload = {}) {
		const more = call ? { ...payload, callId: call.id } : payload;
		this.output("event", null, { name, payload: { ...more, sequence: ++this.eventSeq } });
	}

	userEvent(call, name, more = {}) {
		this.event(call, name, { userId: call.peer, ...more });
	}

	journalOf(call) {
		const now = this.now();
		return {
			type: "journal",
			callId: call.id,
			entry: {
				callId: call.id,
				peer: call.peer,
				peerParty: call.party,
				winner: call.winner,
				anchor: call.anchor,
				type: call.type,
				live: !["idle", "ended"].includes(call.state),
				connected: call.connectedMs >= 0,
				ageMs: now - call.startedMs,
				durationMs: call.connectedMs < 0 ? 0 : now - call.connectedMs,
				outcome: call.outcome,
			},
		};
	}

	/* ---- the table ---- */

	status() {
		return this.live ? this.table.states[this.live.state].status : "idle";
	}

	timerMs(call, timer) {
		return timer === "ring"
			? call.ringMs
			: timer === "guard"
				? call.guardMs
				: this.table.timers[timer];
	}

	timersChange(call, from, to) {
		const listed = (state, timer) => this.table.states[state].timers.includes(timer);
		const takes = (timer) =>
			this.table.rows.some((row) => row.from === to && row.event === `timer:${timer}`);
		for (const timer of new Set([...Object.keys(this.table.timers), ...Object.keys(call.timers)])) {
			if (listed(to, timer) && !listed(from, timer))
				call.timers[timer] = this.now() + this.timerMs(call, timer);
			else if (!listed(to, timer) && !LASTING.includes(timer) && !takes(timer))
				delete call.timers[timer];
		}
	}

	/* step: {call, from (party), body}. False: no row, ignored and counted. */
	step(step, event) {
		const { call } = step;
		if (event.startsWith("timer:")) delete call.timers[event.slice(6)];
		const row = this.table.rows.find(
			(one) =>
				one.from === call.state &&
				one.event === event &&
				(!one.guard || GUARDS[one.guard](this, step)),
		);
		if (!row) {
			this.ignoredEvents++;
			return false;
		}
		this.run(step, row);
		return true;
	}

	/* A state is written down before anything is said about it. */
	run(step, row) {
		const { call } = step;
		const from = call.state,
			before = call.outcome,
			mark = this.outputs.length;
		this.rowsTaken.add(row);
		if (row.to) {
			call.state = row.to;
			this.timersChange(call, from, row.to);
			if (from === "idle" && row.to !== "ended") this.live = call;
		}
		for (const action of row.actions) ACTIONS[action](this, step);
		if (row.to === "ended" && from !== "ended") this.finish(step);
		else if (row.to) this.stateEvent(call);
		if (from === "idle" || row.to === "ended" || before !== call.outcome)
			this.outputs.splice(mark, 0, this.journalOf(call));
	}

	stateEvent(call) {
		const { state } = call;
		this.userEvent(call, "onCallState", { state, status: this.table.states[state].status });
	}

	bury(call) {
		call.state = "ended";
		call.endedMs = this.now();
		call.timers = {};
		if (this.live === call) this.live = null;
		this.ended.unshift(call);
		while (this.ended.length > TOMBSTONES_MAX) this.calls.delete(this.ended.pop().id);
	}

	deadline() {
		const times = this.live ? Object.values(this.live.timers) : [];
		if (this.dnd && this.dndUntilMs >= 0) times.push(this.dndUntilMs);
		return times.length ? Math.min(...times) : -1;
	}

	tick() {
		for (
			let due;
			this.live &&
			(due = Object.entries(this.live.timers)
				.filter(([, at]) => at <= this.now())
				.sort((a, b) => a[1] - b[1])[0]);
		)
			this.timerDue({ call: this.live }, due[0]);
		if (this.dnd && this.dndUntilMs >= 0 && this.dndUntilMs <= this.now()) this.setDnd(false);
		while (
			this.ended.length &&
			this.ended[this.ended.length - 1].endedMs + TOMBSTONE_MS <= this.now()
		)
			this.calls.delete(this.ended.pop().id);
	}

	timerDue(step, timer) {
		const { call } = step;
		delete call.timers[timer];
		if (timer === "maxcall") this.maxcallDue(step);
		else if (timer === "heartbeat") this.heartbeat(call);
		else if (timer === "switch") this.questionVoid(call);
		else {
			if (timer === "autoanswer") this.userEvent(call, "onAutoAnswer");
			if (timer === "reconn" || timer === "media") call.end = "peerMedia";
			this.step(step, `timer:${timer}`);
		}
	}

	heartbeat(call) {
		call.timers.heartbeat = this.now() + HEARTBEAT_MS;
		this.outputs.push(this.journalOf(call));
	}

	/* First the warning, then the end. */
	maxcallDue(step) {
		const { call } = step;
		const remainingMs = Math.min(PROMPT_MS, this.policy.maxcallMs);
		if (!call.prompted) {
			call.prompted = true;
			call.timers.maxcall = this.now() + remainingMs;
			this.userEvent(call, "onMaxCall", { remainingMs });
			return;
		}
		call.end = "length";
		this.step(step, "user:hangup");
	}

	/* ---- the end of a call ---- */

	answeredElsewhere(call) {
		return !call.anchor && call.outcome === "accepted" && call.winner !== this.party;
	}

	/* Accepted, but sound and picture never came. */
	neverJoined(call) {
		return (
			call.outcome === "accepted" &&
			call.connectedMs < 0 &&
			["myMedia", "peerMedia", "peerLost"].includes(call.end)
		);
	}

	reasonOf(call) {
		if (call.end === "kick") return 8;
		if (call.end === "elsewhere") return 18;
		const reasons = {
			accepted: () =>
				this.answeredElsewhere(call)
					? 18
					: this.neverJoined(call)
						? 5
						: ENDS[call.end][0],
			canceled: () => call.failCode || (call.anchor ? 11 : 12),
			rejected: () => (call.anchor ? 14 : call.refusedByMe ? 13 : 17),
			timeout: () => 2,
			busy: () => 3,
			failed: () => (call.hungUp ? 15 : call.failCode || (call.anchor ? 7 : 21)),
			glare: () => (call.invitedTold || (!call.anchor && call.acceptSent) ? 18 : 0),
			none: () => 0,
		};
		return reasons[call.outcome]();
	}

	outcomeEvent(call, reason) {
		if (reason === 2)
			this.userEvent(call, "onCallingTimeout", {
				reason: call.anchor ? "callTimeOut" : "beCallTimeOut",
			});
		if (END_EVENTS[reason]) this.userEvent(call, END_EVENTS[reason]);
		if (FAILURES.includes(reason))
			this.userEvent(call, "onError", {
				code: reason,
				message: call.detail || REASONS[reason],
			});
	}

	recordStatus(call) {
		if (this.neverJoined(call)) return RECORD_STATUS.failed;
		return this.answeredElsewhere(call) ? 0 : RECORD_STATUS[call.outcome] || 0;
	}

	record(call) {
		const status = this.recordStatus(call);
		if (!status || call.recorded) return;
		const end = call.endedMs >= 0 ? call.endedMs : this.now();
		const duration = call.connectedMs < 0 ? 0 : end - call.connectedMs;
		const record = {
			type: call.type,
			channelId: call.id,
			status,
			durations: [
				{ accid: this.account, duration },
				{ accid: call.peer, duration },
			],
			account: this.account,
			peer: call.peer,
			direction: call.anchor ? "out" : "in",
			durationMs: duration,
			agoMs: this.now() - call.startedMs,
			final: call.anchor,
		};
		if (call.detail || call.refusal) record.detail = call.detail || call.refusal;
		this.output("record", call, { record });
		if (call.anchor) this.send(call, "record", "*", record);
	}

	finish(step) {
		const { call, body } = step;
		const lived = this.live === call;
		if (body) {
			/* A caller's bye before any verdict reached this device is its cancel. */
			if (!call.anchor && call.outcome === "timeout" && !("outcome" in body))
				call.outcome = "canceled";
			if (call.outcome === "accepted" && !this.answeredElsewhere(call))
				call.end = body.reason === "media" ? "peerLost" : "peer";
		}
		this.bury(call);
		if (call.mediaAsked) this.output("mediaStop", call);
		this.output("ring", call, { on: false });
		const reason = this.reasonOf(call);
		const told = lived && reason !== 0 && (call.anchor || call.invitedTold || call.acceptSent);
		if (told) this.outcomeEvent(call, reason);
		if (
			lived &&
			!call.anchor &&
			!call.refusedByMe &&
			!call.acceptSent &&
			["timeout", "canceled"].includes(call.outcome)
		)
			this.userEvent(call, "onCallMissed");
		if (told)
			this.userEvent(call, "onCallEnd", {
				reasonCode: reason,
				message: call.detail || REASONS[reason],
				durationMs: call.connectedMs < 0 ? 0 : this.now() - call.connectedMs,
			});
		else if (lived && !call.anchor)
			this.stateEvent(call); /* it was being looked at, and did not ring */
		this.record(call);
	}

	/* ---- admission: an invite that is not known yet ---- */

	isKnown(user) {
		return this.policy.contacts.includes(user) || this.policy.allow.includes(user);
	}

	ringsTooOften(user) {
		if (!this.policy.ringsAMinute || this.isKnown(user)) return false;
		if (this.now() - this.ringsSinceMs >= FLOOD_WINDOW_MS || this.rings === 0) {
			this.ringsSinceMs = this.now();
			this.rings = 0;
		}
		return ++this.rings > this.policy.ringsAMinute;
	}

	floodOf(user) {
		let flood = this.floods.get(user);
		if (!flood && this.floods.size > 1000) this.floods.clear();
		if (!flood || this.now() - flood.sinceMs >= FLOOD_WINDOW_MS)
			this.floods.set(user, (flood = { sinceMs: this.now(), count: 0, told: false }));
		return flood;
	}

	/* A stranger must not empty the list of calls with records of calls that never came here. */
	admitsRecord({ from_user: user, replay }) {
		const most = this.policy.invitesAMinute;
		if (this.policy.block.includes(user)) return false;
		return replay || most === 0 || ++this.floodOf(user).count <= most;
	}

	/* null: no flood; else whether it is the first such invite of its caller in this minute. */
	flood(user) {
		const flood = this.floodOf(user);
		const most = this.policy.invitesAMinute;
		if (!((most > 0 && ++flood.count > most) || (!this.live && this.ringsTooOften(user))))
			return null;
		const first = !flood.told;
		flood.told = true;
		return { first };
	}

	callFromInvite(message) {
		const { body } = message;
		const call = callNew(message.call_id, message.from_user, false, this.now());
		const lifetime = Math.min(Math.max(int(body.lifetime_ms, 0), 0), CALL_TIMEOUT_MAX_MS);
		call.party = message.from_party;
		call.type = [AUDIO, VIDEO, OTHER].includes(body.type)
			? body.type
			: "type" in body
				? OTHER
				: AUDIO;
		call.ringMs = Math.max(lifetime - Math.max(message.age_ms, 0), 0);
		call.guardMs = call.ringMs + GUARD_MARGIN_MS;
		if (this.ownLimitMs > 0) call.guardMs = Math.min(call.guardMs, this.ownLimitMs);
		call.fresh = message.age_ms >= 0;
		call.attachment = isObject(body.attachment) ? body.attachment : null;
		call.group = groupRead(body.group);
		this.calls.set(call.id, call);
		return call;
	}

	/* reason null: says nothing to the caller. */
	refuse(call, message, reason, missed) {
		call.refusal = reason;
		if (missed) call.outcome = "timeout";
		this.step({ call, from: message.from_party }, "box:refuse");
		if (!reason) return;
		this.userEvent(call, "onCallRefused", { reason, ...(call.detail && { detail: call.detail }) });
		if (missed) this.userEvent(call, "onCallMissed");
	}

	admitCall(call, message, automatic) {
		const step = { call, from: message.from_party };
		this.step(step, automatic ? "box:admit_auto" : "box:admit");
		if (automatic) return;
		call.verified = !message.replay && this.isSynced;
		if (call.verified) this.step(step, "signalling:synced");
	}

	endCall(call, event) {
		call.end = "superseded";
		this.step({ call }, event);
	}

	supersedes(call, message) {
		const live = this.live,
			ended = Array.isArray(message.body.ended) ? message.body.ended : [];
		return (
			live.party &&
			live.peer === call.peer &&
			sameDevice(live.party, message.from_party) &&
			(ended.includes(live.id) || rebooted(live.party, message.from_party))
		);
	}

	admitGlare(call, message) {
		const live = this.live,
			ended = Array.isArray(message.body.ended) ? message.body.ended : [];
		if (!("setup" in live.timers || ended.includes(live.id) || call.id < live.id)) {
			this.refuse(call, message, "glare", false);
			return;
		}
		this.endCall(live, "box:glare_lost");
		this.admitCall(call, message, true);
		this.userEvent(call, "onCallReplaced", { replaced: live.id });
	}

	admitBeside(call, message) {
		const { live } = this;
		const status = this.status();
		const stranger = status === "called" && this.isKnown(call.peer) && !this.isKnown(live.peer);
		if (status === "calling" && live.peer === call.peer) {
			this.admitGlare(call, message);
		} else if (this.supersedes(call, message) || stranger) {
			const resume = message.body.replaces === live.id;
			this.endCall(live, "box:superseded");
			this.admitCall(call, message, resume && !this.live);
		} else {
			this.refuse(call, message, "busy", false);
		}
	}

	/* Why this call does not ring, whatever else goes on here. */
	refusal(call, message) {
		const lifetime = Math.max(int(message.body.lifetime_ms, 0), 0);
		if (call.ringMs < Math.min(LIFETIME_MIN_MS, Math.max(Math.floor(lifetime / 2), 1)))
			return "timeout";
		if (this.policy.block.includes(call.peer)) return "blocked";
		if (![AUDIO, VIDEO, OTHER].includes(message.body.type)) return "unsupported";
		return this.hasDnd() ? "dnd" : null;
	}

	admit(message) {
		const { allow } = this.policy;
		const allowed = !allow.length || allow.includes(message.from_user);
		const many = allowed ? this.flood(message.from_user) : null;
		if (many && !many.first) {
			this.answerUnknown(message, "reject", { scope: "device", reason: "busy" });
			return;
		}
		const call = this.callFromInvite(message);
		const why = this.refusal(call, message);
		if (many && !why) call.detail = "more calls within a minute than are allowed";
		if (!allowed) this.refuse(call, message, null, false);
		else if (why || many) this.refuse(call, message, why || "busy", true);
		else if (!this.live) this.admitCall(call, message, false);
		else this.admitBeside(call, message);
	}

	/* ---- messages ---- */

	answerUnknown(message, kind, body) {
		this.send(
			callNew(message.call_id, message.from_user, true, this.now()),
			kind,
			message.from_party,
			body,
		);
	}

	unknownEnd(message) {
		const call = callNew(message.call_id, message.from_user, false, this.now());
		call.party = message.from_party;
		this.calls.set(call.id, call);
		this.bury(call);
		return call;
	}

	isRepeated(call, message) {
		const key = `${message.kind} ${message.from_party} ${message.seq}`;
		if (call.seen.has(key)) return true;
		if (call.seen.size >= SEEN_MAX) call.seen.clear();
		call.seen.add(key);
		return false;
	}

	/* {kind, call_id, from_user, from_party, seq, age_ms, replay, body}, authenticated by the transport. */
	message(message) {
		const sane =
			isCallId(message.call_id) &&
			typeof message.kind === "string" &&
			message.from_user &&
			message.from_party &&
			isObject(message.body);
		const call = sane ? this.calls.get(message.call_id) : null;
		if (!sane) this.ignoredEvents++;
		else if (message.kind === "record") this.takeRecord(call, message);
		else if (call && (call.peer !== message.from_user || this.isRepeated(call, message)))
			this.ignoredEvents++;
		else if (call) {
			this.knownMessage({ call, from: message.from_party, body: message.body }, message);
			this.crossingAnswer(message);
		} else {
			this.crossingAnswer(message);
			this.unknownMessage(message);
		}
	}

	unknownMessage(message) {
		const kinds = {
			invite: () => this.admit(message),
			decide: () => this.unknownEnd(message),
			bye: () => this.unknownEnd(message),
			accept: () => this.answerUnknown(message, "bye", { reason: "gone" }),
			ringing: () => this.answerUnknown(message, "bye", { reason: "gone" }),
			query: () => this.answerUnknown(message, "bye", { reason: "gone" }),
		};
		if (Object.hasOwn(kinds, message.kind)) kinds[message.kind]();
		else this.ignoredEvents++;
	}

	knownMessage(step, message) {
		const { call } = step;
		const { kind } = message;
		const fromPeer = message.from_party === call.party;
		if (["invite", "ringing", "accept", "reject", "decide", "bye", "query", "state"].includes(kind))
			this.step(step, `peer:${kind}`);
		else if (!fromPeer) this.ignoredEvents++;
		else if (kind === "description" || kind === "candidates")
			this.mediaIn(call, kind, message.body);
		else if (kind === "flags") this.flagsIn(call, message.body);
		else if (kind === "update") this.typeIn(call, message.body);
		else if (kind === "ping") this.send(call, "pong", message.from_party);
		else if (kind === "pong") this.media(call.id, "alive");
	}

	/* Description and candidates that overtook the verdict wait for it. */
	mediaIn(call, kind, body) {
		if (this.live !== call) return;
		if (call.outcome === "accepted") this.output("mediaMessage", call, { kind, body });
		else if (call.acceptSent && call.held.length < HELD_MAX) call.held.push({ kind, body });
	}

	flagsIn(call, body) {
		const rev = int(body.rev, 0),
			old = call.flags;
		if (rev <= call.flagsRev || this.live !== call) return;
		const flags = {
			audioMuted: body.audio_muted === true,
			videoMuted: body.video_muted === true,
			audioOn: body.audio_on !== false,
			videoOn: body.video_on !== false,
		};
		call.flagsRev = rev;
		call.flags = flags;
		if (flags.audioMuted !== old.audioMuted)
			this.userEvent(call, "onAudioMuted", { muted: flags.audioMuted });
		if (flags.videoMuted !== old.videoMuted)
			this.userEvent(call, "onVideoMuted", { muted: flags.videoMuted });
		if (flags.audioOn !== old.audioOn)
			this.userEvent(call, "onAudioAvailable", { available: flags.audioOn });
		if (flags.videoOn !== old.videoOn)
			this.userEvent(call, "onCameraAvailable", { available: flags.videoOn });
	}

	flagsSend(call) {
		const { audioMuted, videoMuted, audioOn, videoOn } = this.flags;
		this.send(call, "flags", call.party, {
			rev: ++this.flagsRev,
			audio_muted: audioMuted,
			video_muted: videoMuted,
			audio_on: audioOn,
			video_on: videoOn,
			held: false,
		});
	}

	setFlags(flags) {
		Object.assign(this.flags, flags);
		if (this.live && this.live.outcome === "accepted") this.flagsSend(this.live);
	}

	/* The anchor's record replaces my own view of the call; while it only rings here it is the verdict. */
	takeRecord(known, message) {
		const { status, type } = message.body;
		const good =
			Number.isInteger(status) &&
			status >= 1 &&
			status <= 5 &&
			[AUDIO, VIDEO, OTHER].includes(type);
		if (!good || (known && (known.anchor || known.peer !== message.from_user))) {
			this.ignoredEvents++;
			return;
		}
		const keeps = known || this.admitsRecord(message);
		const call = known || this.unknownEnd(message);
		if (!keeps) {
			this.ignoredEvents++;
			return;
		}
		call.recorded = true;
		this.output("record", call, {
			record: {
				...recordRead(message.body, int(message.age_ms, 0)),
				account: this.account,
				peer: message.from_user,
				direction: "in",
				channelId: message.call_id,
				final: true,
			},
		});
		if (this.table.states[call.state].status !== "called") return;
		const outcome = [null, "accepted", "canceled", "rejected", "timeout", "busy"][status];
		this.step({ call, from: message.from_party, body: { outcome } }, "peer:decide");
	}

	/* Whom I am calling called my account meanwhile, and another device of it answered. */
	crossingAnswer(message) {
		const other = this.calls.get(message.call_id),
			{ live } = this,
			{ body } = message;
		if (other && other.refusal !== "glare") return;
		if (
			message.kind !== "decide" ||
			!live ||
			!live.anchor ||
			live.outcome !== "none" ||
			live.id === message.call_id ||
			live.peer !== message.from_user ||
			body.outcome !== "accepted" ||
			body.winner === this.party
		)
			return;
		live.end = "elsewhere";
		this.step({ call: live }, "box:answered_elsewhere");
	}

	/* ---- sound only, or with picture: the anchor owns (type, rev) ---- */

	typeTold(call, type, state) {
		this.userEvent(call, "onCallTypeChange", { type, state });
	}

	updateSend(call, what, type, rev = call.typeRev) {
		this.send(call, "update", call.party, { what, type, rev });
	}

	typeApply(call, type) {
		const changes = type !== call.type;
		const asking = call.askingType !== 0;
		call.askedType = call.askingType = 0;
		delete call.timers.switch;
		call.type = type;
		if (changes) this.output("mediaType", call);
		/* Every question is answered, also one for what is. */
		if (changes || asking) this.typeTold(call, type, SWITCH_AGREE);
	}

	/* The callee took my call, perhaps with sound only. */
	typeAnswered(call, type) {
		if (type !== AUDIO || call.type === AUDIO) return;
		call.type = AUDIO;
		this.typeTold(call, AUDIO, SWITCH_AGREE);
	}

	agree(call, type) {
		if (!call.anchor) {
			this.updateSend(call, "yes", type, call.askedRev);
			return;
		}
		call.typeRev++;
		this.updateSend(call, "set", type);
		this.typeApply(call, type);
	}

	/* Nobody answered: a later yes means nothing. */
	questionVoid(call) {
		const asking = call.askingType;
		call.askedType = call.askingType = 0;
		if (call.anchor) call.typeRev++;
		if (asking) this.typeTold(call, asking, SWITCH_REFUSE);
	}

	typeIn(call, body) {
		const { what, type } = body,
			rev = int(body.rev, -1);
		if (call.outcome !== "accepted" || this.live !== call || ![AUDIO, VIDEO].includes(type)) return;
		if (what === "ask") {
			const confirm = type === VIDEO ? this.policy.confirmVideo : this.policy.confirmAudio;
			call.askedRev = rev;
			if (type === call.type || call.askingType === type || !confirm) {
				this.agree(call, type);
				return;
			}
			call.askedType = type;
			call.timers.switch = this.now() + SWITCH_ASK_MS;
			this.typeTold(call, type, SWITCH_ASK);
		} else if (what === "yes" && call.anchor && call.askingType === type && rev === call.typeRev) {
			this.agree(call, type);
		} else if (what === "no" && call.askingType === type) {
			call.askingType = 0;
			delete call.timers.switch;
			this.typeTold(call, type, SWITCH_REFUSE);
		} else if (what === "set" && !call.anchor && rev > call.typeRev) {
			call.typeRev = rev;
			this.typeApply(call, type);
		}
	}

	switchType(type, state = SWITCH_ASK) {
		const call = this.live;
		if (!call || call.outcome !== "accepted")
			throw this.wrongState("switchCallType", "a connected call");
		if (
			![AUDIO, VIDEO].includes(type) ||
			![SWITCH_ASK, SWITCH_AGREE, SWITCH_REFUSE].includes(state)
		)
			throw new CallError(
				`type: ${type} is outside 1..2, or state: ${state} is outside 1..3`,
				"value",
			);
		if (state !== SWITCH_ASK && call.askedType !== type)
			throw new CallError("the other side has not asked for that type", "state");
		call.askedType = 0;
		delete call.timers.switch;
		if (state === SWITCH_REFUSE) {
			this.updateSend(call, "no", type);
		} else if (state === SWITCH_AGREE) {
			this.agree(call, type);
		} else {
			call.askingType = type;
			call.timers.switch = this.now() + SWITCH_ASK_MS;
			this.updateSend(call, "ask", type);
		}
	}

	/* ---- verbs: throw CallError ---- */

	wrongState(verb, needs) {
		const state = this.live ? this.live.state : "idle";
		return new CallError(`wrong state: ${state}; ${verb} needs ${needs}`, "state");
	}

	/* Also when the call that was named is not here: what is here says the same as without a name. */
	noSuchCall(callId, verb, needs) {
		if (!callId || (this.live && this.live.id === callId)) return this.wrongState(verb, needs);
		return new CallError(`callId: no such call is live here; ${verb} needs ${needs}`, "state");
	}

	call({ callId, userId, type = VIDEO, attachment = null, group = null }) {
		if (this.live) throw this.wrongState("call", "an idle device");
		if (typeof userId !== "string" || !userId || bytesOf(userId) > 128)
			throw new CallError("userId: 1 to 128 bytes are needed", "value");
		if (userId === this.account)
			throw new CallError("userId: that is this device's own account", "value");
		if (![AUDIO, VIDEO, OTHER].includes(type))
			throw new CallError(`type: ${type} is outside 1..3`, "value");
		if (!isCallId(callId) || this.calls.has(callId))
			throw new CallError("callId: 32 fresh hex digits are needed", "value");
		if (
			attachment &&
			(!isObject(attachment) || bytesOf(JSON.stringify(attachment)) > ATTACHMENT_BYTES_MAX)
		)
			throw new CallError(
				`attachment: an object of at most ${ATTACHMENT_BYTES_MAX} bytes is needed`,
				"value",
			);
		if (group && bytesOf(JSON.stringify(group)) > GROUP_BYTES_MAX)
			throw new CallError(
				`userIds, groupId: a group of at most ${GROUP_BYTES_MAX} bytes is needed`,
				"value",
			);
		if (group && group.user_ids.some((user) => typeof user !== "string" || !user || bytesOf(user) > 128))
			throw new CallError("userIds: accounts of 1 to 128 bytes are needed", "value");
		const call = callNew(callId, userId, true, this.now());
		Object.assign(call, { type, attachment, group, ringMs: this.policy.callTimeoutMs });
		this.calls.set(callId, call);
		this.step({ call }, "user:call");
	}

	ringing(callId, verb) {
		if (!this.live || (callId && callId !== this.live.id) || this.status() !== "called")
			throw this.noSuchCall(callId, verb, "a ringing call");
		return this.live;
	}

	accept(type = 0, callId = null) {
		const call = this.ringing(callId, "accept");
		if (type !== 0 && ![AUDIO, VIDEO, OTHER].includes(type))
			throw new CallError(`type: ${type} is outside 1..3`, "value");
		if (type !== 0 && type !== AUDIO && type !== call.type)
			throw new CallError(
				`type: ${type} cannot answer an invite of type ${call.type}; 1 (audio) can`,
				"value",
			);
		if (type === AUDIO) call.type = AUDIO;
		this.step({ call }, "user:accept");
	}

	reject(callId = null) {
		this.step({ call: this.ringing(callId, "reject") }, "user:reject");
	}

	ignore(callId = null) {
		const call = this.ringing(callId, "ignore");
		call.ignored = true;
		delete call.timers.autoanswer;
		this.output("ring", call, { on: false });
	}

	cancel(callId = null) {
		if (!this.live || !this.live.anchor || (callId && callId !== this.live.id))
			throw this.noSuchCall(callId, "cancel", "a call of my own");
		this.hangup(callId);
	}

	hangup(callId = null) {
		const call = this.live;
		if (!call || (callId && callId !== call.id)) throw this.noSuchCall(callId, "hangup", "a live call");
		call.hungUp = true;
		call.end = "me";
		this.step({ call }, this.status() === "called" ? "user:reject" : "user:hangup");
	}

	prolong() {
		const call = this.live;
		if (!call || !call.prompted)
			throw this.wrongState("prolong", "a call that onMaxCall has warned of");
		call.prompted = false;
		call.timers.maxcall = this.now() + Math.max(this.policy.maxcallMs - PROMPT_MS, 0);
	}

	setCallTimeout(ms) {
		if (!Number.isFinite(ms) || ms < CALL_TIMEOUT_MIN_MS || ms > CALL_TIMEOUT_MAX_MS)
			throw new CallError(
				`ms: ${ms} is outside ${CALL_TIMEOUT_MIN_MS}..${CALL_TIMEOUT_MAX_MS}`,
				"value",
			);
		this.policy.callTimeoutMs = this.ownLimitMs = Math.trunc(ms);
	}

	hasDnd() {
		return this.dnd && (this.dndUntilMs < 0 || this.now() < this.dndUntilMs);
	}

	setDnd(on, forMs = 0) {
		const changed = this.dnd !== on || forMs > 0 || (on && this.dndUntilMs >= 0);
		this.dnd = on;
		this.dndUntilMs = on && forMs > 0 ? this.now() + forMs : -1;
		if (changed) this.event(null, "onDndChange", on && forMs > 0 ? { on, forMs } : { on });
	}

	/* ---- facts ---- */

	/* code 0: media is ready; else reasonCode and words. */
	setup(callId, code = 0, detail = null) {
		const call = this.live;
		if (!call || call.id !== callId) return;
		if (code) Object.assign(call, { failCode: code, detail });
		this.step({ call }, code ? "setup:failed" : "setup:ok");
	}

	/* fact: up, lost, alive, failed */
	media(callId, fact, detail = null) {
		const call = this.live;
		if (!call || call.id !== callId) return;
		if (fact === "up" || fact === "lost") {
			this.step({ call }, `media:${fact}`);
		} else if (fact === "alive") {
			if ("alive" in call.timers) call.timers.alive = this.now() + this.table.timers.alive;
		} else {
			Object.assign(call, {
				detail,
				end: "myMedia",
				failCode: call.outcome === "none" ? 7 : 0,
			});
			if (!this.step({ call }, "setup:failed")) this.step({ call }, "user:hangup");
		}
	}

	mediaMessage(callId, kind, body) {
		const call = this.live;
		if (call && call.id === callId && call.outcome === "accepted" && call.party)
			this.send(call, kind, call.party, body);
	}

	ping() {
		if (this.live && this.live.outcome === "accepted")
			this.send(this.live, "ping", this.live.party);
	}

	synced(isSynced) {
		this.isSynced = isSynced;
		if (!isSynced || !this.live) return;
		this.live.verified = true;
		this.step({ call: this.live }, "signalling:synced");
	}

	/* The account logged in elsewhere, or this device leaves: its call ends here. What rings is refused for this
	 * device only: its siblings ring on. */
	kicked() {
		this.leave("kick");
	}

	leave(end = "me") {
		const call = this.live;
		if (!call) return;
		call.end = end;
		call.hungUp = end === "me";
		this.step({ call }, this.status() === "called" ? "box:superseded" : "user:hangup");
	}

	/* A journal entry of an earlier life; agoMs: since it was written. A call that was live then is settled. */
	restore(entry, agoMs) {
		if (!isCallId(entry.callId) || !entry.peer || this.calls.has(entry.callId)) return;
		const call = callNew(entry.callId, entry.peer, entry.anchor === true, this.now());
		const written = this.now() - agoMs;
		Object.assign(call, {
			party: entry.peerParty,
			winner: entry.winner,
			type: entry.type,
			outcome: entry.outcome,
		});
		this.calls.set(call.id, call);
		this.bury(call);
		if (!call.anchor && call.outcome === "accepted") call.winner = this.party;
		call.endedMs = written;
		call.startedMs = written - entry.ageMs;
		if (entry.connected) call.connectedMs = written - entry.durationMs;
		if (entry.live) this.settle(call);
	}

	settle(call) {
		call.detail = "the page was closed";
		if (call.outcome === "none") call.outcome = call.anchor ? "canceled" : "timeout";
		if (call.anchor && call.outcome !== "accepted")
			this.send(call, "decide", "*", { outcome: call.outcome });
		else this.send(call, "bye", call.party || "*", { reason: "gone" });
		this.record(call);
		this.outputs.push(this.journalOf(call));
	}

	state() {
		const call = this.live;
		const state = {
			status: this.status(),
			party: this.party,
			callTimeoutMs: this.policy.callTimeoutMs,
			sequence: this.eventSeq,
			ignoredEvents: this.ignoredEvents,
			dnd: this.hasDnd(),
			...(this.dnd &&
				this.dndUntilMs >= 0 && { dndForMs: Math.max(this.dndUntilMs - this.now(), 0) }),
		};
		if (call)
			state.call = {
				callId: call.id,
				userId: call.peer,
				account: this.account,
				state: call.state,
				direction: call.anchor ? "out" : "in",
				type: call.type,
				attachment: call.attachment || {},
				...(call.group && {
					userIds: call.group.user_ids,
					groupId: call.group.group_id,
					isFromGroup: call.group.is_from_group,
				}),
				ageMs: this.now() - call.startedMs,
				ignored: call.ignored,
				peerAudioMuted: call.flags.audioMuted,
				peerVideoMuted: call.flags.videoMuted,
				peerAudioAvailable: call.flags.audioOn,
				peerCameraAvailable: call.flags.videoOn,
				...(call.connectedMs >= 0 && { durationMs: this.now() - call.connectedMs }),
				held: false,
				...(call.party && { peerParty: call.party }),
				...(call.askedType && { askedType: call.askedType }),
				...(call.askingType && { askingType: call.askingType }),
				...(call.prompted && { remainingMs: Math.max(call.timers.maxcall - this.now(), 0) }),
			};
		return state;
	}
}
