/* HubLink: one login at a callbox-hub (its words: plugins/hub/hub_wire.h), kept up: it connects again with growing
 * pauses, sends again what the hub has not confirmed, and confirms what it got. */

const HUB_PAUSE_MIN_MS = 300,
	HUB_PAUSE_MAX_MS = 10000,
	ICE_LIMIT_MS = 5000,
	LAST_WORDS_MS = 200;

export class HubLink {
	/* on: {status(state, message), synced(isSynced), message(message)}; state: connecting, online, offline, refused,
	 * kicked. */
	constructor({ url, account, token, device, boot, guest = false }, on) {
		Object.assign(this, { url, account, token, device, boot, guest, on });
		this.outbox = new Map(); /* id → {message, deadline, written, resolve, reject} */
		this.nextId = 0;
		this.backoffMs = HUB_PAUSE_MIN_MS;
		this.over = this.online = this.left = false;
		this.connect();
	}

	close() {
		this.over = true;
		clearTimeout(this.timer);
		if (this.socket) this.socket.close();
	}

	/* Hears nothing any more, and closes when the last words have left. */
	leave() {
		this.left = true;
		this.on = { status() {}, synced() {}, message() {} };
		setTimeout(() => this.close(), LAST_WORDS_MS);
	}

	connect() {
		this.on.status("connecting", this.url);
		try {
			this.socket = new WebSocket(this.url, "callbox-hub");
		} catch (error) {
			this.over = true;
			this.on.status("refused", error.message);
			return;
		}
		const { account, token, device, boot, guest } = this;
		this.socket.onopen = () => this.say({ t: "login", account, device, boot, token, guest });
		this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
		this.socket.onclose = () => this.lost();
	}

	say(message) {
		if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
	}

	lost() {
		this.online = false;
		for (const item of this.outbox.values()) item.written = false;
		this.on.synced(false);
		if (this.over) return;
		this.on.status("offline", `${this.url} does not answer`);
		this.timer = setTimeout(() => this.connect(), this.backoffMs * (0.75 + Math.random() / 2));
		this.backoffMs = Math.min(this.backoffMs * 2, HUB_PAUSE_MAX_MS);
	}

	end(state, message) {
		this.over = true;
		this.on.status(state, message);
		for (const [id, item] of this.outbox) {
			this.outbox.delete(id);
			item.reject(new Error(message));
		}
	}

	hear(message) {
		const kinds = {
			welcome: () => {
				this.online = true;
				this.backoffMs = HUB_PAUSE_MIN_MS;
				this.on.status("online", this.url);
				this.flush();
			},
			refused: () => this.end("refused", message.message),
			kicked: () => this.end("kicked", "the account logged in elsewhere"),
			synced: () => this.on.synced(true),
			deliver: () => {
				if (this.left) return; /* the next login gets it */
				this.say({ t: "ack", number: message.number });
				this.on.message({
					...message.env,
					age_ms: message.age_ms,
					replay: message.replay,
				});
			},
			sent: () => this.settle(message.id, message.error),
			ice: () => this.settle(message.id, null, message.servers),
		};
		if (Object.hasOwn(kinds, message.t)) kinds[message.t]();
	}

	settle(id, error, value) {
		const item = this.outbox.get(id);
		if (!item) return;
		this.outbox.delete(id);
		if (error) item.reject(new Error(error));
		else item.resolve(value);
	}

	flush() {
		for (const [id, item] of this.outbox) {
			if (item.deadline < performance.now()) this.settle(id, "the hub did not confirm it");
			else if (this.online && !item.written) {
				item.written = true;
				this.say({ ...item.message, id });
			}
		}
	}

	ask(message, deadlineMs) {
		return new Promise((resolve, reject) => {
			if (this.over) {
				reject(new Error("not logged in"));
				return;
			}
			const id = ++this.nextId;
			this.outbox.set(id, {
				message,
				deadline: performance.now() + deadlineMs,
				written: false,
				resolve,
				reject,
			});
			setTimeout(() => this.flush(), deadlineMs + 1);
			this.flush();
		});
	}

	/* env: {kind, call_id, to_user, to_party, seq, deadline_ms, body} */
	send(env) {
		return this.ask({ t: "send", env }, env.deadline_ms);
	}

	/* STUN and TURN servers, in the words of RTCPeerConnection. */
	async iceServers() {
		const servers = await this.ask({ t: "ice" }, ICE_LIMIT_MS);
		return servers.map(({ urls, username, credential }) => ({ urls, username, credential }));
	}
}
