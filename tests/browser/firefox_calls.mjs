/* A box and Firefox call each other, each as the one that offers and as the one that answers: Firefox reads the test
 * camera's numbers from its video element, the box decodes Firefox's picture and sound, in VP8 and Opus. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shot } from "./browser.mjs";
import { start } from "./firefox.mjs";
import { callboxPage, forget, status, take } from "./page.mjs";
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

await tap.test("mute and camera of each are seen by the other", async () => {
	await forget(page);
	await ask(box.socket, "muteLocalVideo", { on: true });
	assert.equal((await take(page, "onVideoMuted")).payload.muted, true);
	let last = -1;
	await until("no more pictures", async () => {
		const before = last;
		last = (await sides.stream("video")).framesDecoded;
		await new Promise((resolve) => setTimeout(resolve, 500));
		return last === before;
	});
	await ask(box.socket, "muteLocalVideo", { on: false });
	await sides.browserSees();
	await page.evaluate(() => window.rtc.muteLocalVideo(true));
	await until("the box knows", async () => (await ask(box.socket, "status")).call.peerVideoMuted);
	await page.evaluate(() => window.rtc.muteLocalVideo(false));
	await sides.boxSees();
});

await tap.test("sound only, and picture again", async () => {
	await forget(page);
	await ask(box.socket, "switchCallType", { type: 1, state: 1 });
	assert.equal((await take(page, "onCallTypeChange")).payload.type, 1);
	await sides.hear();
	await ask(box.socket, "switchCallType", { type: 2, state: 1 });
	assert.equal((await take(page, "onCallTypeChange")).payload.state, 1);
	await page.evaluate(() => window.rtc.switchCallType(2, 2));
	await sides.browserSees();
	await sides.boxSees();
});

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
