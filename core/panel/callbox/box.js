/* BoxWay: the page drives a callbox through callbox-panel: JSON-RPC 2.0 over one WebSocket, which is opened again when
 * it is lost; then the present state comes anew, whole. */
import { CallError } from "./machine.js";
import { PushedView } from "./view.js";

const PANEL_PAUSE_MIN_MS = 300,
	PANEL_PAUSE_MAX_MS = 5000,
	ANSWER_LIMIT_MS = 15000,
	CODES = { [-32000]: "state", [-32602]: "value" };

export class BoxWay {
	constructor({ url, token }, emit) {
		Object.assign(this, { url, token, emit });
		this.asked = new Map(); /* id → {resolve, reject, timer} */
		this.nextId = 0;
		this.backoffMs = PANEL_PAUSE_MIN_MS;
		this.over = this.open = false;
		this.last = { status: "idle" };
		this.statuses = new Map(); /* of each call */
		this.watched = { local: false, remote: false };
		this.localView = new PushedView((on) => this.watch("local", on));
		this.remoteView = new PushedView((on) => this.watch("remote", on));
		this.readyNew();
		this.connect();
	}

	readyNew() {
		this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
		this.ready.catch(() => {});
	}

	destroy() {
		this.over = true;
		clearTimeout(this.timer);
		this.localView.detach();
		this.remoteView.detach();
		this.socket.close();
	}

	connect() {
		this.socket = new WebSocket(this.url, "callbox-panel");
		this.socket.binaryType = "arraybuffer";
		this.socket.onopen = () => this.begin();
		this.socket.onmessage = ({ data }) =>
			typeof data === "string" ? this.hear(JSON.parse(data)) : this.pictureCame(data);
		this.socket.onclose = ({ reason }) => this.lost(reason);
	}

	async begin() {
		try {
			if (this.token) await this.ask("authenticate", { token: this.token });
			this.info = await this.ask("panelInfo", {});
			await this.ask("subscribe", {});
			for (const [which, on] of Object.entries(this.watched))
				if (on) await this.ask("watch", { which, on });
			this.open = true;
			this.backoffMs = PANEL_PAUSE_MIN_MS;
			this.resolve();
			this.emit("onPanelState", { connected: true, message: "" });
		} catch (error) {
			if (error.code === -32001) {
				this.over = true;
				this.reject(error);
				this.emit("onPanelState", {
					connected: false,
					message: error.message,
					token: true,
				});
			}
			this.socket.close();
		}
	}

	lost(reason) {
		const why = reason || "the panel does not answer";
		if (this.open) this.readyNew();
		this.open = false;
		for (const [id, { reject, timer }] of this.asked) {
			this.asked.delete(id);
			clearTimeout(timer);
			reject(new CallError(why, "state"));
		}
		for (const view of [this.localView, this.remoteView]) view.hide();
		if (this.over) return;
		this.emit("onPanelState", { connected: false, message: why });
		this.timer = setTimeout(() => this.connect(), this.backoffMs);
		this.backoffMs = Math.min(this.backoffMs * 2, PANEL_PAUSE_MAX_MS);
	}

	ask(method, params) {
		return new Promise((resolve, reject) => {
			if (this.socket.readyState !== WebSocket.OPEN) {
				reject(new CallError("the panel does not answer", "state"));
				return;
			}
			const id = ++this.nextId;
			const timer = setTimeout(() => {
				this.asked.delete(id);
				reject(new CallError(`${method}: no answer`, "state"));
			}, ANSWER_LIMIT_MS);
			this.asked.set(id, { resolve, reject, timer });
			this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
		});
	}

	hear(message) {
		if (message.method) {
			this.event(message.method, message.params || {});
			return;
		}
		const one = this.asked.get(message.id);
		if (!one) return;
		this.asked.delete(message.id);
		clearTimeout(one.timer);
		if (message.error) {
			const { code } = message.error;
			one.reject(new CallError(message.error.message, CODES[code] || code));
		} else {
			one.resolve(message.result);
		}
	}

	event(name, payload) {
		if (name === "state") this.stateCame(payload);
		else if (name === "onCallState") this.callIs(payload.callId, payload.state, payload.status);
		else if (name === "onCallEnd") this.callIs(payload.callId, "ended", "idle");
		else if (name === "onCallReplaced") this.callIs(payload.replaced, "ended", "idle");
		this.emit(name, payload);
	}

	stateCame(state) {
		const { call, waiting } = state;
		this.statuses.clear();
		if (call) this.callIs(call.callId, call.state, state.status);
		if (waiting) this.callIs(waiting.callId, waiting.state, waiting.held ? "inCall" : "called");
		this.last = state;
	}

	/* Of two calls the one that is talked in counts; one that is being looked at may end without a word. */
	callIs(callId, state, status) {
		if (status === "idle" || state === "screening") this.statuses.delete(callId);
		else this.statuses.set(callId, status);
		const all = [...this.statuses.values()];
		this.last = {
			...this.last,
			status: ["inCall", "calling", "called"].find((one) => all.includes(one)) || "idle",
		};
	}

	/* First byte: 0 local, 1 remote; then the picture. */
	pictureCame(data) {
		const bytes = new Uint8Array(data);
		if (bytes.length) [this.localView, this.remoteView][bytes[0] & 1].show(bytes.subarray(1));
	}

	watch(which, on) {
		if (this.watched[which] === on) return;
		this.watched[which] = on;
		if (this.open) this.ask("watch", { which, on }).catch(() => {}); /* begin() asks again */
	}

	async verb(name, params) {
		await this.ready;
		return this.ask(name, params);
	}

	setupLocalView(element) {
		this.localView.attach(element);
	}

	setupRemoteView(userId, element) {
		this.remoteView.attach(element);
	}

	state() {
		return this.last;
	}
}
