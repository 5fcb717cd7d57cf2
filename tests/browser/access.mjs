/* Who does not see the panel, or has only keys: what Chromium's accessibility tree says of every screen, in English and
 * Chinese, on a panel and on a phone; a call made, muted and ended, taken and refused with the keyboard alone; what live
 * regions say; contrast of every text; no motion where none is wanted. */
import assert from "node:assert/strict";
import { open, shot, start, when } from "./browser.mjs";
import { Place, Tap, ask, until } from "./place.mjs";
import { faintTexts } from "./contrast.mjs";

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
const SIZES = {
	panel: { viewport: { width: 1280, height: 800 } },
	phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const WORDS = {
	en: {
		locale: "en-GB",
		call: "Call",
		settings: "Settings",
		mute: "Mute",
		unmute: "Unmute",
		hangup: "Hang up",
		accept: "Accept",
		reject: "Reject",
		cancel: "Cancel",
		video: "Video call",
		calling: "Calling bob",
		rings: "It rings at bob",
		connected: "Connected with bob",
		muted: "You are muted",
		incoming: "Incoming video call from bob",
		canceled: "bob canceled",
		rejected: "bob rejected the call",
		asks: "bob asks for a video call",
		group: "Group g7",
		others: "Also asked: carol",
		agree: "Agree",
	},
	zh: {
		locale: "zh-CN",
		call: "呼叫",
		settings: "设置",
		mute: "静音",
		unmute: "取消静音",
		hangup: "挂断",
		accept: "接听",
		reject: "拒绝",
		cancel: "取消",
		video: "视频通话",
		calling: "正在呼叫 bob",
		rings: "bob 响铃中",
		connected: "已与 bob 接通",
		muted: "本端已静音",
		incoming: "bob 的视频来电",
		canceled: "bob 已取消",
		rejected: "bob 拒绝了通话",
		asks: "bob 请求切换为视频通话",
		group: "群组 g7",
		others: "同时邀请：carol",
		agree: "同意",
	},
};
const CONTROLS = ["button", "textbox", "combobox", "slider", "switch", "checkbox", "link", "menuitem", "tab", "searchbox"];

const bobIs = (wanted) =>
	until(`bob is ${wanted}`, async () => (await ask(bob.socket, "status")).status === wanted);

/* What of the accessibility tree is no good on the screen that is shown. */
async function faults(page) {
	const session = await page.context().newCDPSession(page);
	const { nodes } = await session.send("Accessibility.getFullAXTree");
	await session.detach();
	const found = [],
		names = new Map();
	const property = (node, name) => (node.properties || []).find((one) => one.name === name)?.value.value;
	for (const node of nodes.filter((one) => !one.ignored)) {
		const role = node.role?.value,
			name = (node.name?.value || "").trim();
		const control = CONTROLS.includes(role);
		if (control && !name) found.push(`a ${role} has no name`);
		if (role === "image" && !name) found.push("an image has no name");
		if (property(node, "focusable") && !control && !["heading", "RootWebArea", "main", "option"].includes(role))
			found.push(`"${name}" can be focused and is a ${role}`);
		if (control && property(node, "focusable")) names.set(`${role} ${name}`, (names.get(`${role} ${name}`) || 0) + 1);
	}
	const of = (role) => nodes.filter((one) => !one.ignored && one.role?.value === role);
	if (of("main").length + of("alertdialog").length !== 1) found.push(`${of("main").length} main landmarks`);
	if (!of("heading").length) found.push("no heading");
	/* The same person may stand in a list several times. */
	for (const [name, count] of names) if (count > 1 && !/bob/.test(name)) found.push(`${count} times ${name}`);
	return found;
}

/* Every control of the screen that is shown, by Tab, in a round; the focus can be seen on each. */
async function reach(page) {
	const controls = await page.evaluate(
		() =>
			[...document.querySelectorAll("button, input, select")].filter(
				(one) =>
					!one.disabled &&
					!one.closest("[inert]") &&
					one.checkVisibility({ checkVisibilityCSS: true }),
			).length,
	);
	const seen = new Set();
	for (let i = 0; i < controls + 3; i++) {
		await page.keyboard.press("Tab");
		const at = await page.evaluate(() => {
			const one = document.activeElement;
			if (!one || one === document.body) return null;
			one.dataset.tabbed ||= String(Math.random());
			const rings = [one, ...one.children].some((part) => getComputedStyle(part).outlineStyle !== "none");
			return { key: one.dataset.tabbed, text: one.textContent || one.ariaLabel, rings };
		});
		if (!at) continue;
		assert.ok(at.rings, `the focus on "${at.text}" cannot be seen`);
		seen.add(at.key);
	}
	assert.equal(seen.size, controls, "controls that Tab reaches");
}

/* All that is wrong with a screen, kept in page.wrong, so that one look tells everything. */
async function inspect(page, name) {
	const wrong = [...(await faults(page)), ...(await page.evaluate(faintTexts))];
	await shot(page, `access-${name}`);
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
	if (wide > 0) wrong.push(`${wide} pixels too wide`);
	(page.wrong ||= []).push(...wrong.map((words) => `${name}: ${words}`));
}

const screenIs = (page, wanted) =>
	when(page, (name) => document.querySelector(".room")?.dataset.screen === name, wanted, `screen ${wanted}`);
const spoken = (page, wanted) =>
	when(
		page,
		(text) => document.querySelector("[role=status][aria-live=assertive]")?.textContent.includes(text),
		wanted,
		`"${wanted}" is said`,
	);
const alerted = (page, wanted) =>
	when(
		page,
		(text) => {
			const alert = document.querySelector(".room [role=alert]");
			return alert && !alert.hidden && alert.textContent.includes(text);
		},
		wanted,
		`alert "${wanted}"`,
	);
/* To the control of this name with Tab alone. */
async function tabTo(page, name) {
	for (let i = 0; i < 60; i++) {
		const here = await page.evaluate(() => {
			const one = document.activeElement;
			return (one.ariaLabel || one.textContent || "").trim();
		});
		if (here === name) return;
		await page.keyboard.press("Tab");
	}
	throw new Error(`Tab does not lead to "${name}"`);
}

/* A panel on a box that is idle, whatever a test before has left. */
async function openPanel(language, size, more = {}) {
	for (const box of [alice, bob]) await ask(box.socket, "hangup").catch(() => {});
	await bobIs("idle");
	return open(browser, panel.url, { ...SIZES[size], locale: WORDS[language].locale, ...more });
}

for (const language of ["en", "zh"])
	for (const size of ["panel", "phone"]) {
		const w = WORDS[language],
			name = (screen) => `${size}-${language}-${screen}`;
		await tap.test(`every screen has names, roles, contrast, and room: ${language}, ${size}`, async () => {
			const page = await openPanel(language, size);
			await screenIs(page, "idle");
			await until("the state", async () => (await page.locator(".lamp.online").count()) === 1);
			assert.equal(
				await page.evaluate(() => document.documentElement.lang),
				language === "zh" ? "zh-CN" : "en",
			);
			await inspect(page, name("idle"));
			await reach(page);
			await page.keyboard.press("c");
			await screenIs(page, "dial");
			await page.keyboard.type("bob");
			await inspect(page, name("dial"));
			await reach(page);
			await page.keyboard.press("Escape");
			await tabTo(page, w.settings);
			await page.keyboard.press("Enter");
			await screenIs(page, "settings");
			await inspect(page, name("settings"));
			await reach(page);
			await page.keyboard.press("Escape");
			await ask(alice.socket, "call", { userId: "bob", type: 2 });
			await screenIs(page, "calling");
			await inspect(page, name("calling"));
			await ask(bob.socket, "accept");
			await screenIs(page, "incall");
			await until("a picture", () => page.locator('.remote[data-picture="yes"]').count());
			await inspect(page, name("incall"));
			await reach(page);
			await ask(bob.socket, "switchCallType", { type: 1 });
			await until("sound only", async () => !(await page.locator(".inset").isVisible()));
			await ask(bob.socket, "switchCallType", { type: 2 });
			await until("a question", () => page.getByRole("alertdialog", { name: w.asks }).isVisible());
			await inspect(page, name("question"));
			await reach(page);
			await tabTo(page, w.agree);
			await page.keyboard.press("Enter");
			await until("answered", async () => (await page.getByRole("alertdialog").count()) === 0);
			await ask(bob.socket, "hangup");
			await screenIs(page, "idle");
			await inspect(page, name("ended"));
			await ask(bob.socket, "call", {
				userId: "alice",
				type: 2,
				groupId: "g7",
				userIds: ["alice", "carol"],
				isFromGroup: true,
			});
			await screenIs(page, "incoming");
			await until("the group", () => page.getByText(w.group).first().isVisible());
			await until("who else", () => page.getByText(w.others).first().isVisible());
			await spoken(page, w.others);
			await inspect(page, name("incoming"));
			await reach(page);
			await ask(bob.socket, "cancel");
			await screenIs(page, "idle");
			await bobIs("idle");
			assert.deepEqual(page.wrong, []);
			assert.deepEqual(page.faults, []);
			await page.context().close();
		});
	}

for (const language of ["en", "zh"]) {
	const w = WORDS[language];
	await tap.test(`with keys alone, and what is said: ${language}`, async () => {
		const page = await openPanel(language, "panel");
		await screenIs(page, "idle");
		await tabTo(page, w.call);
		await page.keyboard.press("Enter");
		await screenIs(page, "dial");
		await page.keyboard.type("bob");
		await tabTo(page, w.video);
		await page.keyboard.press("Enter");
		await screenIs(page, "calling");
		await spoken(page, w.rings);
		await ask(bob.socket, "accept");
		await screenIs(page, "incall");
		await spoken(page, w.connected);
		await tabTo(page, w.mute);
		await page.keyboard.press("Space");
		await spoken(page, w.muted);
		assert.equal((await ask(alice.socket, "status")).audioMuted, true);
		await tabTo(page, w.unmute);
		await page.keyboard.press("Space");
		await spoken(page, w.connected);
		await tabTo(page, w.hangup);
		await page.keyboard.press("Enter");
		await screenIs(page, "idle");
		await bobIs("idle");
		for (const [answer, screen] of [
			["accept", "incall"],
			["reject", "idle"],
		]) {
			await ask(bob.socket, "call", { userId: "alice", type: 2 });
			await screenIs(page, "incoming");
			await spoken(page, w.incoming);
			await tabTo(page, w[answer]);
			await page.keyboard.press("Enter");
			await screenIs(page, screen);
			if (answer === "accept") await ask(bob.socket, "hangup");
			await screenIs(page, "idle");
			await bobIs("idle");
		}
		await ask(bob.socket, "call", { userId: "alice", type: 1 });
		await screenIs(page, "incoming");
		await ask(bob.socket, "cancel");
		await alerted(page, w.canceled);
		await screenIs(page, "idle");
		await page.keyboard.press("c");
		await page.keyboard.type("bob");
		await page.keyboard.press("Enter");
		await bobIs("called");
		await ask(bob.socket, "reject");
		await alerted(page, w.rejected);
		await screenIs(page, "idle");
		await page.keyboard.press("c");
		await page.keyboard.type("bob");
		await page.keyboard.press("Enter");
		await screenIs(page, "calling");
		await tabTo(page, w.cancel);
		await page.keyboard.press("Space");
		await screenIs(page, "idle");
		await bobIs("idle");
		assert.deepEqual(page.faults, []);
		await page.context().close();
	});
}

await tap.test("what a screen reader is given, as a tree", async () => {
	const page = await openPanel("en", "panel");
	await screenIs(page, "idle");
	await ask(bob.socket, "call", { userId: "alice", type: 2 });
	await screenIs(page, "incoming");
	await spoken(page, "bob");
	const session = await page.context().newCDPSession(page);
	const { nodes } = await session.send("Accessibility.getFullAXTree");
	const tree = nodes
		.filter((node) => !node.ignored)
		.map((node) => `${node.role.value} ${node.name?.value || ""}`.trim());
	for (const line of [
		"main",
		"heading bob",
		"button Accept with sound only",
		"button Reject",
		"button Accept",
		"status",
		"StaticText Incoming video call from bob",
	])
		assert.ok(tree.includes(line), `${line} is not in\n${tree.join("\n")}`);
	await ask(bob.socket, "cancel");
	await screenIs(page, "idle");
	await page.context().close();
});

await tap.test("nothing moves for who wants no motion", async () => {
	const running = (page) => page.evaluate(() => document.getAnimations().length);
	for (const [reducedMotion, moves] of [
		["no-preference", true],
		["reduce", false],
	]) {
		const page = await openPanel("en", "panel", { reducedMotion });
		await screenIs(page, "idle");
		await ask(bob.socket, "call", { userId: "alice", type: 2 });
		await screenIs(page, "incoming");
		assert.equal((await running(page)) > 0, moves, reducedMotion);
		await ask(bob.socket, "cancel");
		await screenIs(page, "idle");
		await bobIs("idle");
		await page.context().close();
	}
});

await browser.close();
await place.close({ keep: tap.failed });
tap.end();
