/* A box and Firefox call each other, each as the one that offers and as the one that answers: Firefox reads the test
 * camera's numbers from its video element, the box decodes Firefox's picture and sound, in VP8 and Opus. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { open, shot, when } from "./browser.mjs";
import { start } from "./firefox.mjs";
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
console.log(`# ${browser.version}`);
const place = new Place();
await place.hubStart();
const box = await place.box("room", "room-a");
const page = await callboxPage(browser, {
	base: `http://127.0.0.1:${place.hubPort}/call/`,
	options: { way: "peer", url: place.hubUrl, account: "guest", token: place.addUser("guest") },
});
await page.evaluate(() => {
	window.rtc.setupRemoteView("room", document.getElementById("your container"));
	window.rtc.setupLocalView(window.view);
});
const sides = new Sides(page, box);

function check({ inbound, outbound, audio, video, media }) {
	assert.equal(inbound.codec, "video/VP8");
	assert.equal(outbound.codec, "video/VP8");
	assert.equal(audio.codec, "audio/opus");
	assert.deepEqual([media.video.codec, media.video.remote_codec], ["VP8", "VP8"]);
	assert.equal(video.encoder, "libvpx");
	assert.equal(media.video.malformed_units, 0);
	assert.equal(media.packets_refused, 0);
	assert.ok(outbound.framesEncoded > 10);
}

await tap.test("Firefox calls and offers, the box answers: picture and sound both ways", async () => {
	await page.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
	await sides.boxIs("ringing");
	await ask(box.socket, "accept");
	await take(page, "onUserEnter");
	await sides.boxIs("active");
	check(await sides.look());
	await shot(page, "firefox");
	await ask(box.socket, "snapshot", {
		which: "remote",
		file: join(process.env.CALLBOX_BUILD, "browser/firefox-at-the-box.png"),
	});
});

await tap.test("mute and camera of each are seen by the other", () => sides.mutes());

await tap.test("sound only, and picture again", () => sides.soundOnlyAndBack());

await tap.test("the box hangs up", async () => {
	await ask(box.socket, "hangup");
	assert.equal((await take(page, "onCallEnd")).payload.reasonCode, 16);
	await sides.boxIs("idle");
});

await tap.test("the box calls and offers, Firefox answers: picture and sound both ways", async () => {
	await forget(page);
	await ask(box.socket, "call", { userId: "guest", type: 2 });
	await take(page, "onInvited");
	await page.evaluate(() => window.rtc.accept());
	await take(page, "onUserEnter");
	await sides.boxIs("active");
	check(await sides.look());
	await page.evaluate(() => window.rtc.hangup());
	await status(page, "idle");
	await sides.boxIs("idle");
});

/* A person's hand: something visible, found by its words, is pressed. */
async function press(where, words) {
	await when(
		where,
		(wanted) => {
			const one = [...document.querySelectorAll("button")].find(
				(button) =>
					[
						button.textContent.trim(),
						button.getAttribute("aria-label"),
					].includes(wanted) && button.checkVisibility(),
			);
			if (one) one.click();
			return Boolean(one);
		},
		words,
		`button ${words}`,
	);
}

await tap.test("the guest's page: log in, call the room, see it, hang up", async () => {
	const guest = await open(browser, `http://127.0.0.1:${place.hubPort}/call/`);
	await when(guest, () => Boolean(document.querySelector("#token")), null, "the form");
	await guest.evaluate((token) => {
		document.querySelector("#account").value = "carol";
		document.querySelector("#token").value = token;
	}, place.addUser("carol"));
	await press(guest, "Log in");
	await press(guest, "Call");
	await when(guest, () => Boolean(document.querySelector("#user")), null, "the number");
	await guest.evaluate(() => {
		const user = document.querySelector("#user");
		user.value = "room";
		user.dispatchEvent(new Event("input", { bubbles: true }));
	});
	await press(guest, "Video call");
	await sides.boxIs("ringing");
	await ask(box.socket, "accept");
	await sides.boxIs("active");
	await until("the test camera's number", () =>
		guest.evaluate(readPattern, ".remote video").then(({ number }) => number),
	);
	await shot(guest, "firefox-guest");
	await press(guest, "Hang up");
	await sides.boxIs("idle");
	assert.deepEqual(guest.faults, []);
	await guest.context().close();
});

await tap.test("the panel's page drives the box: its pictures, accept and hang-up", async () => {
	const panel = await place.panel(box);
	const touch = await open(browser, panel.url);
	await forget(page);
	await page.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
	await press(touch, "Accept");
	await take(page, "onUserEnter");
	await until("the room's own number on the panel", () =>
		touch.evaluate(readPattern, ".inset canvas").then(({ number }) => number),
	);
	await when(
		touch,
		() => document.querySelector(".remote").dataset.picture === "yes",
		null,
		"the other side's picture on the panel",
	);
	await sides.browserSees();
	await shot(touch, "firefox-panel");
	await press(touch, "Hang up");
	await sides.boxIs("idle");
	assert.deepEqual(touch.faults, []);
	await touch.context().close();
});

await tap.test("the page's mistakes: none", async () => {
	assert.deepEqual(page.faults, []);
});

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
