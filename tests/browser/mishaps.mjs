/* What goes wrong, said in words of the page's language: a hub that is not there or goes away, a wrong token, an account
 * that nobody has, a callee of whom no device is there, a camera that may not be used, a page without https, a box whose
 * account is out. */
import assert from "node:assert/strict";
import { open, shot, start } from "./browser.mjs";
import { callboxPage, take } from "./page.mjs";
import { Place, Tap, ask, until } from "./place.mjs";

const tap = new Tap();
const NAME = "hub.example"; /* this machine under a name for which browsers want https */
const { browser, why } = await start([`--host-resolver-rules=MAP ${NAME} 127.0.0.1`]);
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const base = `http://127.0.0.1:${place.hubPort}/call/`;
const tokens = Object.fromEntries(["carol", "dave"].map((user) => [user, place.addUser(user)]));
const WORDS = {
	en: {
		locale: "en-GB",
		login: "Log in",
		call: "Call",
		wrong: "The token of carol is wrong",
		nobody: "There is no such account: mallory",
		gone: "The hub does not answer",
		away: "Not connected",
		nowhere: "dave was not reached: it rang nowhere",
		camera: "Camera: this page may not use it",
		secure: "Camera and microphone need https",
		own: "bob: Login refused – The token of bob is wrong",
	},
	zh: {
		locale: "zh-CN",
		login: "登录",
		call: "呼叫",
		wrong: "carol 的令牌错误",
		nobody: "没有这个账号：mallory",
		gone: "服务器无响应",
		away: "未连接",
		nowhere: "无法接通 dave：没有设备响铃",
		camera: "摄像头：浏览器未授权",
		secure: "摄像头和麦克风需要 https",
		own: "bob：登录被拒绝，bob 的令牌错误",
	},
};

const says = (page, words) => until(`"${words}"`, () => page.getByText(words).first().isVisible());
const idle = (page, w) => until("idle", () => page.getByRole("button", { name: w.call, exact: true }).isVisible());

async function logIn(page, account, token) {
	await page.fill("#account", account);
	await page.fill("#token", token);
	await page.keyboard.press("Enter");
}

async function dial(page, user) {
	await page.keyboard.press("c");
	await page.fill("#user", user);
	await page.keyboard.press("Enter");
}

async function hubAgain() {
	place.hub = place.spawn(`${place.dir}/hub`, `${place.dir}/hub-again.log`, "callbox-hub", "-f", place.hubConf, "-v");
	await place.port(place.hub);
}

for (const [language, w] of Object.entries(WORDS)) {
	await tap.test(`guest: a wrong token, an account that nobody has: ${language}`, async () => {
		const page = await open(browser, base, { locale: w.locale });
		await logIn(page, "carol", "not this");
		await says(page, w.wrong);
		await shot(page, `mishap-${language}-token`);
		await logIn(page, "mallory", "x");
		await says(page, w.nobody);
		await logIn(page, "carol", tokens.carol);
		await idle(page, w);
		await dial(page, "mallory");
		await says(page, w.nobody);
		await idle(page, w);
		await page.context().close();
	});

	await tap.test(`guest: a callee of whom no device is there: ${language}`, async () => {
		const page = await open(browser, base, { locale: w.locale });
		await logIn(page, "carol", tokens.carol);
		await idle(page, w);
		await page.evaluate(() => window.rtc.setCallTimeout(1500));
		await dial(page, "dave");
		await says(page, w.nowhere);
		await idle(page, w);
		await shot(page, `mishap-${language}-nowhere`);
		await page.context().close();
	});

	await tap.test(`guest: camera and microphone refused, and the call goes on: ${language}`, async () => {
		const other = await start(["--use-fake-device-for-media-stream", "--deny-permission-prompts"], { devices: false });
		const callee = await callboxPage(browser, {
			base,
			options: { way: "peer", url: place.hubUrl, account: "dave", token: tokens.dave },
		});
		const page = await open(other.browser, base, { locale: w.locale, permissions: [] });
		await logIn(page, "carol", tokens.carol);
		await idle(page, w);
		await dial(page, "dave");
		await says(page, w.camera);
		await shot(page, `mishap-${language}-camera`);
		await take(callee, "onInvited");
		await callee.evaluate(() => window.rtc.accept());
		await take(callee, "onUserEnter");
		await until("the other side's picture", () =>
			page.evaluate(() => document.querySelector(".remote video")?.videoWidth > 2),
		);
		await callee.evaluate(() => window.rtc.hangup());
		await idle(page, w);
		await callee.context().close();
		await other.browser.close();
	});

	await tap.test(`guest: a page without https says so, and still calls: ${language}`, async () => {
		const page = await open(browser, `http://${NAME}:${place.hubPort}/call/`, {
			locale: w.locale,
			permissions: [],
		});
		if (await page.evaluate(() => window.isSecureContext)) return "this browser takes the page for a secure one";
		await says(page, w.secure);
		await logIn(page, "carol", tokens.carol);
		await idle(page, w);
		await dial(page, "dave");
		await says(page, w.secure);
		await page.context().close();
		return undefined;
	});
}

await tap.test("guest: the hub goes away and comes back; meanwhile it is said, and a call is refused in words", async () => {
	const pages = {};
	for (const [language, w] of Object.entries(WORDS)) {
		pages[language] = await open(browser, base, { locale: w.locale });
		await logIn(pages[language], "carol", tokens.carol);
		await idle(pages[language], w);
		pages[`${language} form`] = await open(browser, base, { locale: w.locale });
	}
	await place.stop(place.hub);
	for (const [language, w] of Object.entries(WORDS)) {
		await says(pages[language], w.gone);
		await says(pages[language], w.away);
		await shot(pages[language], `mishap-${language}-hub-gone`);
		await dial(pages[language], "dave");
		await until("refused", async () => {
			const toast = pages[language].locator(".toast.bad");
			return (await toast.isVisible()) && (await toast.textContent()).includes(w.gone);
		});
		await idle(pages[language], w);
		await logIn(pages[`${language} form`], "carol", tokens.carol);
		await says(pages[`${language} form`], w.gone);
		await until("another try", () =>
			pages[`${language} form`].getByRole("button", { name: w.login, exact: true }).isEnabled(),
		);
	}
	/* The same address again: pages know no other. */
	const { hubConf, hubPort } = place;
	const { readFileSync, writeFileSync } = await import("node:fs");
	writeFileSync(hubConf, readFileSync(hubConf, "utf8").replace(":0\n", `:${hubPort}\n`));
	await hubAgain();
	for (const [language, w] of Object.entries(WORDS)) {
		await until("it is online again", () => pages[language].locator(".lamp.online").isVisible());
		await until("no such words any more", async () => !(await pages[language].locator(".hero").getByText(w.gone).isVisible()));
		await pages[`${language} form`].getByRole("button", { name: w.login, exact: true }).click();
		await idle(pages[`${language} form`], w);
	}
	for (const page of Object.values(pages)) await page.context().close();
});

await tap.test("panel: an account that is refused, with the reason", async () => {
	const dir = `${place.dir}/room-b`;
	const bob = await place.box("bob", "room-b");
	await place.stop(bob.child);
	const { writeFileSync } = await import("node:fs");
	writeFileSync(`${dir}/conf/accounts/a.secret`, "not this", { mode: 0o600 });
	bob.child = place.spawn(dir, bob.log, "callboxd");
	await until("refused", async () => {
		const state = await ask(bob.socket, "status").catch(() => null);
		return state && state.accounts[0].state === "refused";
	});
	const panel = await place.panel(bob);
	for (const [language, w] of Object.entries(WORDS)) {
		const page = await open(browser, panel.url, { locale: w.locale });
		await says(page, w.own);
		await shot(page, `mishap-${language}-account`);
		await page.context().close();
	}
});

await tap.test("panel: the box's hub is gone: said, a call is refused in words, and it comes back", async () => {
	const box = await place.box("erin", "room-e");
	const panel = await place.panel(box);
	const pages = [];
	for (const [language, w] of Object.entries(WORDS)) {
		const page = await open(browser, panel.url, { locale: w.locale });
		await idle(page, w);
		pages.push({ language, w, page });
	}
	await place.stop(place.hub);
	for (const { language, w, page } of pages) {
		await until("the note", () => page.locator(".hero").getByText(w.gone).isVisible());
		await shot(page, `mishap-${language}-box-hub-gone`);
		await dial(page, "dave");
		await until("refused", async () => (await page.locator(".toast.bad").textContent()).includes(w.gone));
	}
	await hubAgain();
	for (const { w, page } of pages) {
		await until("it is online again", () => page.locator(".lamp.online").isVisible());
		await until("no note", async () => !(await page.locator(".hero").getByText(w.gone).isVisible()));
		assert.deepEqual(page.faults, []);
		await page.context().close();
	}
});

await browser.close();
await place.close({ keep: tap.failed });
tap.end();
