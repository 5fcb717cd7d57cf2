/* A box and a browser call each other, each as the one that offers and as the one that answers: the browser decodes the
 * test camera's numbers, the box decodes the browser's picture; mute, sound only, hang-up from either side. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "./browser.mjs";
import { callboxPage, forget, status, take } from "./page.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, until } from "./place.mjs";
import { Sides } from "./sides.mjs";

const tap = new Tap();
const { browser, why } = await start();
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const box = await place.box("room", "room-a");
const token = place.addUser("guest");
const page = await callboxPage(browser, {
	base: `http://127.0.0.1:${place.hubPort}/call/`,
	options: { way: "peer", url: place.hubUrl, account: "guest", token },
});
await page.evaluate(() => window.rtc.setupRemoteView("room", document.getElementById("your container")));
await page.evaluate(() => window.rtc.setupLocalView(window.view));
const sides = new Sides(page, box);
const boxIs = (wanted) => sides.boxIs(wanted);

await tap.test("the browser calls and offers, the box answers: picture and sound both ways", async () => {
	await page.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
	await boxIs("ringing");
	await ask(box.socket, "accept");
	await take(page, "onUserEnter");
	await boxIs("active");
	await sides.look();
});

await tap.test("mute and camera of each are seen by the other", () => sides.mutes());

await tap.test("sound only, and picture again", () => sides.soundOnlyAndBack());

await tap.test("the box hangs up", async () => {
	await ask(box.socket, "hangup");
	assert.equal((await take(page, "onCallEnd")).payload.reasonCode, 16);
	await boxIs("idle");
	const { records } = await ask(box.socket, "getCallRecords");
	assert.equal(records[0].status, 1);
});

await tap.test("the box calls and offers, the browser answers: picture and sound both ways", async () => {
	await forget(page);
	await ask(box.socket, "call", { userId: "guest", type: 2 });
	await take(page, "onInvited");
	await page.evaluate(() => window.rtc.accept());
	await take(page, "onUserEnter");
	await boxIs("active");
	await sides.look();
	await page.evaluate(() => window.rtc.hangup());
	await status(page, "idle");
	await boxIs("idle");
});

await tap.test("a call that begins as sound only, both ways", async () => {
	for (const caller of ["box", "browser"]) {
		await forget(page);
		if (caller === "box") {
			await ask(box.socket, "call", { userId: "guest", type: 1 });
			await take(page, "onInvited");
			await page.evaluate(() => window.rtc.accept());
		} else {
			await page.evaluate(() => window.rtc.call({ userId: "room", type: 1 }));
			await boxIs("ringing");
			await ask(box.socket, "accept");
		}
		await boxIs("active");
		await sides.hear();
		await page.evaluate(() => window.rtc.hangup());
		await boxIs("idle");
	}
	assert.deepEqual(page.faults, []);
});

await tap.test(
	"two browsers and a box are three devices of two accounts: ring-all, elsewhere, busy",
	async () => {
		const second = await callboxPage(browser, {
			base: `http://127.0.0.1:${place.hubPort}/call/`,
			options: { way: "peer", url: place.hubUrl, account: "room", token: box.token },
		});
		const third = await callboxPage(browser, {
			base: `http://127.0.0.1:${place.hubPort}/call/`,
			options: {
				way: "peer",
				url: place.hubUrl,
				account: "third",
				token: place.addUser("third"),
			},
		});
		await forget(page);
		for (const winner of ["box", "browser"]) {
			await page.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
			await Promise.all([boxIs("ringing"), take(second, "onInvited")]);
			if (winner === "box") {
				await ask(box.socket, "accept");
				await take(second, "onOtherClientAccept");
				assert.equal((await take(second, "onCallEnd")).payload.reasonCode, 18);
				await boxIs("active");
				await sides.browserSees();
				/* The box is in a call: the account's other device rings alone. */
				await third.evaluate(() => window.rtc.call({ userId: "room", type: 1 }));
				await take(second, "onInvited");
				await second.evaluate(() => window.rtc.reject());
				await take(third, "onUserReject");
				await forget(second);
				await boxIs("active");
				await second.evaluate(() => window.rtc.setDnd(true));
				await third.evaluate(() => window.rtc.call({ userId: "room", type: 1 }));
				await take(third, "onUserBusy");
				await second.evaluate(() => window.rtc.setDnd(false));
			} else {
				await second.evaluate(() => window.rtc.accept());
				await boxIs("idle");
				await take(page, "onUserEnter");
			}
			await page.evaluate(() => window.rtc.hangup());
			await Promise.all([boxIs("idle"), status(second, "idle"), status(page, "idle")]);
			await forget(page);
			await forget(second);
		}
		await second.context().close();
		await third.context().close();
	},
);

await tap.test(
	"a browser without camera and microphone sees and hears the room; its addresses are mDNS names",
	async () => {
		const { browser: poor } = await start([], { devices: false });
		const guest = await callboxPage(poor, {
			base: `http://127.0.0.1:${place.hubPort}/call/`,
			options: {
				way: "peer",
				url: place.hubUrl,
				account: "poor",
				token: place.addUser("poor"),
			},
			more: { permissions: [] },
		});
		await guest.evaluate(() => {
			window.sent = [];
			const send = WebSocket.prototype.send;
			WebSocket.prototype.send = function (text) {
				if (String(text).includes('"kind":"candidates"'))
					window.sent.push(
						...JSON.parse(text).env.body.candidates.map(
							(one) => one.candidate,
						),
					);
				return send.call(this, text);
			};
			window.rtc.setupRemoteView("", document.getElementById("your container"));
			window.rtc.call({ userId: "room", type: 2 });
		});
		await boxIs("ringing");
		await ask(box.socket, "accept");
		await take(guest, "onUserEnter");
		const seen = await until("a picture", async () => {
			const one = await guest.evaluate(readPattern, "#your\\ container video");
			return one.number ? one : null;
		});
		const sent = await guest.evaluate(() => window.sent);
		console.log(
			`# #${seen.number} at ${seen.width}x${seen.height}; candidates: ${sent.map((c) => c.split(" ")[4]).join(" ")}`,
		);
		assert.ok(
			sent.some((candidate) => candidate.includes(".local ")),
			"no mDNS name was offered",
		);
		await guest.evaluate(() => window.rtc.hangup());
		await boxIs("idle");
		assert.deepEqual(guest.faults, []);
		await poor.close();
	},
);

if (tap.failed)
	console.log(
		readFileSync(box.log, "utf8")
			.split("\n")
			.slice(-40)
			.map((line) => `# ${line}`)
			.join("\n"),
	);
await browser.close();
await place.close({ keep: tap.failed });
tap.end();
