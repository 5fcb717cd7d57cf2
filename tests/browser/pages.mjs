/* What a page of the panel or the hub lives through: it is loaded again in mid-call, there are two of it, it is gone in
 * mid-preview, it comes from the network over TLS with a token, the conf has a word in its language. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, shot, start } from "./browser.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, until } from "./place.mjs";

const tap = new Tap();
const { browser, why } = await start();
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const alice = await place.box("alice", "room-a"),
	bob = await place.box("bob", "room-b");
const panel = await place.panel(alice);
const base = `http://127.0.0.1:${place.hubPort}/call/`;
const carolsToken = place.addUser("carol");
const is = (box, wanted) =>
	until(`${box.account} is ${wanted}`, async () => (await ask(box.socket, "status")).status === wanted);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const visible = (page, name) => until(`button ${name}`, () => button(page, name).isVisible());
async function carolLogsIn(page) {
	await page.fill("#account", "carol");
	await page.fill("#token", carolsToken);
	await page.keyboard.press("Enter");
	await visible(page, "Call");
}
/* She accepts by key. */
async function bobCallsCarol(page) {
	await ask(bob.socket, "call", { userId: "carol", type: 2 });
	await visible(page, "Accept");
	await page.keyboard.press("a");
}
const seesPeer = (page) =>
	until("a picture", async () => (await page.evaluate(readPattern, ".remote canvas")).number > 0);

await tap.test("panel: loaded again in mid-call, ringing and calling, it is where it was", async () => {
	const page = await open(browser, panel.url);
	await visible(page, "Call");
	await ask(bob.socket, "call", { userId: "alice", type: 2 });
	await visible(page, "Accept");
	assert.equal(await page.title(), "Incoming video call from bob");
	await page.reload();
	await visible(page, "Accept");
	await button(page, "Accept").click();
	await seesPeer(page);
	await button(page, "Mute").click();
	await visible(page, "Unmute");
	await page.reload();
	await seesPeer(page);
	await visible(page, "Unmute");
	assert.equal(await page.title(), "Room panel");
	const lasts = async () => page.locator(".lasts").textContent();
	await until("a duration", async () => /^\d+:\d\d$/.test(await lasts()));
	await button(page, "Hang up").click();
	await is(bob, "idle");
	await visible(page, "Call");
	await page.evaluate(() => window.rtc.call({ userId: "bob", type: 1 }));
	await visible(page, "Cancel");
	await page.reload();
	await visible(page, "Cancel");
	await button(page, "Cancel").click();
	await is(bob, "idle");
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

await tap.test("two panels of one box show the same, whoever touches which", async () => {
	const one = await open(browser, panel.url),
		two = await open(browser, panel.url);
	for (const page of [one, two]) await visible(page, "Call");
	await ask(bob.socket, "call", { userId: "alice", type: 2 });
	for (const page of [one, two]) await visible(page, "Accept");
	await button(one, "Accept").click();
	for (const page of [one, two]) await seesPeer(page);
	await button(two, "Mute").click();
	await visible(one, "Unmute");
	await button(one, "Camera off").click();
	await visible(two, "Camera on");
	await button(two, "Sound only").click();
	await visible(one, "With picture");
	await button(one, "Hang up").click();
	for (const page of [one, two]) await visible(page, "Call");
	await is(bob, "idle");
	for (const page of [one, two]) {
		await until("the record", async () => (await page.locator(".list li").first().textContent()).includes("bob"));
		assert.deepEqual(page.faults, []);
		await page.context().close();
	}
});

await tap.test("panel: accept with sound only; missed calls are counted by the box's clock", async () => {
	const page = await open(browser, panel.url);
	await visible(page, "Call");
	await ask(bob.socket, "call", { userId: "alice", type: 2 });
	await visible(page, "Accept with sound only");
	await button(page, "Accept with sound only").click();
	await visible(page, "Hang up");
	await is(bob, "inCall");
	await until("sound for both", async () =>
		[alice, bob].every(async (box) => (await ask(box.socket, "status")).call.type === 1),
	);
	assert.equal((await ask(alice.socket, "status")).call.type, 1);
	assert.equal((await ask(bob.socket, "status")).call.type, 1);
	assert.equal(await page.locator(".inset").isVisible(), false);
	await ask(bob.socket, "hangup");
	await visible(page, "Call");
	const missed = async () => {
		await ask(bob.socket, "call", { userId: "alice", type: 1 });
		await visible(page, "Accept");
		await ask(bob.socket, "cancel");
		await visible(page, "Call");
	};
	/* A tablet whose clock is a day ahead of the box's. */
	await page.evaluate(() => {
		const { now } = Date;
		Date.now = () => now() + 86400000;
	});
	await missed();
	await until("one", () => page.getByRole("button", { name: "Missed calls: 1" }).isVisible());
	await page.getByRole("button", { name: "Missed calls: 1" }).click();
	await until("seen", () => button(page, "Missed").isVisible());
	await missed();
	await until("one more", () => page.getByRole("button", { name: "Missed calls: 1" }).isVisible());
	await page.context().close();
});

await tap.test("panel: a call that a hook refuses is not to be seen; one that waits is not the one that is on", async () => {
	const hook = join(place.dir, "room-e/hook"),
		asked = join(place.dir, "room-e/asked");
	mkdirSync(join(place.dir, "room-e/conf"), { recursive: true });
	writeFileSync(join(place.dir, "room-e/conf/hooks.conf"), `call-incoming = ${hook}\n`);
	writeFileSync(hook, `#!/bin/sh\n[ -e ${asked} ] || { >${asked}; sleep 0.1; echo refuse; }\n`, { mode: 0o700 });
	const erin = await place.box("erin", "room-e", { conf: "call_waiting = yes\n" }),
		erins = await place.panel(erin);
	const page = await open(browser, erins.url);
	const known = () => page.evaluate(() => [window.rtc.state.status, window.ends]);
	await visible(page, "Call");
	await page.evaluate(() => {
		const room = document.querySelector(".room");
		window.screens = [];
		window.ends = 0;
		window.rtc.on("onCallEnd", () => window.ends++);
		new MutationObserver(() => window.screens.push(room.dataset.screen)).observe(room, {
			attributes: true,
			attributeFilter: ["data-screen"],
		});
	});
	await ask(bob.socket, "call", { userId: "erin", type: 2 });
	await until("the hook", () => existsSync(asked));
	await is(bob, "idle");
	await until("no call", async () => !(await page.evaluate(() => window.rtc.getStatus())).call);
	assert.deepEqual(await page.evaluate(() => window.screens), []);
	assert.deepEqual(await known(), ["idle", 0]);

	await ask(alice.socket, "call", { userId: "erin", type: 1 });
	await visible(page, "Accept");
	await button(page, "Accept").click();
	await is(alice, "inCall");
	await visible(page, "Hang up");
	await ask(bob.socket, "call", { userId: "erin", type: 1 });
	await until("one waits", async () => (await ask(erin.socket, "status")).waiting?.state === "ringing");
	await page.evaluate(() => window.rtc.getStatus());
	assert.deepEqual(await known(), ["inCall", 0]);
	await ask(bob.socket, "cancel");
	await until("it is over", async () => (await known())[1] === 1);
	assert.deepEqual(await known(), ["inCall", 1]);
	await button(page, "Hang up").click();
	await until("all is over", async () => (await known())[1] === 2);
	assert.deepEqual(await known(), ["idle", 2]);
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

await tap.test("a preview ends with the last page that looks, also when a page is gone", async () => {
	const looks = async (more = {}) => {
		const page = await open(browser, panel.url, more);
		await visible(page, "Call");
		await button(page, "Settings").click();
		await button(page, "Show own picture").click();
		await until("own picture", async () => (await page.evaluate(readPattern, ".shot canvas")).number > 0);
		return page;
	};
	const preview = async (wanted) =>
		until(`preview ${wanted}`, async () => (await ask(alice.socket, "status")).preview === wanted);
	const one = await looks(),
		two = await looks();
	await one.context().close();
	await until("it still moves", async () => (await two.evaluate(readPattern, ".shot canvas")).number > 0);
	assert.equal((await ask(alice.socket, "status")).preview, true);
	await two.reload();
	await preview(false);
	await visible(two, "Call");
	/* A call in mid-preview has the own picture where it belongs, and there is no preview afterwards. */
	await button(two, "Settings").click();
	await button(two, "Show own picture").click();
	await preview(true);
	await ask(bob.socket, "call", { userId: "alice", type: 2 });
	await visible(two, "Accept");
	await button(two, "Accept").click();
	await until("inset", async () => (await two.evaluate(readPattern, ".inset canvas")).number > 0);
	await button(two, "Hang up").click();
	await is(bob, "idle");
	await preview(false);
	assert.deepEqual(two.faults, []);
	await two.context().close();
});

await tap.test("guest: a page that is loaded again in mid-call ends the call and is logged in again", async () => {
	const page = await open(browser, base);
	await carolLogsIn(page);
	await bobCallsCarol(page);
	await is(bob, "inCall");
	await until("remote", () => page.evaluate(() => document.querySelector(".remote video")?.videoWidth > 2));
	await page.reload();
	await is(bob, "idle");
	await visible(page, "Call");
	await until("the record", async () => (await page.locator(".list li").first().textContent()).includes("bob"));
	await ask(bob.socket, "call", { userId: "carol", type: 1 });
	await visible(page, "Accept");
	await page.keyboard.press("r");
	await is(bob, "idle");
	await button(page, "Log out").click();
	await visible(page, "Log in");
	await page.reload();
	await visible(page, "Log in");
	assert.equal(await page.evaluate(() => sessionStorage.getItem("callbox.guest")), null);
	await page.context().close();
});

await tap.test("guest: a preview in mid-ring gives way, and no camera stays open after the call", async () => {
	const page = await open(browser, base);
	await carolLogsIn(page);
	await page.evaluate(() => {
		window.tracks = [];
		const ask_ = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wish) => {
			const stream = await ask_(wish);
			window.tracks.push(...stream.getTracks());
			return stream;
		};
	});
	await button(page, "Settings").click();
	await button(page, "Show own picture").click();
	const picture = (where) => page.evaluate((at) => document.querySelector(`${at} video`)?.videoWidth > 2, where);
	await until("own picture", () => picture(".shot"));
	await ask(bob.socket, "call", { userId: "carol", type: 2 });
	await visible(page, "Accept");
	await page.keyboard.press("a");
	await until("inset", () => picture(".inset"));
	await button(page, "Hang up").click();
	await is(bob, "idle");
	await until("all closed", () => page.evaluate(() => window.tracks.every((track) => track.readyState === "ended")));
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

await tap.test("panel on the network: TLS, a token that is asked for once, a wrong one in words", async () => {
	const conf = join(alice.dir, "conf"),
		token = "a token of some length";
	try {
		execFileSync(
			"openssl",
			"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 -keyout"
				.split(" ")
				.concat(join(conf, "key.pem"), "-out", join(conf, "cert.pem")),
			{ stdio: "ignore" },
		);
	} catch {
		return "no openssl program";
	}
	writeFileSync(join(conf, "token"), `${token}\n`, { mode: 0o600 });
	const lan = await place.panel(
		alice,
		"listen = 0.0.0.0:0\ncertificate = cert.pem\nprivate_key = key.pem\ntoken_file = token\nlanguage = zh\n",
	);
	const url = `https://127.0.0.1:${lan.port_}/`;
	const page = await open(browser, url, { ignoreHTTPSErrors: true });
	await visible(page, "Open");
	await page.fill("#token", "0123456789abcdef-wrong");
	await page.keyboard.press("Enter");
	await until("words", () => page.getByText("That token is wrong").isVisible());
	await shot(page, "token");
	await page.fill("#token", token);
	await page.keyboard.press("Enter");
	await visible(page, "呼叫"); /* what the conf says, whatever the browser speaks */
	assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
	await page.reload();
	await visible(page, "呼叫");
	await page.keyboard.press("c");
	await page.keyboard.type("bob");
	await page.keyboard.press("Enter");
	await is(bob, "called");
	await ask(bob.socket, "accept");
	await seesPeer(page);
	await button(page, "挂断").click();
	await is(bob, "idle");
	/* The administrator changes the token: pages ask for it again. */
	await place.stop(lan);
	writeFileSync(join(conf, "token"), "another token of some length\n", { mode: 0o600 });
	writeFileSync(
		join(conf, "panel.conf"),
		`listen = 0.0.0.0:${lan.port_}\ncertificate = cert.pem\nprivate_key = key.pem\ntoken_file = token\n`,
	);
	const again = place.spawn(alice.dir, join(alice.dir, "panel-again.log"), "callbox-panel");
	await place.port(again);
	await until("words", () => page.getByText("That token is wrong").isVisible());
	await page.context().close();
	assert.equal(await place.stop(again), 0);
	return undefined;
});

await tap.test("panel: its process dies in mid-call and is back: so is the page", async () => {
	const own = await place.panel(alice);
	const page = await open(browser, own.url);
	await visible(page, "Call");
	await page.evaluate(() => window.rtc.call({ userId: "bob", type: 2 }));
	await is(bob, "called");
	await ask(bob.socket, "accept");
	await seesPeer(page);
	await place.stop(own, "SIGKILL");
	await until("words", () => page.getByText("The panel is not connected").isVisible());
	await button(page, "Mute").click(); /* is no harm */
	writeFileSync(join(alice.dir, "conf/panel.conf"), `listen = 127.0.0.1:${own.port_}\n`);
	await place.port(place.spawn(alice.dir, join(alice.dir, "panel-back.log"), "callbox-panel"));
	await until("no such words", async () => !(await page.locator(".toast").isVisible()));
	await until("the picture goes on", async () => {
		const { number } = await page.evaluate(readPattern, ".remote canvas");
		return number > 0 && (await page.locator('.remote[data-picture="yes"]').count()) === 1;
	});
	await button(page, "Hang up").click();
	await is(bob, "idle");
	await page.context().close();
});

await tap.test("guest: the hub is gone in mid-call: the call goes on, and its end arrives when the hub is back", async () => {
	const page = await open(browser, base);
	await carolLogsIn(page);
	await bobCallsCarol(page);
	const frames = () =>
		page.evaluate(async () =>
			Object.values(await window.rtc.getStats())
				.filter((one) => one.type === "inbound-rtp" && one.kind === "video")
				.reduce((sum, one) => sum + one.framesDecoded, 0),
		);
	await until("pictures", async () => (await frames()) > 10);
	await place.stop(place.hub);
	await until("the page knows", () => page.evaluate(() => window.rtc.state.accounts[0].state !== "online"));
	const before = await frames();
	await until("pictures go on", async () => (await frames()) > before + 30);
	writeFileSync(place.hubConf, readFileSync(place.hubConf, "utf8").replace(":0\n", `:${place.hubPort}\n`));
	place.hub = place.spawn(join(place.dir, "hub"), join(place.dir, "hub/again.log"), "callbox-hub", "-f", place.hubConf);
	await place.port(place.hub);
	await button(page, "Hang up").click();
	await visible(page, "Call");
	await is(bob, "idle");
	await until("bob online", async () => (await ask(bob.socket, "status")).accounts[0].state === "online");
	await page.context().close();
});

/* Texts and controls that lie upon each other or outside, on the screen that is shown. */
function crowded({ width, height }) {
	const shown = [...document.querySelectorAll(".room > main:not([hidden])")].pop();
	const parts = [...shown.querySelectorAll("button, .face h1, .face p, .time, .date, .said")].filter(
		(one) => one.checkVisibility() && !one.closest(".list"),
	);
	const name = (one) => one.textContent || one.ariaLabel || one.className;
	const wrong = [];
	parts.forEach((one, index) => {
		const a = one.getBoundingClientRect();
		if (a.left < -1 || a.right > width + 1 || a.top < -1 || a.bottom > height + 1)
			wrong.push(`${name(one)} is outside`);
		for (const other of parts.slice(index + 1)) {
			const b = other.getBoundingClientRect();
			const across = Math.min(a.right, b.right) - Math.max(a.left, b.left),
				down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
			if (across > 1 && down > 1) wrong.push(`${name(one)} lies upon ${name(other)}`);
		}
	});
	return wrong;
}

for (const [size, viewport] of Object.entries({
	small: { width: 320, height: 568 },
	low: { width: 844, height: 390 },
	phone: { width: 390, height: 844 },
	panel: { width: 1280, height: 800 },
}))
	for (const locale of ["en-GB", "zh-CN"])
		await tap.test(`nothing lies upon something else or outside: ${size}, ${locale}`, async () => {
			for (const box of [alice, bob]) await ask(box.socket, "hangup").catch(() => {});
			const page = await open(browser, panel.url, { viewport, locale, hasTouch: true, isMobile: size !== "panel" });
			const wrong = [];
			const look = async (screen) => {
				await until(`screen ${screen}`, () => page.locator(`.room[data-screen="${screen}"]`).count());
				wrong.push(...(await page.evaluate(crowded, viewport)).map((words) => `${screen}: ${words}`));
				await shot(page, `pages-${size}-${locale.slice(0, 2)}-${screen}`);
			};
			await look("idle");
			await ask(alice.socket, "call", { userIds: ["bob", "carol"], type: 2 });
			await is(bob, "called");
			await look("calling");
			await ask(bob.socket, "accept");
			await until("a picture", () => page.locator('.remote[data-picture="yes"]').count());
			await ask(bob.socket, "muteLocalAudio", { on: true });
			await ask(bob.socket, "muteLocalVideo", { on: true });
			await until("both are said", async () => (await page.locator(".said").textContent()).includes(" · "));
			await look("incall");
			await ask(bob.socket, "hangup");
			await look("idle");
			await ask(bob.socket, "call", {
				userId: "alice",
				type: 2,
				groupId: "g7",
				userIds: ["alice", "carol", "dave"],
				isFromGroup: true,
			});
			await look("incoming");
			await ask(bob.socket, "cancel");
			await is(alice, "idle");
			assert.deepEqual(wrong, []);
			assert.deepEqual(page.faults, []);
			await page.context().close();
		});

await browser.close();
await place.close({ keep: tap.failed });
tap.end();
