/* The words of call.fsm that a browser's call machine knows: the questions its guards ask, and what its actions do.
 * m: the CallMachine; step: {call, from, body}. */
import { ENDS, PROMPT_MS, RECORD_STATUS, sameDevice } from "./machine.js";

/* A human's no weighs more than a busy device, that more than silence. */
const WEIGHTS = [
	["decline", "rejected"],
	["blocked", "rejected"],
	["busy", "busy"],
	["dnd", "busy"],
	["timeout", "timeout"],
	["glare", "busy"],
	["unsupported", "rejected"],
];

const devicesRinging = (call, but) =>
	[...call.devices].filter(([party, reason]) => !reason && party !== but).length;

export const GUARDS = {
	scope_all: (m, { body }) => body.scope === "all",
	last_device(m, { call, from, body }) {
		if (m.policy.busyFirst && body.reason === "busy") return true;
		return call.devices.get(from) === "" && devicesRinging(call, from) === 0;
	},
	nobody_rings: (m, { call }) => devicesRinging(call, null) === 0,
	age_trusted: (m, { call }) => call.fresh || m.policy.ringUnverified,
	won: (m, { body }) => body.outcome === "accepted" && body.winner === m.party,
	from_peer: (m, { call, from }) => Boolean(from && call.party && sameDevice(from, call.party)),
	anchor: (m, { call }) => call.anchor,
};

const verdict = (call) => ({
	outcome: call.outcome,
	...(call.winner && { winner: call.winner }),
	...(call.refusal && { reason: call.refusal }),
});

function decide(m, step, outcome) {
	const { call } = step;
	call.outcome = outcome;
	m.send(call, "decide", "*", verdict(call));
	if (outcome !== "accepted") return;
	m.userEvent(call, "onUserAccept");
	m.typeAnswered(call, step.body.type);
	m.output("mediaStart", call);
}

const anchorParty = (call) => call.party || "*";
const logOutcome =
	(outcome) =>
	(m, { call }) => {
		if (call.outcome === "none") call.outcome = outcome;
	};
const ringStop = (m, { call }) => m.output("ring", call, { on: false });
const nothing = () => {};

function replyBye(m, { call, from }) {
	m.send(call, "bye", from, { reason: "gone" });
}

/* The anchor's word, which also mends what this device thought until now. */
function logDecide(m, { call, body }) {
	const { outcome, winner = null } = body;
	if (!(outcome in RECORD_STATUS || outcome === "glare") || call.outcome === outcome) return;
	const ended = call.state === "ended" && call.endedMs >= 0;
	Object.assign(call, { outcome, winner });
	if (ended && outcome === "glare") m.output("record", call, { record: null });
	else if (ended && outcome !== "accepted") m.record(call);
}

/* Media is up, for the first time or again. */
function inCall(m, { call }) {
	if (call.connectedMs >= 0) return;
	call.connectedMs = m.now();
	m.heartbeat(call);
	if (m.policy.maxcallMs > 0) call.timers.maxcall = m.now() + Math.max(m.policy.maxcallMs - PROMPT_MS, 0);
	if (m.flags.audioMuted || m.flags.videoMuted || !m.flags.audioOn || !m.flags.videoOn) m.flagsSend(call);
	m.userEvent(call, "onJoinChannel", { uid: m.party, cid: call.id, channelName: call.id });
	m.userEvent(call, "onUserEnter");
}

export const ACTIONS = {
	media_open(m, { call }) {
		call.mediaAsked = true;
		m.output(call.anchor ? "mediaOpen" : "mediaStart", call);
		for (const held of call.held.splice(0)) m.output("mediaMessage", call, held);
	},
	"notify:calling": nothing,
	"notify:ringback": (m, { call }) => m.output("ring", call, { on: true }),
	"notify:ring"(m, { call }) {
		const group = call.group || {};
		call.invitedTold = true;
		m.event(call, "onInvited", {
			invitor: call.peer,
			userIds: Array.isArray(group.user_ids) ? group.user_ids : [m.account],
			isFromGroup: group.is_from_group === true,
			groupId: group.group_id || "",
			attachment: call.attachment || {},
			type: call.type,
			waiting: false,
		});
		m.output("ring", call, { on: true });
		if (
			m.policy.autoanswerMs >= 0 &&
			(!m.policy.autoanswerContacts || m.policy.contacts.includes(call.peer))
		)
			call.timers.autoanswer = m.now() + m.policy.autoanswerMs;
	},
	"notify:connecting": ringStop,
	"notify:stop": ringStop,
	"notify:in_call": inCall,
	"notify:reconnecting": nothing,
	wake_display: nothing,
	"send:invite"(m, { call }) {
		const ended = m.ended
			.filter((old) => old.peer === call.peer)
			.slice(0, 4)
			.map((old) => old.id);
		m.send(call, "invite", "*", {
			type: call.type,
			lifetime_ms: call.ringMs,
			channel_name: call.id,
			...(call.attachment && { attachment: call.attachment }),
			...(call.group && { group: call.group }),
			ended,
		});
	},
	"send:query": (m, { call }) => m.send(call, "query", anchorParty(call)),
	"send:ringing": (m, { call }) => m.send(call, "ringing", anchorParty(call)),
	"send:accept"(m, { call }) {
		call.acceptSent = true;
		m.send(call, "accept", anchorParty(call), { type: call.type });
	},
	"send:refusal"(m, { call }) {
		if (call.refusal)
			m.send(call, "reject", anchorParty(call), { scope: "device", reason: call.refusal });
	},
	"send:reject_all"(m, { call }) {
		call.refusedByMe = true;
		m.send(call, "reject", anchorParty(call), {
			scope: m.policy.rejectAccount ? "all" : "device",
			reason: call.refusal || "decline",
		});
	},
	"send:reject_timeout": (m, { call }) =>
		m.send(call, "reject", anchorParty(call), { scope: "device", reason: "timeout" }),
	"send:bye": (m, { call }) =>
		m.send(call, "bye", anchorParty(call), {
			reason: call.outcome === "accepted" ? ENDS[call.end][1] : "noconfirm",
			duration: call.connectedMs < 0 ? 0 : m.now() - call.connectedMs,
		}),
	"reply:state": (m, { call, from }) =>
		m.send(call, "state", from, {
			state: call.state,
			...(call.outcome !== "none" && { verdict: verdict(call) }),
		}),
	"reply:bye": replyBye,
	"reply:final"(m, step) {
		if (step.call.outcome === "none") replyBye(m, step);
		else m.send(step.call, "decide", step.from, verdict(step.call));
	},
	"reply:last"(m, { call, from }) {
		if (call.last) m.send(call, call.last.kind, from, call.last.body);
	},
	"decide:accepted": (m, step) => decide(m, step, "accepted"),
	"decide:rejected": (m, step) => decide(m, step, "rejected"),
	"decide:timeout": (m, step) => decide(m, step, "timeout"),
	"decide:canceled": (m, step) => decide(m, step, "canceled"),
	"decide:glare": (m, step) => decide(m, step, "glare"),
	"decide:aggregate"(m, step) {
		const reasons = [...step.call.devices.values()];
		const [reason, outcome] = WEIGHTS.find(([word]) => reasons.includes(word)) || [
			null,
			"rejected",
		];
		if (reason) step.call.refusal = reason;
		decide(m, step, outcome);
	},
	note_ringing(m, { call, from }) {
		if (!call.devices.has(from)) call.devices.set(from, "");
	},
	note_refusal: (m, { call, from, body }) => call.devices.set(from, String(body.reason || "decline")),
	choose_winner(m, { call, from }) {
		call.winner = call.party = from;
	},
	"timer_start:collect"(m, { call }) {
		if (!("collect" in call.timers)) call.timers.collect = m.now() + m.table.timers.collect;
	},
	"timer_stop:collect": (m, { call }) => delete call.timers.collect,
	"log:failed": logOutcome("failed"),
	"log:canceled": logOutcome("canceled"),
	"log:glare": logOutcome("glare"),
	"log:missed": logOutcome("timeout"),
	"log:declined": logOutcome("rejected"),
	"log:decide": logDecide,
};
