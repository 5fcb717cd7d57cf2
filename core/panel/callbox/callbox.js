/* Callbox: one-to-one calls from JavaScript, without dependencies; verbs and events as callboxd(8) lists them.
 *
 *   way "box"    the page drives a callbox            { way: "box", url: "ws://HOST:PORT/", token }
 *   way "peer"   the browser itself is a device       { way: "peer", url: "wss://HUB/", account, token, device,
 *                                                       iceServers, iceTransportPolicy, policy }
 *
 * url is by default where the page came from. Verbs answer with promises; what is refused rejects them with a
 * CallError in words. `ready` is a promise: connected and logged in. */
import { CALL_FSM, parseTable } from "./table.js";
import { BoxWay } from "./box.js";
import { PeerWay } from "./peer.js";
import { CallError } from "./machine.js";

export const CallType = Object.freeze({ AUDIO: 1, VIDEO: 2, OTHER: 3 });

/* What a handler gets first; then always the whole payload. Events that are not here: the payload alone. */
const ARGUMENTS = {
	onUserAccept: ["userId"],
	onUserReject: ["userId"],
	onUserBusy: ["userId"],
	onUserCancel: ["userId"],
	onUserEnter: ["userId"],
	onUserLeave: ["userId"],
	onUserDisconnect: ["userId"],
	onOtherClientAccept: ["userId"],
	onOtherClientReject: ["userId"],
	onMessageSent: ["userId"],
	onCameraAvailable: ["userId", "available"],
	onAudioAvailable: ["userId", "available"],
	onVideoMuted: ["userId", "muted"],
	onAudioMuted: ["userId", "muted"],
};
const ALIASES = { onCallingTimeOut: "onCallingTimeout" };
const nameOf = (event) => (Object.hasOwn(ALIASES, event) ? ALIASES[event] : event);

/* Where the page came from. */
function defaultUrl() {
	const url = new URL("/", location.href);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	return url.href;
}

export class Callbox {
	#way;
	#handlers = new Map(); /* event → Set of functions */

	constructor(options = {}) {
		const { way = options.account ? "peer" : "box", url = defaultUrl() } = options;
		const emit = (event, payload) => this.#emit(event, payload);
		if (way !== "box" && way !== "peer")
			throw new CallError(`way: "${way}" is neither box nor peer`, "value");
		this.#way =
			way === "peer"
				? new PeerWay({ ...options, url }, parseTable(CALL_FSM), emit)
				: new BoxWay({ ...options, url }, emit);
	}

	#emit(event, payload) {
		const first = (ARGUMENTS[event] || []).map((name) => payload[name]);
		for (const handler of [...(this.#handlers.get(event) || [])]) {
			try {
				handler(...first, payload);
			} catch (error) {
				reportError(error); /* one handler's mistake is not the others' */
			}
		}
	}

	#verb(name, params = {}) {
		return this.#way.verb(name, params && typeof params === "object" ? params : {});
	}

	on(event, handler) {
		const name = nameOf(event);
		if (typeof handler !== "function")
			throw new CallError(`${event}: a function is needed`, "value");
		if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
		this.#handlers.get(name).add(handler);
		return this;
	}

	/* Without a handler: all of this event. */
	off(event, handler) {
		const name = nameOf(event);
		if (handler) this.#handlers.get(name)?.delete(handler);
		else this.#handlers.delete(name);
		return this;
	}

	addDelegate(event, handler) {
		return this.on(event, handler);
	}

	removeDelegate(event, handler) {
		return this.off(event, handler);
	}

	get ready() {
		return this.#way.ready;
	}

	/* What is known of the present without asking; getStatus() asks. */
	get state() {
		return this.#way.state();
	}

	/* Of callbox-panel: {settings, language}; undefined in way peer. */
	get info() {
		return this.#way.info;
	}

	call(params) {
		return this.#verb("call", { type: CallType.VIDEO, ...params });
	}

	cancel(params) {
		return this.#verb("cancel", only(params, "callId"));
	}

	accept(params) {
		return this.#verb("accept", only(params, "callId", "type"));
	}

	reject(params) {
		return this.#verb("reject", only(params, "callId"));
	}

	ignore(params) {
		return this.#verb("ignore", only(params, "callId"));
	}

	hangup(params) {
		return this.#verb("hangup", only(params, "callId"));
	}

	prolong() {
		return this.#verb("prolong");
	}

	setCallTimeout(ms) {
		return this.#verb("setCallTimeout", { ms });
	}

	/* element undefined: no longer. */
	setupLocalView(element) {
		this.#way.setupLocalView(element);
	}

	setupRemoteView(userId, element) {
		this.#way.setupRemoteView(userId, element);
	}

	switchCallType(type, state = 1) {
		return this.#verb("switchCallType", typeof type === "object" ? type : { type, state });
	}

	enableLocalVideo(on) {
		return this.#verb("enableLocalVideo", { on });
	}

	enableLocalAudio(on) {
		return this.#verb("enableLocalAudio", { on });
	}

	muteLocalVideo(on) {
		return this.#verb("muteLocalVideo", { on });
	}

	muteLocalAudio(on) {
		return this.#verb("muteLocalAudio", { on });
	}

	setAudioMute(on, userId) {
		return this.#verb("setAudioMute", userId ? { on, userId } : { on });
	}

	preview(on = true) {
		return this.#verb("preview", { on });
	}

	getDevices() {
		return this.#verb("getDevices");
	}

	switchDevice(kind, id) {
		return this.#verb("switchDevice", { kind, id });
	}

	/* kind: speaker or microphone; of a box. */
	setVolume(kind, percent) {
		return this.#verb("setVolume", { kind, percent });
	}

	getVolume() {
		return this.#verb("getVolume");
	}

	getRoomInfo() {
		return this.#verb("getRoomInfo");
	}

	getCallInfo() {
		return this.#verb("getCallInfo");
	}

	getStatus() {
		return this.#verb("status");
	}

	getStats() {
		return this.#verb("stats");
	}

	async getCallRecords(filter) {
		return (await this.#verb("getCallRecords", filter)).records;
	}

	setCallProfile(profile) {
		return this.#verb("setCallProfile", profile);
	}

	setTokenService(service) {
		return this.#verb("setTokenService", service);
	}

	setDnd(on, forMs = 0) {
		return this.#verb("setDnd", { on, forMs });
	}

	standby(on) {
		return this.#verb("standby", { on });
	}

	login(params) {
		return this.#verb("login", params);
	}

	logout(params) {
		return this.#verb("logout", params);
	}

	destroy() {
		this.#way.destroy();
		this.#handlers.clear();
	}
}

/* What a verb takes of a page's params; a page often hands the same object to several verbs. */
function only(params, ...names) {
	return Object.fromEntries(Object.entries(params || {}).filter(([name]) => names.includes(name)));
}
