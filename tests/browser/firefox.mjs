/* firefox: Debian's Firefox ESR by WebDriver BiDi, as much of it as these tests need, in the shape that browser.mjs has
 * for Chromium. start() gives a reason in place of a browser when there is none. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, until } from "./place.mjs";
import { Socket } from "./socket.mjs";

const PROGRAMS = [process.env.CALLBOX_FIREFOX, "/usr/bin/firefox-esr"].filter(Boolean);
const ANSWER_MS = 60000,
	END_MS = 10000;

/* A camera and a microphone of its own, no question, loopback addresses, nothing fetched behind our back: VP8 alone is
 * what Debian's build brings along. */
const PREFERENCES = {
	"media.navigator.streams.fake": true,
	"media.navigator.permission.disabled": true,
	"media.peerconnection.ice.loopback": true,
	"media.peerconnection.ice.obfuscate_host_addresses": false,
	"media.autoplay.default": 0,
	"media.autoplay.blocking_policy": 0,
	"media.gmp-manager.updateEnabled": false,
	"media.gmp-provider.enabled": false,
	"media.gmp-gmpopenh264.enabled": false,
	"app.update.enabled": false,
	"browser.shell.checkDefaultBrowser": false,
	"browser.safebrowsing.update.enabled": false,
	"datareporting.policy.dataSubmissionEnabled": false,
	"extensions.update.enabled": false,
	"network.captive-portal-service.enabled": false,
	"network.connectivity-service.enabled": false,
	"services.settings.server": "data:,none",
	"toolkit.telemetry.enabled": false,
};

/* One page. What Playwright's has under these names does the same. */
class Page {
	constructor(browser, owner, context) {
		Object.assign(this, { browser, owner, handlers: { pageerror: [], console: [] } });
		this.id = context;
	}

	on(name, fn) {
		this.handlers[name].push(fn);
	}

	context() {
		return this.owner;
	}

	goto(url) {
		return this.browser.ask("browsingContext.navigate", {
			context: this.id,
			url,
			wait: "complete",
		});
	}

	/* Argument and result travel as JSON. */
	async evaluate(fn, argument) {
		const text = `async (given) => {
			const result = await (${fn})(JSON.parse(given));
			return result === undefined ? "null" : JSON.stringify(result);
		}`;
		const answer = await this.browser.ask("script.callFunction", {
			functionDeclaration: text,
			arguments: [{ type: "string", value: JSON.stringify(argument ?? null) }],
			awaitPromise: true,
			userActivation: true,
			target: { context: this.id },
		});
		if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
		return JSON.parse(answer.result.value);
	}

	async screenshot({ path }) {
		const { data } = await this.browser.ask("browsingContext.captureScreenshot", {
			context: this.id,
		});
		writeFileSync(path, Buffer.from(data, "base64"));
	}

	logged({ type, level, text, stackTrace }) {
		const [frame] = stackTrace ? stackTrace.callFrames : [];
		if (type === "javascript" && level === "error")
			this.handlers.pageerror.forEach((fn) => fn(new Error(text)));
		if (type === "console")
			this.handlers.console.forEach((fn) =>
				fn({
					type: () => level,
					text: () => text,
					location: () => ({ url: frame ? frame.url : "" }),
				}),
			);
	}
}

class Firefox {
	constructor(program) {
		this.profile = mkdtempSync(join(tmpdir(), "callbox-firefox-"));
		this.log = join(this.profile, "firefox.log");
		this.pages = new Map();
		this.id = 0;
		writeFileSync(
			join(this.profile, "user.js"),
			Object.entries(PREFERENCES)
				.map(
					([name, value]) =>
						`user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
				)
				.join(""),
		);
		const fd = openSync(this.log, "a");
		this.child = spawn(
			program,
			["--headless", "--no-remote", "--profile", this.profile, "--remote-debugging-port=0"],
			{
				stdio: ["ignore", fd, fd],
				env: { ...process.env, HOME: this.profile, MOZ_CRASHREPORTER_DISABLE: "1" },
			},
		);
		this.ended = new Promise((resolve) => this.child.on("exit", resolve));
		process.on("exit", () => this.child.kill("SIGKILL"));
	}

	async connect() {
		const [, port] = await until(
			`WebDriver BiDi in ${this.log}`,
			() => {
				const text = readFileSync(this.log, "utf8");
				if (this.child.exitCode !== null) throw new Error(text);
				return /WebDriver BiDi listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(text);
			},
			ANSWER_MS,
		);
		this.socket = await Socket.open(Number(port), { protocol: null, path: "/session" });
		this.listen();
		const { capabilities } = await this.ask("session.new", { capabilities: {} });
		this.version = `${capabilities.browserName} ${capabilities.browserVersion}`;
		await this.ask("session.subscribe", { events: ["log.entryAdded"] });
		return this;
	}

	async listen() {
		for (;;) {
			const event = await this.socket.next(
				(message) => message.type === "event",
				ANSWER_MS,
			);
			if (!event && this.socket.closed) return;
			const page = event && this.pages.get(event.params.source.context);
			if (page) page.logged(event.params);
		}
	}

	async ask(method, params) {
		const id = ++this.id;
		this.socket.text({ id, method, params });
		const answer = await this.socket.next((message) => message.id === id, ANSWER_MS);
		if (!answer) throw new Error(`${method}: no answer`);
		if (answer.type === "error") throw new Error(`${method}: ${answer.message}`);
		return answer.result;
	}

	/* A context of its own: cookies, storage. */
	async newContext({ viewport = { width: 1280, height: 800 } } = {}) {
		const { userContext } = await this.ask("browser.createUserContext", {});
		const owner = {
			newPage: async () => {
				const { context } = await this.ask("browsingContext.create", {
					type: "tab",
					userContext,
				});
				await this.ask("browsingContext.setViewport", { context, viewport });
				const page = new Page(this, owner, context);
				this.pages.set(context, page);
				return page;
			},
			close: () => this.ask("browser.removeUserContext", { userContext }),
		};
		return owner;
	}

	async close() {
		if (this.socket) await this.ask("browser.close", {}).catch(() => {});
		if ((await Promise.race([this.ended, sleep(END_MS).then(() => "late")])) === "late")
			this.child.kill("SIGKILL");
		await this.ended;
		rmSync(this.profile, { recursive: true, force: true });
	}
}

export async function start() {
	const program = PROGRAMS.find(existsSync);
	if (!program) return { why: "no Firefox: install the package firefox-esr" };
	const browser = new Firefox(program);
	try {
		return { browser: await browser.connect() };
	} catch (error) {
		await browser.close();
		throw error;
	}
}
