/* The guest page in a Chromium that is driven by the plain DevTools protocol over its pipe, with no camera, no microphone
 * and no leave to use any: all the addresses that it offers are mDNS names. It calls a box, sees and hears it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { program } from "./browser.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, until } from "./place.mjs";

const tap = new Tap();
if (!program()) {
	console.log("1..0 # SKIP no Chromium: install the package chromium");
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const box = await place.box("room", "room-a");
const token = place.addUser("guest");

/* The browser's end of --remote-debugging-pipe: JSON messages with a NUL after each, out on 3, in on 4. */
class DevTools {
	constructor(dir) {
		this.child = spawn(
			program(),
			[
				"--headless=new",
				"--no-sandbox",
				"--disable-gpu",
				"--remote-debugging-pipe",
				"--autoplay-policy=no-user-gesture-required",
				"--allow-loopback-in-peer-connection",
				`--user-data-dir=${dir}`,
			],
			{ stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
		);
		Object.assign(this, { id: 0, asked: new Map(), events: [], text: "" });
		this.child.stdio[4].on("data", (bytes) => this.take(bytes));
		process.on("exit", () => this.child.kill("SIGKILL"));
	}

	take(bytes) {
		const messages = (this.text + bytes.toString()).split("\0");
		this.text = messages.pop();
		for (const message of messages.map((one) => JSON.parse(one))) {
			if (!message.id) this.events.push(message);
			else if (message.error) this.asked.get(message.id).reject(new Error(message.error.message));
			else this.asked.get(message.id).resolve(message.result);
		}
	}

	send(method, params = {}) {
		const id = ++this.id,
			{ sessionId } = this;
		return new Promise((resolve, reject) => {
			this.asked.set(id, { resolve, reject });
			this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
		});
	}

	async open(url) {
		const { targetId } = await this.send("Target.createTarget", { url });
		({ sessionId: this.sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true }));
		for (const domain of ["Page", "Runtime", "Network"]) await this.send(`${domain}.enable`);
	}

	async evaluate(expression) {
		const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
			expression,
			awaitPromise: true,
			returnByValue: true,
		});
		if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
		return result.value;
	}

	async key(key, text) {
		const codes = { Enter: 13 };
		const more = { key, windowsVirtualKeyCode: codes[key] || key.toUpperCase().charCodeAt(0) };
		await this.send("Input.dispatchKeyEvent", { type: "keyDown", text, ...more });
		await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...more });
	}

	async type(selector, text) {
		await until(selector, () => this.evaluate(`Boolean(document.querySelector(${JSON.stringify(selector)}))`));
		await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
		await this.send("Input.insertText", { text });
	}
}

const page = new DevTools(join(place.dir, "profile"));
const screen = (wanted) =>
	until(`screen ${wanted}`, async () => (await page.evaluate("document.querySelector('.room')?.dataset.screen")) === wanted);

await tap.test("DevTools alone: the guest page logs in, calls a box, and sees it move; only mDNS names are offered", async () => {
	await page.open(`http://127.0.0.1:${place.hubPort}/call/`);
	await page.type("#account", "guest");
	await page.type("#token", token);
	await page.key("Enter", "\r");
	await screen("idle");
	await page.key("c", "c");
	await screen("dial");
	await page.type("#user", "room");
	await page.key("Enter", "\r");
	await until("it rings", async () => (await ask(box.socket, "status")).status === "called");
	await ask(box.socket, "accept");
	await screen("incall");
	const look = `(${readPattern})(".remote video")`;
	const first = await until("the box's picture", async () => {
		const seen = await page.evaluate(look);
		return seen.number ? seen : null;
	});
	await until("it moves", async () => (await page.evaluate(look)).number > first.number);
	const heard = () =>
		page.evaluate(
			"window.rtc.getStats().then((all) => Object.values(all).find((one) => one.type === 'inbound-rtp' && " +
				"one.kind === 'audio')?.totalAudioEnergy || 0)",
		);
	await until("the room is heard", async () => (await heard()) > 0);
	const candidates = page.events
		.filter((event) => event.method === "Network.webSocketFrameSent")
		.map((event) => JSON.parse(event.params.response.payloadData))
		.filter((message) => message.env?.kind === "candidates")
		.flatMap((message) => message.env.body.candidates.map((one) => one.candidate))
		.filter(Boolean);
	console.log(
		`# #${first.number} at ${first.width}x${first.height}; candidates: ${candidates.map((c) => c.split(" ")[4]).join(" ")}`,
	);
	assert.ok(candidates.length > 0);
	for (const candidate of candidates) assert.match(candidate.split(" ")[4], /\.local$/);
	await page.key("h", "h");
	await until("over", async () => (await ask(box.socket, "status")).status === "idle");
	const broken = page.events.filter((event) => event.method === "Runtime.exceptionThrown");
	assert.deepEqual(
		broken.map((event) => event.params.exceptionDetails.text),
		[],
	);
});

page.child.kill();
await new Promise((resolve) => page.child.once("exit", resolve));
await place.close({ keep: tap.failed });
tap.end();
