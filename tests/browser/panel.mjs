/* callbox-panel's door: pages and headers, Origin and Host, token and TLS, what is passed on, what is refused, and five
 * hundred pages that do not read. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { Place, Tap, ask, sleep, until } from "./place.mjs";
import { Socket } from "./socket.mjs";

const place = new Place(),
	tap = new Tap();
const TOKEN = "0123456789abcdef-token";
await place.hubStart();
const box = await place.box("alice", "room-a");
const panel = await place.panel(box, "origins = https://in.example\n");
const port = panel.port_;

function fetchPath(path, headers = {}) {
	return new Promise((resolve, reject) =>
		get({ port, host: "127.0.0.1", path, headers }, (answer) => {
			let body = "";
			answer.on("data", (bytes) => (body += bytes));
			answer.on("end", () =>
				resolve({ status: answer.statusCode, headers: answer.headers, body }),
			);
		}).on("error", reject),
	);
}

const refused = async (promise) => {
	try {
		await promise;
	} catch (error) {
		return error;
	}
	throw new Error("it was not refused");
};

await tap.test("pages come with their types and a policy", async () => {
	for (const [path, type, words] of [
		["/", "text/html", "panel.js"],
		["/callbox.js", "text/javascript", "export class Callbox"],
		["/callbox-script.js", "text/javascript", "globalThis.Callbox"],
		["/room.css", "text/css", ":root"],
		["/icon.svg", "image/svg+xml", "<svg"],
	]) {
		const { status, headers, body } = await fetchPath(path);
		assert.equal(status, 200, path);
		assert.ok(headers["content-type"].startsWith(type), `${path}: ${headers["content-type"]}`);
		assert.match(headers["content-security-policy"], /default-src 'none'/);
		assert.equal(headers["x-content-type-options"], "nosniff");
		assert.ok(body.includes(words), path);
	}
});

await tap.test("nothing outside the pages' folder", async () => {
	for (const path of [
		"/../call.fsm",
		"/%2e%2e/call.fsm",
		"/..%2fcall.fsm",
		"//etc/passwd",
		"/none.html",
	]) {
		const { status, body } = await fetchPath(path).catch(() => ({ status: 0, body: "" }));
		assert.notEqual(status, 200, path);
		assert.ok(!body.includes("[rows]") && !body.includes("root:"), path);
	}
});

await tap.test("a way out of the pages' folder leads nowhere: Landlock", async () => {
	if (/no Landlock/.test(readFileSync(panel.log, "utf8"))) return "this kernel has no Landlock";
	if (process.env.CALLBOX_SANDBOX === "off") return "the sandbox is off";
	const data = join(box.dir, "data");
	cpSync(join(place.stage, "share/callbox/www"), join(data, "www"), { recursive: true });
	symlinkSync("/etc/passwd", join(data, "www/out.html"));
	symlinkSync(join(box.dir, "conf/accounts/a.secret"), join(data, "www/secret.html"));
	place.more = { CALLBOX_DATA_DIR: data };
	const other = await place.panel(box);
	place.more = {};
	const answer = (path) =>
		new Promise((resolve) =>
			get({ port: other.port_, host: "127.0.0.1", path }, (a) => {
				let body = "";
				a.on("data", (bytes) => (body += bytes));
				a.on("end", () => resolve({ status: a.statusCode, body }));
			}).on("error", () => resolve({ status: 0, body: "" })),
		);
	assert.equal((await answer("/index.html")).status, 200);
	for (const path of ["/out.html", "/secret.html"]) {
		const { status, body } = await answer(path);
		assert.notEqual(status, 200, path);
		assert.ok(!body.includes("root:") && !body.includes(box.token), path);
	}
	assert.equal(await place.stop(other), 0);
	return undefined;
});

await tap.test("a page of another server is refused, and a foreign name for this machine", async () => {
	const cases = [
		[{ Origin: `http://127.0.0.1:${port}` }, 101],
		[{}, 101],
		[{ Origin: "https://in.example" }, 101],
		[{ Origin: "https://evil.example" }, 0],
		[{ Origin: "null" }, 0],
		[{ Origin: `http://evil.example:${port}`, Host: `evil.example:${port}` }, 0],
	];
	for (const [headers, status] of cases) {
		const socket = await Socket.open(port, { headers });
		if (status) assert.equal(socket.status, status, JSON.stringify(headers));
		else assert.notEqual(socket.status, 101, JSON.stringify(headers));
		socket.close();
	}
});

await tap.test("each page has its own events", async () => {
	const one = await Socket.open(port),
		other = await Socket.open(port);
	await one.ask("subscribe");
	await other.ask("on", { event: "onDndChange" });
	assert.equal((await one.next((m) => m.method === "state")).params.accounts[0].account, "alice");
	await one.ask("muteLocalAudio", { on: true });
	assert.equal((await one.next((m) => m.method === "onMuteChange")).params.audioMuted, true);
	await one.ask("setDnd", { on: true });
	assert.equal((await other.next((m) => m.method === "onDndChange")).params.on, true);
	assert.equal(await other.next((m) => m.method === "onMuteChange", 50), null);
	await one.ask("setDnd", { on: false });
	await one.ask("muteLocalAudio", { on: false });
	one.close();
	other.close();
});

await tap.test("what is not for pages is not passed on", async () => {
	const socket = await Socket.open(port);
	for (const [method, params] of [
		["snapshot", { which: "local", file: "/tmp/x.png" }],
		["setupLocalView", { view: "raw:/tmp/x" }],
		["setTokenService", { url: "https://evil.example" }],
		["login", { account: "alice", token: "x" }],
		["switchDevice", { kind: "speakerId", id: "file:/tmp/x.wav" }],
		["nonsense", {}],
	]) {
		const error = await refused(socket.ask(method, params));
		assert.equal(error.code, -32601, method);
	}
	assert.deepEqual((await socket.ask("panelInfo")).settings, ["dnd", "timeout", "profile", "devices", "volume"]);
	assert.equal(
		(await refused(socket.ask("accept"))).code,
		-32000,
	); /* callboxd's own word comes through */
	socket.close();
});

await tap.test("what is no request is answered in words, and too much ends the page", async () => {
	const socket = await Socket.open(port);
	for (const [text, code] of [
		["{", -32700],
		["[]", -32700],
		["7", -32700],
		['{"method":7}', -32600],
		['{"jsonrpc":"2.0","id":{},"method":"status"}', -32600],
		["\u0000", -32700],
		[`${"[".repeat(200)}${"]".repeat(200)}`, -32700],
	]) {
		socket.text(text);
		const answer = await socket.next((m) => m.error);
		assert.equal(answer && answer.error.code, code, text.slice(0, 20));
	}
	assert.equal((await socket.ask("status")).status, "idle");
	socket.text(`{"x":"${"y".repeat(70000)}"}`);
	assert.ok(await socket.end());
	const binary = await Socket.open(port);
	binary.write(2, "{}");
	assert.ok(await binary.end());
});

await tap.test("a message in many pieces is one", async () => {
	const socket = await Socket.open(port);
	const text = JSON.stringify({
		jsonrpc: "2.0",
		id: 7,
		method: "status",
		params: { pad: "z".repeat(30000) },
	});
	for (let at = 0; at < text.length; at += 999)
		socket.write(at ? 0 : 1, text.slice(at, at + 999), at + 999 >= text.length);
	assert.equal((await socket.next((m) => m.id === 7)).result.status, "idle");
	socket.close();
});

const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${panel.pid}/status`, "utf8"))[1]);
const fds = () => readdirSync(`/proc/${panel.pid}/fd`).length;

/* Pictures of a view that come to a socket within ms: how many, the last one. */
async function pictures(socket, ms, view = 0) {
	const end = Date.now() + ms;
	let count = 0,
		last = null;
	for (;;) {
		const left = end - Date.now();
		const shot = left > 0 && (await socket.next((m) => Buffer.isBuffer(m) && m[0] === view, left));
		if (!shot) return { count, last };
		count++;
		last = shot;
	}
}

/* How many pictures the camera has given since this was called. */
async function capturedSince(socket) {
	const now = async () => (await socket.ask("stats")).video.frames_captured;
	const from = await now();
	return async () => (await now()) - from;
}

/* Pictures in ms, and those of the camera meanwhile. Two of three are what a quiet machine gives; one that is busy with
 * something else, where camera, panel and this program wait for the processor, gets four tries for one of three. */
async function fairCount(socket, ms) {
	for (let tries = 1; ; tries++) {
		const captured = await capturedSince(socket),
			{ count, last } = await pictures(socket, ms),
			camera = await captured();
		if (tries === 4 || count >= camera / 2) return { count, last, camera, tries };
	}
}

/* Seconds of processor time that a process and its threads have used. */
const cpu = (pid) => {
	const [utime, stime] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13);
	return (Number(utime) + Number(stime)) / 100;
};
const childOf = (pid, name) =>
	readdirSync("/proc")
		.filter((one) => /^\d+$/.test(one))
		.find((one) => {
			try {
				const stat = readFileSync(`/proc/${one}/stat`, "utf8");
				return stat.includes(`(${name})`) && stat.split(") ")[1].split(" ")[1] === String(pid);
			} catch {
				return false;
			}
		});

await tap.test("the own picture moves: JPEG, 15 a second and more, and none when there is none", async () => {
	const socket = await Socket.open(port);
	assert.match((await refused(socket.ask("watch", { which: "up", on: true }))).message, /local or remote/);
	assert.match((await refused(socket.ask("watch", { which: "local" }))).message, /true or false/);
	await socket.ask("watch", { which: "local", on: true });
	assert.equal((await pictures(socket, 300)).count, 0);
	await socket.ask("preview", { on: true });
	assert.ok(await socket.next((m) => Buffer.isBuffer(m) && m[0] === 0 && m.length > 1));
	const video = childOf(box.child.pid, "callbox-video"),
		before = [panel.pid, video].map(cpu);
	const { count, last, camera, tries } = await fairCount(socket, 5000);
	const [inPanel, inVideo] = [panel.pid, video].map((pid, index) => (cpu(pid) - before[index]) / (5 * tries));
	console.log(
		`# ${(count / 5).toFixed(1)} pictures a second of ${last.length} bytes, the camera has ${(camera / 5).toFixed(1)}; processor time: ` +
			`callbox-panel ${(inPanel * 100).toFixed(1)} %, callbox-video with camera ${(inVideo * 100).toFixed(1)} %`,
	);
	assert.ok(count >= camera / 3, `${count} pictures of ${camera} in 5 s`);
	assert.equal(last.readUInt16BE(1), 0xffd8);
	const size = last.indexOf(Buffer.from([0xff, 0xc0]));
	assert.deepEqual([last.readUInt16BE(size + 7), last.readUInt16BE(size + 5)], [640, 360]);
	await socket.ask("preview", { on: false });
	assert.ok(await socket.next((m) => Buffer.isBuffer(m) && m.length === 1), "no picture any more");
	await socket.ask("watch", { which: "local", on: false });
	socket.messages.length = 0; /* what came before */
	await socket.ask("preview", { on: true });
	assert.equal((await pictures(socket, 500)).count, 0);
	await socket.ask("preview", { on: false });
	socket.close();
});

await tap.test("pages that watch and do not read delay nobody", async () => {
	const kept = rss(),
		slow = [];
	for (let i = 0; i < 100; i++) {
		const page = await Socket.open(port);
		page.raw.pause();
		for (const which of ["local", "remote"])
			page.text({ jsonrpc: "2.0", id: 1, method: "watch", params: { which, on: true } });
		slow.push(page);
	}
	const good = await Socket.open(port);
	await good.ask("watch", { which: "local", on: true });
	await good.ask("preview", { on: true });
	assert.ok(await good.next((m) => Buffer.isBuffer(m) && m.length > 1));
	const before = cpu(panel.pid),
		{ count, camera, tries } = await fairCount(good, 4000);
	console.log(
		`# beside 100 pages that do not read ${(count / 4).toFixed(1)} pictures a second; callbox-panel ` +
			`${(((cpu(panel.pid) - before) * 25) / tries).toFixed(1)} %, grew by ${rss() - kept} KiB`,
	);
	assert.ok(count >= camera / 3, `${count} pictures of ${camera} in 4 s`);
	assert.ok(rss() - kept < 100000);
	const began = performance.now();
	await good.ask("status");
	assert.ok(performance.now() - began < 2000);
	await good.ask("preview", { on: false });
	for (const page of [...slow, good]) page.close();
});

await tap.test("without callboxd a page is told so; with it again it goes on", async () => {
	const socket = await Socket.open(port);
	await socket.ask("subscribe");
	await place.stop(box.child);
	assert.ok(await socket.end());
	assert.match(socket.reason.text, /callboxd/);
	const early = await Socket.open(port);
	assert.ok(await early.end());
	assert.match(early.reason.text, /callboxd does not answer/);
	await place.boxStart(box);
	const again = await Socket.open(port);
	assert.equal((await again.ask("status")).accounts[0].state, "online");
	again.close();
});

await tap.test("500 pages that do not read disturb nobody", async () => {
	await until("no page of the tests before", () => fds() < 20);
	const before = fds(),
		kept = rss(),
		pages = [];
	for (let i = 0; i < 500; i++) {
		const page = await Socket.open(port);
		assert.equal(page.status, 101);
		page.raw.pause();
		page.text({ jsonrpc: "2.0", id: 1, method: "subscribe" });
		pages.push(page);
	}
	/* Twenty of them ask and ask, and read no answer. */
	for (const page of pages.slice(0, 20))
		for (let i = 0; i < 6000; i++) page.text({ jsonrpc: "2.0", id: i, method: "status" });
	const good = await Socket.open(port),
		times = [];
	for (let i = 0; i < 200; i++) {
		const began = performance.now();
		await good.ask("muteLocalAudio", { on: i % 2 === 0 });
		times.push(performance.now() - began);
	}
	await until("those who ask too much are disconnected", () => fds() <= before + 2 * 481 + 2);
	const most = rss();
	times.sort((a, b) => a - b);
	console.log(
		`# a verb answers after ${times[100].toFixed(2)} ms (p50), ${times[197].toFixed(2)} ms (p99); the panel ` +
			`grew from ${kept} to ${most} KiB`,
	);
	assert.ok(most - kept < 500000, `${most} KiB`);
	for (const page of [...pages, good]) page.close();
	await until(`descriptors are ${before} again`, () => fds() <= before);
	const after = await Socket.open(port);
	assert.equal((await after.ask("status")).status, "idle");
	after.close();
});

await tap.test("noise at the door", async () => {
	let seed = 7;
	const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
	for (let i = 0; i < 200; i++) {
		const socket = await Socket.open(port);
		const bytes = Buffer.from(Array.from({ length: 1 + random(200) }, () => random(256)));
		if (i % 2) socket.raw.write(bytes); /* no frame at all */
		else socket.write(1 + random(2), bytes);
		await Promise.race([socket.end(200), socket.next(() => true, 20)]);
		socket.close();
	}
	assert.equal(panel.exitCode, null);
	const socket = await Socket.open(port);
	assert.equal((await socket.ask("status")).status, "idle");
	socket.close();
});

const certificate = join(box.dir, "conf/cert.pem"),
	key = join(box.dir, "conf/key.pem");
await tap.test("a token and TLS: nothing before the token, a wrong one ends it", async () => {
	try {
		execFileSync(
			"openssl",
			[
				"req",
				"-x509",
				"-newkey",
				"ec",
				"-pkeyopt",
				"ec_paramgen_curve:prime256v1",
				"-nodes",
				"-days",
				"2",
				"-subj",
				"/CN=127.0.0.1",
				"-keyout",
				key,
				"-out",
				certificate,
			],
			{ stdio: "ignore" },
		);
	} catch {
		return "no openssl program";
	}
	writeFileSync(join(box.dir, "conf/token"), `${TOKEN}\n`, { mode: 0o600 });
	chmodSync(key, 0o600);
	const other = await place.panel(
		box,
		"listen = 0.0.0.0:0\ncertificate = cert.pem\nprivate_key = key.pem\ntoken_file = token\n",
	);
	const open = (more = {}) => Socket.open(other.port_, { tls: true, ...more });
	const socket = await open({ headers: { Origin: `https://127.0.0.1:${other.port_}` } });
	assert.equal((await refused(socket.ask("status"))).code, -32001);
	assert.equal((await refused(socket.ask("panelInfo"))).code, -32001);
	await socket.ask("authenticate", { token: TOKEN });
	assert.equal((await socket.ask("status")).status, "idle");
	socket.close();
	const wrong = await open();
	assert.equal(
		(await refused(wrong.ask("authenticate", { token: "0123456789abcdef-tokem" }))).code,
		-32001,
	);
	assert.ok(await wrong.end());
	const silent = await open();
	assert.ok(await silent.end(20000), "who says nothing is not kept");
	assert.notEqual((await open({ headers: { Origin: "https://evil.example" } })).status, 101);
	const plain = await Socket.open(other.port_).catch(() => null);
	assert.notEqual(plain && plain.status, 101);
	assert.equal(await place.stop(other), 0);
	return undefined;
});

await tap.test("it stops when told, and leaves nothing behind", async () => {
	const socket = await Socket.open(port);
	await socket.ask("subscribe");
	assert.equal(await place.stop(panel), 0);
	assert.deepEqual(
		readdirSync(join(box.dir, "run")).filter((n) => n.startsWith("panel-")),
		[],
	);
	const text = readFileSync(panel.log, "utf8");
	assert.ok(!/Sanitizer|runtime error/.test(text), text);
	assert.equal((await ask(box.socket, "status")).status, "idle");
});

await place.close({ keep: tap.failed });
tap.end();
