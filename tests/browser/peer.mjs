/* The peer way: browsers are devices of accounts on a hub. Every fragment of one-to-one.md between two of them, with
 * sound and picture that arrive; then what several devices of one account need; then the guest page. */
import assert from "node:assert/strict";
import { open, shot, start, when } from "./browser.mjs";
import { fragments, run } from "./fragments.mjs";
import { callboxPage, count, forget, state, status, take } from "./page.mjs";
import { Place, Tap, sleep, until } from "./place.mjs";

const tap = new Tap();
const { browser, why } = await start();
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const base = `http://127.0.0.1:${place.hubPort}/call/`;
const tokens = Object.fromEntries(["alice", "bob", "carol"].map((user) => [user, place.addUser(user)]));
const pieces = fragments();
const clean = (page) => assert.deepEqual(page.faults, []);
const device = (account, script = "module") =>
	callboxPage(browser, {
		base,
		script,
		options: {
			way: "peer",
			url: place.hubUrl,
			account,
			token: tokens[account],
			policy: { ringsAMinute: 0, invitesAMinute: 0 },
		},
	});

/* Pictures that were decoded, and bytes of sound that came. */
function received(page) {
	return page.evaluate(async () => {
		const all = Object.values(await window.rtc.getStats()).filter(
			(report) => report.type === "inbound-rtp",
		);
		const of = (kind) => all.find((report) => report.kind === kind) || {};
		return {
			frames: of("video").framesDecoded || 0,
			width: of("video").frameWidth || 0,
			sound: of("audio").bytesReceived || 0,
			level: of("audio").totalAudioEnergy || 0,
		};
	});
}

async function mediaFlows(page, video = true) {
	const first = await received(page);
	return until("media flows", async () => {
		const now = await received(page);
		return now.sound > first.sound + 500 && (!video || now.frames > first.frames + 5) ? now : null;
	});
}

/* The browsers' test picture is green with something that moves: not black, and not always the same. */
function picture(page, selector) {
	return page.evaluate((wanted) => {
		const video = document.querySelector(wanted);
		if (!video || !video.videoWidth) return null;
		const canvas = new OffscreenCanvas(64, 36),
			context = canvas.getContext("2d");
		context.drawImage(video, 0, 0, 64, 36);
		const { data } = context.getImageData(0, 0, 64, 36);
		let green = 0,
			sum = 0;
		for (let i = 0; i < data.length; i += 4) {
			green += data[i + 1] - (data[i] + data[i + 2]) / 2;
			sum = (sum * 31 + data[i] + data[i + 1] + data[i + 2]) % 1000000007;
		}
		return { green: green / (data.length / 4), sum };
	}, selector);
}

async function sees(page, selector) {
	const first = await until(`a green picture in ${selector}`, async () => {
		const seen = await picture(page, selector);
		return seen && seen.green > 30 ? seen : null;
	});
	await until(`${selector} moves`, async () => (await picture(page, selector)).sum !== first.sum);
}

let alice, bob;
await tap.test("two browsers log in, one with the plain script", async () => {
	alice = await device("alice");
	bob = await device("bob", "script");
	assert.equal((await alice.evaluate(() => window.rtc.getStatus())).accounts[0].state, "online");
});

await tap.test("peer: call, and the callee rejects", async () => {
	await alice.evaluate(() => (window.params = { userId: "bob", type: 2, attachment: { room: 7 } }));
	await run(bob, pieces.invited[0]);
	await run(alice, pieces.call[0]);
	const { first } = await take(bob, "onInvited");
	assert.deepEqual(
		[first.invitor, first.userIds, first.isFromGroup, first.groupId, first.attachment, first.type],
		["alice", ["bob"], false, "", { room: 7 }, 2],
	);
	await run(bob, pieces.reject[0]);
	assert.equal((await take(alice, "onUserReject")).first, "bob");
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 14);
	assert.equal((await take(bob, "onCallEnd")).payload.reasonCode, 13);
});

await tap.test("peer: cancel is a missed call", async () => {
	await run(alice, pieces.call[0]);
	await take(bob, "onInvited");
	await run(alice, pieces.cancel[0]);
	assert.equal((await take(bob, "onUserCancel")).first, "alice");
	await take(bob, "onCallMissed");
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 11);
});

await tap.test("peer: views, accept, sound and picture both ways, hang up", async () => {
	for (const page of [alice, bob]) await run(page, pieces["remote view"][0]);
	await run(alice, pieces.views[0]);
	await take(bob, "onInvited");
	await run(bob, pieces.views[1]);
	assert.equal((await take(alice, "onUserEnter")).first, "bob");
	assert.equal((await take(bob, "onUserEnter")).first, "alice");
	await sees(alice, "#view video");
	await sees(alice, "#remoteVideoContainer_bob video");
	await sees(bob, "#remoteVideoContainer_alice video");
	const [a, b] = await Promise.all([mediaFlows(alice), mediaFlows(bob)]);
	assert.ok(a.level > 0 && b.level > 0, "sound is more than silence");
	console.log(
		`# alice decoded ${a.frames} frames ${a.width} wide, bob ${b.frames} frames ${b.width} wide`,
	);
	await take(alice, "onUserNetworkQuality");
	assert.deepEqual([await count(alice, "onError"), await count(bob, "onError")], [0, 0]);
});

await tap.test("peer: mute, camera and a switch to sound are seen by the other side", async () => {
	await forget(bob);
	await alice.evaluate(() => window.rtc.muteLocalAudio(true));
	assert.deepEqual([(await take(bob, "onAudioMuted")).payload.muted], [true]);
	const silent = await until("silence", async () => {
		const one = (await received(bob)).level;
		await new Promise((resolve) => setTimeout(resolve, 400));
		return (await received(bob)).level - one < 1e-6;
	});
	assert.ok(silent);
	await alice.evaluate(() => window.rtc.muteLocalAudio(false));
	assert.equal((await take(bob, "onAudioMuted")).payload.muted, false);
	await alice.evaluate(() => window.rtc.muteLocalVideo(true));
	const video = await take(bob, "onVideoMuted");
	assert.deepEqual([video.first, video.payload.muted], ["alice", true]);
	await until("no more pictures", async () => {
		const { frames } = await received(bob);
		await new Promise((resolve) => setTimeout(resolve, 500));
		return (await received(bob)).frames === frames;
	});
	await alice.evaluate(() => window.rtc.muteLocalVideo(false));
	await mediaFlows(bob);
	await bob.evaluate(() => window.rtc.switchCallType(1));
	assert.equal((await take(alice, "onCallTypeChange")).payload.type, 1);
	await mediaFlows(bob, false);
	await bob.evaluate(() => window.rtc.switchCallType(2));
	assert.deepEqual((await take(alice, "onCallTypeChange")).payload.state, 1);
	await alice.evaluate(() => window.rtc.switchCallType(2, 2));
	assert.deepEqual((await take(bob, "onCallTypeChange")).payload.type, 1);
	assert.deepEqual((await take(bob, "onCallTypeChange")).payload.state, 2);
	await mediaFlows(bob);
	await run(alice, pieces.hangup[0]);
	assert.equal((await take(bob, "onUserLeave")).first, "alice");
	assert.equal((await take(bob, "onCallEnd")).payload.reasonCode, 16);
	const open_ = (page) =>
		page.evaluate(() => [...document.querySelectorAll("video")].filter((v) => v.srcObject).length);
	await until("devices are closed", async () => (await open_(alice)) === 0 && (await open_(bob)) === 0);
	const [record] = await alice.evaluate(() => window.rtc.getCallRecords());
	assert.deepEqual(
		[record.peer, record.direction, record.status, record.durations.length],
		["bob", "out", 1, 2],
	);
	await take(alice, "onMessageSent");
});

await tap.test("peer: a call that nobody answers times out, once on each side", async () => {
	await forget(alice);
	await forget(bob);
	await alice.evaluate(() => (window.t = 1500));
	await run(alice, pieces.timeout[0]);
	await run(alice, pieces.call[0]);
	assert.equal((await take(alice, "onCallingTimeout")).payload.reason, "callTimeOut");
	assert.equal((await take(bob, "onCallingTimeout")).payload.reason, "beCallTimeOut");
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 2);
	assert.equal(await count(alice, "onCallingTimeout"), 0);
	assert.equal(await count(bob, "onCallingTimeout"), 0);
	assert.match(
		await alice.evaluate(() => window.rtc.setCallTimeout(999).catch((e) => e.message)),
		/1000\.\.120000/,
	);
	await alice.evaluate(() => window.rtc.setCallTimeout(30000));
});

await tap.test("peer: a time-out that is set while it rings is the next call's, on either side", async () => {
	for (const [caller, callee] of [
		[alice, bob],
		[bob, alice],
	]) {
		const user = callee === bob ? "bob" : "alice";
		for (const page of [alice, bob]) await forget(page);
		await caller.evaluate((userId) => window.rtc.call({ userId, type: 1 }), user);
		await take(callee, "onInvited");
		await bob.evaluate(() => window.rtc.setCallTimeout(1000));
		await sleep(2500);
		assert.deepEqual([await count(alice, "onCallingTimeout"), await count(bob, "onCallingTimeout")], [0, 0]);
		await run(callee, pieces.reject[0]);
		for (const page of [alice, bob]) await status(page, "idle");
		for (const page of [alice, bob]) await forget(page);
		await caller.evaluate((userId) => window.rtc.call({ userId, type: 1 }), user);
		const reason = callee === bob ? "beCallTimeOut" : "callTimeOut";
		assert.equal((await take(bob, "onCallingTimeout")).payload.reason, reason);
		await caller.evaluate(() => window.rtc.hangup().catch(() => {})); /* whose own limit may be longer */
		for (const page of [alice, bob]) await status(page, "idle");
		await bob.evaluate(() => window.rtc.setCallTimeout(30000));
	}
	for (const page of [alice, bob]) await forget(page);
});

await tap.test("peer: a video invite is answered with sound only; a wish for picture may be refused", async () => {
	await alice.evaluate(() => window.rtc.call({ userId: "bob", type: 2 }));
	await take(bob, "onInvited");
	await bob.evaluate(() => window.rtc.accept({ type: 1 }));
	await take(alice, "onUserEnter");
	await take(bob, "onUserEnter");
	await mediaFlows(alice, false);
	const types = () => Promise.all([alice, bob].map((page) => page.evaluate(() => window.rtc.state.call.type)));
	assert.deepEqual(await types(), [1, 1]);
	await alice.evaluate(() => window.rtc.switchCallType(2));
	await until("bob is asked", async () => (await take(bob, "onCallTypeChange")).payload.state === 1);
	await bob.evaluate(() => window.rtc.switchCallType(2, 3));
	await until("alice learns", async () => (await take(alice, "onCallTypeChange")).payload.state === 3);
	assert.deepEqual(await types(), [1, 1]);
	await run(bob, pieces.hangup[0]);
	await status(alice, "idle");
	for (const page of [alice, bob]) await forget(page);
});

await tap.test("peer: it rings there until it is answered; silence and mute end with the call", async () => {
	const switches = () =>
		alice.evaluate(() => window.rtc.getStatus().then((s) => [s.peerSilenced, s.audioMuted, s.audioEnabled]));
	await alice.evaluate(() => window.rtc.call({ userId: "bob", type: 2 }));
	await take(bob, "onInvited");
	assert.equal((await take(alice, "onRing")).payload.on, true);
	await bob.evaluate(() => window.rtc.accept({ type: 1 }));
	assert.equal((await take(alice, "onRing")).payload.on, false);
	await take(alice, "onUserEnter");
	const names = await alice.evaluate(() => window.events.map(({ name }) => name));
	assert.ok(names.indexOf("onUserAccept") < names.indexOf("onCallTypeChange"), names.join());
	assert.match(
		await alice.evaluate(() => window.rtc.setAudioMute(true, "carol").catch((e) => e.message)),
		/carol is not in this call/,
	);
	await alice.evaluate(async () => {
		await window.rtc.setAudioMute(true, "bob");
		await window.rtc.muteLocalAudio(true);
		await window.rtc.enableLocalAudio(false);
		await window.rtc.setCallProfile({ resolution: "640x480", quality: "low" });
	});
	assert.deepEqual(await switches(), [true, true, false]);
	const before = Date.now();
	await run(alice, pieces.hangup[0]);
	for (const page of [alice, bob]) await status(page, "idle");
	assert.deepEqual(await switches(), [false, false, true]);
	const numbers = await alice.evaluate(() => window.events.map(({ payload }) => payload.sequence));
	assert.ok(numbers.every((n, i) => Number.isInteger(n) && (i === 0 || n > numbers[i - 1])), numbers.join());
	const found = (filter) => alice.evaluate((f) => window.rtc.getCallRecords(f).then((all) => all.length), filter);
	assert.deepEqual([await found({ until: 1 }), await found({ since: before + 1 })], [0, 0]);
	assert.ok((await found({ since: 1, until: before, limit: 0 })) > 1);
	const words = await alice.evaluate(() =>
		Promise.all(
			[
				window.rtc.setAudioMute(true),
				window.rtc.enableLocalVideo(false),
				window.rtc.setCallProfile({ quality: "best" }),
				window.rtc.setCallProfile({ frameRate: 100 }),
				window.rtc.hangup({ callId: "0".repeat(32) }),
			].map((verb) => verb.catch((error) => error.message)),
		),
	);
	for (const [index, wanted] of [/wrong state: idle/, /a preview/, /medium/, /1\.\.60/, /no such call/].entries())
		assert.match(words[index], wanted);
	for (const page of [alice, bob]) await forget(page);
});

await tap.test("peer: logged out, in again, and as somebody else", async () => {
	const page = await device("bob");
	const line = () => page.evaluate(() => window.rtc.getStatus().then((s) => s.accounts[0]));
	const login = (params) =>
		page.evaluate(async (what) => {
			await window.rtc.login(what);
			return window.rtc.ready.then(
				() => "",
				(error) => error.message,
			);
		}, params);
	await page.evaluate(() => window.rtc.logout());
	assert.deepEqual([(await line()).state, (await line()).message], ["offline", "logged out"]);
	assert.match(
		await page.evaluate(() => window.rtc.call({ userId: "alice" }).catch((e) => e.message)),
		/logged out/,
	);
	assert.equal(await login({}), "");
	assert.match(await login({ account: "carol", token: "wrong" }), /wrong token/);
	assert.equal(await login({ account: "carol", token: tokens.carol }), "");
	assert.deepEqual([(await line()).account, (await line()).state], ["carol", "online"]);
	await alice.evaluate(() => window.rtc.call({ userId: "carol", type: 1 }));
	await take(page, "onInvited");
	await page.evaluate(() => window.rtc.accept());
	await take(alice, "onUserEnter");
	await page.evaluate(() => window.rtc.logout());
	assert.equal((await take(page, "onCallEnd")).payload.reasonCode, 15);
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 16);
	clean(page);
	await page.context().close();
	for (const one of [alice, bob]) await forget(one);
});

await tap.test("peer: what is wrong is said in words", async () => {
	const words = (code) => alice.evaluate(code);
	assert.match(await words(() => window.rtc.accept().catch((e) => e.message)), /wrong state: idle/);
	assert.match(
		await words(() => window.rtc.call({ userId: "alice" }).catch((e) => e.message)),
		/own account/,
	);
	assert.match(
		await words(() => window.rtc.call({ userId: "bob", type: 9 }).catch((e) => e.message)),
		/1\.\.3/,
	);
	await words(() => window.rtc.call({ userId: "nobody" }));
	assert.match((await take(alice, "onError")).payload.message, /no such account/);
	await status(alice, "idle");
	const bad = await open(browser, `${base}room.css`);
	const said = await bad.evaluate(
		async ([url, from]) => {
			const { Callbox } = await import(`${from}callbox.js`);
			return new Callbox({ way: "peer", url, account: "alice", token: "wrong" }).ready.catch(
				(e) => e.message,
			);
		},
		[place.hubUrl, base],
	);
	assert.match(said, /wrong token/);
	await bad.context().close();
});

await tap.test(
	"peer: it rings on all devices; one answers, the other learns; a third caller finds busy",
	async () => {
		const bob2 = await device("bob"),
			carol = await device("carol");
		await forget(alice);
		await forget(bob);
		await run(alice, pieces.call[0]);
		await Promise.all([take(bob, "onInvited"), take(bob2, "onInvited")]);
		await run(bob2, pieces.accept[0]);
		await take(bob, "onOtherClientAccept");
		assert.equal((await take(bob, "onCallEnd")).payload.reasonCode, 18);
		await take(alice, "onUserEnter");
		await state(bob2, "active");
		await status(bob, "idle");
		await mediaFlows(alice);
		await bob.evaluate(() => window.rtc.setDnd(true));
		await carol.evaluate(() => window.rtc.call({ userId: "bob", type: 1 }));
		assert.equal((await take(carol, "onUserBusy")).first, "bob");
		const busy = (await take(carol, "onCallEnd")).payload;
		assert.equal(busy.reasonCode, 3);
		assert.equal((await take(carol, "onMessageSent")).payload.callId, busy.callId);
		assert.equal((await carol.evaluate(() => window.rtc.getCallRecords()))[0].status, 5);
		await state(bob2, "active");
		await bob.evaluate(() => window.rtc.setDnd(false));
		await run(bob2, pieces.hangup[0]);
		await take(alice, "onCallEnd");
		await forget(bob);
		await run(alice, pieces.call[0]);
		await Promise.all([take(bob, "onInvited"), take(bob2, "onInvited")]);
		await run(bob2, pieces.reject[0]);
		await take(bob, "onOtherClientReject");
		assert.equal((await take(bob, "onCallEnd")).payload.reasonCode, 17);
		for (const page of [alice, bob, bob2, carol]) clean(page);
		await bob2.context().close();
		await carol.context().close();
	},
);

await tap.test("peer: both call each other: one call", async () => {
	await forget(alice);
	await forget(bob);
	await Promise.all([
		alice.evaluate(() => window.rtc.call({ userId: "bob", type: 1 })),
		bob.evaluate(() => window.rtc.call({ userId: "alice", type: 1 })),
	]);
	await Promise.all([take(alice, "onUserEnter"), take(bob, "onUserEnter")]);
	const ids = await Promise.all(
		[alice, bob].map((page) => page.evaluate(() => window.rtc.state.call.callId)),
	);
	assert.equal(ids[0], ids[1]);
	await run(bob, pieces.hangup[0]);
	await status(alice, "idle");
});

await tap.test("peer: several accounts are asked in turn; the first who answers is in the call", async () => {
	const carol = await device("carol");
	for (const page of [alice, bob]) await forget(page);
	const first = await alice.evaluate(() =>
		window.rtc.call({ userIds: ["bob", "carol"], groupId: "team", isFromGroup: true, type: 1 }),
	);
	const invite = (await take(bob, "onInvited")).payload;
	assert.deepEqual(
		[invite.callId, invite.userIds, invite.groupId, invite.isFromGroup],
		[first.callId, ["bob", "carol"], "team", true],
	);
	assert.deepEqual((await bob.evaluate(() => window.rtc.state.call)).userIds, ["bob", "carol"]);
	assert.deepEqual((await alice.evaluate(() => window.rtc.state.call)).next, ["carol"]);
	await run(bob, pieces.reject[0]);
	const next = (await take(alice, "onCallNext")).payload;
	assert.deepEqual([next.previous, next.userId, next.next], [first.callId, "carol", []]);
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 14);
	assert.equal((await take(carol, "onInvited")).payload.callId, next.callId);
	await run(carol, pieces.accept[0]);
	assert.equal((await take(alice, "onUserEnter")).first, "carol");
	await run(alice, pieces.hangup[0]);
	await status(carol, "idle");
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 15);
	await forget(bob);
	await alice.evaluate(() => window.rtc.call({ userIds: ["carol", "bob"], type: 1 }));
	await take(carol, "onInvited");
	await run(alice, pieces.cancel[0]);
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 11);
	await status(carol, "idle");
	assert.equal(await count(bob, "onInvited"), 0);
	const words = await alice.evaluate(() =>
		Promise.all(
			[{ userIds: [] }, { userIds: ["bob", 7] }, { userIds: ["alice"] }, {}].map((params) =>
				window.rtc.call(params).catch((error) => error.message),
			),
		),
	);
	for (const [index, wanted] of [/1 to 32 accounts/, /accounts of 1 to 128/, /own account/, /userId/].entries())
		assert.match(words[index], wanted);
	clean(carol);
	await carol.context().close();
});

await tap.test("peer: a page that is closed ends its call", async () => {
	await forget(alice);
	await alice.evaluate(() => window.rtc.call({ userId: "bob", type: 1 }));
	await take(bob, "onInvited");
	await run(bob, pieces.accept[0]);
	await take(alice, "onUserEnter");
	await bob.goto("about:blank");
	assert.equal((await take(alice, "onCallEnd")).payload.reasonCode, 16);
	await bob.context().close();
});

await tap.test("guest: log in, be refused in words, call, be called", async () => {
	const guest = await open(browser, base);
	await until("the form", () => guest.getByRole("button", { name: "Log in" }).isVisible());
	await shot(guest, "guest-login");
	await guest.fill("#account", "carol");
	await guest.fill("#token", "not this");
	await guest.keyboard.press("Enter");
	await until("words", () => guest.getByText("The token of carol is wrong").isVisible());
	await guest.fill("#token", tokens.carol);
	await guest.keyboard.press("Enter");
	await until("idle", () => guest.getByRole("button", { name: "Call", exact: true }).isVisible());
	await guest.keyboard.press("c");
	await guest.fill("#user", "alice");
	await forget(alice);
	await guest.keyboard.press("Enter");
	await take(alice, "onInvited");
	await shot(guest, "guest-calling");
	await run(alice, pieces.accept[0]);
	await sees(guest, ".remote video");
	await sees(guest, ".inset video");
	await shot(guest, "guest-incall");
	await guest.getByRole("button", { name: "Hang up" }).click();
	await status(alice, "idle");
	await alice.evaluate(() => window.rtc.call({ userId: "carol", type: 2 }));
	await until("incoming", () => guest.getByRole("button", { name: "Accept", exact: true }).isVisible());
	await shot(guest, "guest-incoming");
	await guest.keyboard.press("a");
	await sees(guest, ".remote video");
	await alice.evaluate(() => window.rtc.hangup());
	await until("words", () => guest.getByText("alice hung up").isVisible());
	await guest.getByRole("button", { name: "Settings" }).click();
	await guest.getByRole("button", { name: "Show own picture" }).click();
	await sees(guest, ".shot video");
	await shot(guest, "guest-settings");
	await guest.keyboard.press("Escape");
	clean(guest);
	clean(alice);
	await guest.context().close();
});

await tap.test("guest: a tab is the same device after a reload; its copy is another one; old tabs' calls stay", async () => {
	const logIn = async (page, known = false) => {
		if (!known) {
			await page.fill("#account", "carol");
			await page.fill("#token", tokens.carol);
			await page.keyboard.press("Enter");
		}
		await until("idle", () => page.getByRole("button", { name: "Call", exact: true }).isVisible());
		return (await page.evaluate(() => window.rtc.getStatus())).accounts[0].device;
	};
	const guest = await open(browser, base);
	const first = await logIn(guest);
	await alice.evaluate(() => window.rtc.call({ userId: "carol", type: 1 }));
	await until("incoming", () => guest.getByRole("button", { name: "Reject", exact: true }).isVisible());
	await guest.keyboard.press("r");
	await status(alice, "idle");
	await guest.reload();
	assert.equal(await logIn(guest, true), first);
	const [copy] = await Promise.all([
		guest.context().waitForEvent("page"),
		guest.evaluate((url) => void window.open(url), base),
	]);
	await copy.waitForLoadState();
	assert.notEqual(await logIn(copy, true), first); /* what the tab keeps was copied, and its name is taken */
	assert.equal((await guest.evaluate(() => window.rtc.getStatus())).accounts[0].state, "online");
	await guest.close();
	const context = copy.context();
	await copy.close();
	const later = await context.newPage();
	await later.goto(base);
	assert.notEqual(await logIn(later), first);
	const records = await later.evaluate(() => window.rtc.getCallRecords());
	assert.deepEqual(
		records.map((r) => [r.peer, r.status]),
		[["alice", 3]],
	);
	assert.equal(
		await later.evaluate(() => Object.keys(localStorage).filter((key) => /records/.test(key)).length),
		1,
	);
	await context.close();
});

await tap.test("guest: on a hub of single logins the older one learns why it is out", async () => {
	const single = new Place();
	await single.hubStart("login = single\n");
	const token = single.addUser("alice");
	const logIn = async () => {
		const guest = await open(browser, `http://127.0.0.1:${single.hubPort}/call/`);
		await guest.fill("#account", "alice");
		await guest.fill("#token", token);
		await guest.keyboard.press("Enter");
		await until("idle", () => guest.getByRole("button", { name: "Call", exact: true }).isVisible());
		return guest;
	};
	const older = await logIn(),
		newer = await logIn();
	await until("words", () => older.getByText("The account logged in elsewhere").isVisible());
	await until("the form again", () => older.getByRole("button", { name: "Log in" }).isVisible());
	assert.equal((await newer.evaluate(() => window.rtc.getStatus())).accounts[0].state, "online");
	await older.context().close();
	await newer.context().close();
	await single.close();
});

await browser.close();
await place.close({ keep: tap.failed });
tap.end();
