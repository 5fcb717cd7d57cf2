/* socket: a WebSocket client as small as a test of the panel's door needs: what a browser would not send, it sends. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

export class Socket {
	/* headers: further or other header lines; resolves when the server has answered. status: of the answer. */
	static open(
		port,
		{
			headers = {},
			tls = false,
			protocol = "callbox-panel",
			host = `127.0.0.1:${port}`,
			path = "/",
		} = {},
	) {
		const all = {
			Host: host,
			Upgrade: "websocket",
			Connection: "Upgrade",
			"Sec-WebSocket-Version": 13,
			"Sec-WebSocket-Key": randomBytes(16).toString("base64"),
			"Sec-WebSocket-Protocol": protocol,
			...headers,
		};
		const socket = new Socket();
		const options = { port, host: "127.0.0.1", rejectUnauthorized: false };
		socket.raw = tls ? connectTls(options) : connect(options);
		return new Promise((resolve, reject) => {
			socket.opened = resolve;
			socket.raw.on("error", reject);
			socket.raw.on("close", () => {
				socket.closed = true;
				resolve(socket);
				socket.wake();
			});
			socket.raw.on("data", (bytes) => socket.take(bytes));
			const lines = Object.entries(all)
				.filter(([, value]) => value !== null)
				.map(([name, value]) => `${name}: ${value}\r\n`);
			socket.raw.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
		});
	}

	constructor() {
		Object.assign(this, {
			bytes: Buffer.alloc(0),
			status: 0,
			messages: [],
			closed: false,
			reason: null,
			waiting: [],
			id: 0,
		});
	}

	wake() {
		for (const fn of this.waiting.splice(0)) fn();
	}

	take(bytes) {
		this.bytes = Buffer.concat([this.bytes, bytes]);
		if (!this.status) {
			const end = this.bytes.indexOf("\r\n\r\n");
			if (end < 0) return;
			this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.bytes)[1]);
			this.bytes = this.bytes.subarray(end + 4);
			this.opened(this);
		}
		for (let whole = this.frame(); whole; whole = this.frame()) this.wake();
	}

	/* One whole frame from what came; false: not yet. */
	frame() {
		const b = this.bytes;
		if (b.length < 2) return false;
		let length = b[1] & 127,
			at = 2;
		if (length === 126 && b.length >= 4) [length, at] = [b.readUInt16BE(2), 4];
		else if (length === 127 && b.length >= 10) [length, at] = [Number(b.readBigUInt64BE(2)), 10];
		if (length > 125 && at === 2) return false;
		if (b.length < at + length) return false;
		const body = b.subarray(at, at + length),
			kind = b[0] & 15,
			last = (b[0] & 128) !== 0;
		this.bytes = b.subarray(at + length);
		if (kind === 8)
			this.reason = {
				code: length >= 2 ? body.readUInt16BE(0) : 0,
				text: body.subarray(2).toString(),
			};
		else if (kind === 9) this.write(10, body);
		else if (kind <= 2) {
			this.parts = kind ? [body] : [...this.parts, body];
			this.kind = kind || this.kind;
			if (last) {
				const all = Buffer.concat(this.parts);
				this.messages.push(this.kind === 2 ? all : JSON.parse(all.toString()));
			}
		}
		return true;
	}

	/* Firefox takes a mask of zeros for none. */
	write(kind, body, last = true) {
		const mask = randomBytes(4),
			bytes = Buffer.from(body).map((byte, i) => byte ^ mask[i & 3]);
		const head =
			bytes.length < 126
				? Buffer.from([kind | (last ? 128 : 0), 128 | bytes.length])
				: bytes.length < 65536
					? Buffer.from([
							kind | (last ? 128 : 0),
							254,
							bytes.length >> 8,
							bytes.length & 255,
						])
					: Buffer.concat([
							Buffer.from([kind | (last ? 128 : 0), 255, 0, 0, 0, 0]),
							Buffer.from([
								bytes.length >>> 24,
								(bytes.length >> 16) & 255,
								(bytes.length >> 8) & 255,
								bytes.length & 255,
							]),
						]);
		this.raw.write(Buffer.concat([head, mask, bytes]));
	}

	text(value) {
		this.write(1, typeof value === "string" ? value : JSON.stringify(value));
	}

	/* The first kept or coming message for which match holds; null when the connection ends or the limit is over. */
	async next(match = () => true, limitMs = 10000) {
		const end = Date.now() + limitMs;
		for (;;) {
			const at = this.messages.findIndex(match);
			if (at >= 0) return this.messages.splice(at, 1)[0];
			if (this.closed || Date.now() > end) return null;
			await new Promise((resolve) => {
				const timer = setTimeout(resolve, Math.max(end - Date.now(), 1));
				this.waiting.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
	}

	/* Answer of a request: result, or an Error with its code. */
	async ask(method, params = {}) {
		const id = ++this.id;
		this.text({ jsonrpc: "2.0", id, method, params });
		const answer = await this.next((message) => message.id === id);
		if (!answer)
			throw Object.assign(
				new Error(`${method}: no answer${this.reason ? `: ${this.reason.text}` : ""}`),
				{ code: 0 },
			);
		if (answer.error)
			throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
		return answer.result;
	}

	async end(limitMs = 10000) {
		await this.next(() => false, limitMs);
		return this.closed;
	}

	close() {
		this.raw.destroy();
	}
}
