/* ears: the events of a box as they come, each with its moment. */
import { connect } from "node:net";

export class Ears {
	#text = "";
	heard = [];
	#waiting = null;

	constructor(socket) {
		this.client = connect(socket);
		this.client.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params: {} })}\n`);
		this.client.on("data", (bytes) => this.#take(bytes));
		this.client.on("error", () => {}); /* the box is gone: who waits sees it */
	}

	#take(bytes) {
		const lines = (this.#text + bytes).split("\n");
		this.#text = lines.pop();
		const at = performance.now();
		for (const line of lines) this.heard.push({ at, ...JSON.parse(line) });
		this.#waiting?.();
	}

	forget() {
		this.heard = [];
	}

	/* The first event of this kind since forget(), now or when it comes. */
	async wait(method, is = () => true, limitMs = 30000) {
		const end = performance.now() + limitMs;
		for (;;) {
			const one = this.heard.find((event) => event.method === method && is(event.params));
			if (one) return one;
			if (performance.now() > end) throw new Error(`no ${method} within ${limitMs} ms`);
			await new Promise((resolve) => {
				this.#waiting = resolve;
				setTimeout(resolve, 1000);
			});
		}
	}

	close() {
		this.client.destroy();
	}
}
