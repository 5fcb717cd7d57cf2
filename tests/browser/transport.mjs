/* The roads between a box and a browser: ICE restarts of each in mid-call, by word and because the path is lost; a
 * browser that does not bundle, as the one that offers and as the one that answers; one whose addresses are mDNS names
 * and who asks for a restart. Judged by the test camera's numbers in the browser and the pictures that the box shows. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { start } from "./browser.mjs";
import { callboxPage, forget, status, take } from "./page.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, until } from "./place.mjs";
import { lossyRoad, turnStart } from "./relay.mjs";

const SECRET = "a secret between hub and relay";
const tap = new Tap();
const { browser, why } = await start();
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
await place.hubStart();
const box = await place.box("room", "room-a");

/* What the page's RTCPeerConnection is asked for and told, seen and changed on the way. */
function instrument() {
	window.made = [];
	window.said = [];
	window.unbundle = false;
	const strip = (description) =>
		window.unbundle && description && description.sdp
			? { type: description.type, sdp: description.sdp.replace(/a=group:BUNDLE[^\r\n]*\r\n/g, "") }
			: description;
	window.RTCPeerConnection = class extends window.RTCPeerConnection {
		constructor(configuration) {
			super(
				window.unbundle
					? { ...configuration, bundlePolicy: "balanced" }
					: configuration,
			);
			window.made.push(this);
		}
		setRemoteDescription(description) {
			window.said.push({ from: "box", ...strip(description) });
			return super.setRemoteDescription(strip(description));
		}
		async setLocalDescription(description) {
			await super.setLocalDescription(description);
			window.said.push({ from: "page", type: description.type, sdp: description.sdp });
		}
		get localDescription() {
			return strip(super.localDescription);
		}
	};
}

async function guestPage(account, from = browser, more = {}) {
	const page = await callboxPage(from, {
		base: `http://127.0.0.1:${place.hubPort}/call/`,
		options: { way: "peer", url: place.hubUrl, account, token: place.addUser(account) },
		...more,
	});
	await page.evaluate(instrument);
	await page.evaluate(() =>
		window.rtc.setupRemoteView("", document.getElementById("your container")),
	);
	return page;
}

const page = await guestPage("guest");
const boxIs = (wanted) =>
	until(`the box is ${wanted}`, async () => {
		const { call } = await ask(box.socket, "status");
		return (call ? call.state : "idle") === wanted;
	});
const boxMedia = async () => (await ask(box.socket, "stats")).media;

async function call(caller, who = page) {
	await forget(who);
	await who.evaluate(() => ((window.said = []), (window.made = [])));
	if (caller === "browser") {
		await who.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
		await boxIs("ringing");
		await ask(box.socket, "accept");
	} else {
		await ask(box.socket, "call", { userId: "guest", type: 2 });
		await take(who, "onInvited");
		await who.evaluate(() => window.rtc.accept());
	}
	await take(who, "onUserEnter");
	await boxIs("active");
}

async function hangUp(who = page) {
	await who.evaluate(() => window.rtc.hangup());
	await Promise.all([boxIs("idle"), status(who, "idle")]);
	assert.deepEqual(who.faults, []);
}

const numberSeen = async (who) => (await who.evaluate(readPattern, "#your\\ container video")).number || 0;
const boxShown = async () => ((await ask(box.socket, "stats")).video || {}).frames_shown || 0;
const energy = (who) =>
	who.evaluate(
		async () =>
			Object.values(await window.rtc.getStats()).find(
				(one) => one.type === "inbound-rtp" && one.kind === "audio",
			)?.totalAudioEnergy || 0,
	);

/* Picture and sound go on from here, both ways; the browser without devices sends nothing. */
async function flows(who = page, { sends = true } = {}) {
	const first = await until("a number in the browser", () => numberSeen(who)),
		shown = await boxShown(),
		heard = await energy(who),
		received = (await boxMedia()).sound.received;
	await until("the number grows", async () => (await numberSeen(who)) > first + 10);
	await until("sound in the browser", async () => (await energy(who)) > heard + 0.0001);
	if (!sends) return;
	await until("the box shows more", async () => (await boxShown()) > shown + 10);
	await until("sound at the box", async () => (await boxMedia()).sound.received > received + 20);
}

/* User names of the pair in use, and how often DTLS has shaken hands. */
const path = (who = page) =>
	who.evaluate(async () => {
		const stats = Object.values(await window.rtc.getStats());
		const transports = stats.filter((one) => one.type === "transport");
		const pair = stats.find((one) => one.id === transports[0].selectedCandidatePairId);
		const local = stats.find((one) => one.id === pair.localCandidateId);
		const remote = stats.find((one) => one.id === pair.remoteCandidateId);
		return {
			local: local.usernameFragment,
			remote: remote.usernameFragment,
			type: remote.candidateType,
			port: remote.port,
			transports: transports.length,
			cipher: transports.map((one) => one.srtpCipher).join(),
			state: transports.map((one) => one.dtlsState).join(),
			roles: transports.map((one) => one.dtlsRole).join(),
		};
	});
const secured = () => readFileSync(box.log, "utf8").split("media: secured by").length - 1;

async function restartBy(act, caller) {
	await call(caller);
	await flows();
	const before = await path(),
		keys = secured(),
		{ candidate_pair: pair } = await boxMedia();
	await act();
	const after = await until("new user names", async () => {
		const now = await path();
		return now.local !== before.local && now.remote !== before.remote ? now : null;
	});
	await until("a new pair at the box", async () => (await boxMedia()).candidate_pair !== pair);
	await flows();
	const media = await boxMedia();
	console.log(
		`# ufrag ${before.local}:${before.remote}, then ${after.local}:${after.remote}; ${pair}, then ` +
			`${media.candidate_pair}; restarts ${media.ice_restarts}; handshakes ${secured() - keys}`,
	);
	assert.equal(media.ice_restarts, 1);
	assert.equal(secured(), keys);
	assert.equal((await ask(box.socket, "status")).call.state, "active");
	await hangUp();
}

for (const caller of ["browser", "box"])
	await tap.test(
		`${caller} calls; the page's restartIce() in mid-call: new user names, same keys`,
		async () => {
			await restartBy(
				() => page.evaluate(() => window.made.at(-1).restartIce()),
				caller,
			);
		},
	);

for (const caller of ["browser", "box"])
	await tap.test(
		`${caller} calls, the browser does not bundle: two transports, picture and sound both ways`,
		async () => {
			await page.evaluate(() => (window.unbundle = true));
			const keys = secured();
			await call(caller);
			await flows();
			const media = await boxMedia(),
				now = await path();
			console.log(
				`# browser: ${now.transports} transports, ${now.cipher}, ${now.roles}; box: ${media.candidate_pair}; ` +
					`${media.candidate_pair_video}`,
			);
			assert.equal(media.transports, 2);
			assert.equal(now.transports, 2);
			assert.equal(secured(), keys + 2);
			const boxSaid = (await page.evaluate(() => window.said)).filter((one) => one.from === "box");
			assert.ok(boxSaid.every((one) => !/a=group:BUNDLE/.test(one.sdp)));
			await page.evaluate(() => window.made.at(-1).restartIce());
			await until(
				"the restart",
				async () =>
					(await boxMedia()).candidate_pair !== media.candidate_pair &&
					(await boxMedia()).candidate_pair_video !== media.candidate_pair_video,
			);
			await flows();
			assert.equal(secured(), keys + 2);
			await hangUp();
			await page.evaluate(() => (window.unbundle = false));
		},
	);

await tap.test("one that bundles has one transport", async () => {
	await call("box");
	await flows();
	assert.equal((await boxMedia()).transports, 1);
	assert.equal((await path()).transports, 1);
	await hangUp();
});

await tap.test("addresses that are mDNS names: the box finds the browser, again after a restart", async () => {
	const { browser: poor } = await start([], { devices: false });
	const guest = await guestPage("poor", poor, { more: { permissions: [] } });
	const began = Date.now();
	await call("browser", guest);
	await flows(guest, { sends: false });
	const took = Date.now() - began,
		before = (await boxMedia()).candidate_pair;
	assert.match(before, / - prflx /);
	const keys = secured();
	await guest.evaluate(() => window.made.at(-1).restartIce());
	await until("a new pair", async () => (await boxMedia()).candidate_pair !== before);
	await flows(guest, { sends: false });
	const [said] = (await guest.evaluate(() => window.made.at(-1).localDescription.sdp)).match(
		/a=candidate[^\r\n]*\.local [^\r\n]*/,
	) || [""];
	console.log(`# in a call and flowing after ${took} ms; ${before}, then ${(await boxMedia()).candidate_pair}`);
	console.log(`# ${said}`);
	assert.match(said, /[0-9a-f-]{36}\.local/);
	assert.equal(secured(), keys);
	await hangUp(guest);
	await poor.close();
});

/* Everything goes by a relay; the road to it is closed until both sides say so, and a while longer. */
const far = new Place();
const turn = await turnStart(far, SECRET);
const road = turn && (await lossyRoad(turn.port));
if (turn)
	await far.hubStart(`turn_urls = turn:127.0.0.1:${road.port}?transport=udp\nturn_secret = ${SECRET}\n`);
const farBox = turn && (await far.box("room", "room-far"));

async function lostAndFound(caller) {
	const guest = await callboxPage(browser, {
		base: `http://127.0.0.1:${far.hubPort}/call/`,
		options: {
			way: "peer",
			url: far.hubUrl,
			account: caller,
			token: far.addUser(caller),
			iceTransportPolicy: "relay",
		},
	});
	const farIs = (wanted) =>
		until(
			`the box is ${wanted}`,
			async () => {
				const { call: now } = await ask(farBox.socket, "status");
				return (now ? now.state : "idle") === wanted;
			},
			60000,
		);
	const sees = async () => {
		const first = await until("a number", () => numberSeen(guest), 60000);
		await until("the number grows", async () => (await numberSeen(guest)) > first + 10, 60000);
	};
	await guest.evaluate(() =>
		window.rtc.setupRemoteView("", document.getElementById("your container")),
	);
	if (caller === "browser") {
		await guest.evaluate(() => window.rtc.call({ userId: "room", type: 2 }));
		await farIs("ringing");
		await ask(farBox.socket, "accept");
	} else {
		await ask(farBox.socket, "call", { userId: caller, type: 2 });
		await take(guest, "onInvited");
		await guest.evaluate(() => window.rtc.accept());
	}
	await farIs("active");
	await sees();
	const log = () => readFileSync(farBox.log, "utf8"),
		keys = log().split("secured by").length;
	road.set(1);
	const closed = Date.now();
	await farIs("recovering");
	await until("the box restarts or is asked to", () => /ICE is restarted|restarts ICE/.test(log()), 60000);
	road.set(0);
	const opened = Date.now();
	await farIs("active");
	await sees();
	const { media } = await ask(farBox.socket, "stats");
	console.log(
		`# closed for ${opened - closed} ms; flowing ${Date.now() - opened} ms after; restarts ${media.ice_restarts}`,
	);
	assert.equal(log().split("secured by").length, keys);
	await guest.evaluate(() => window.rtc.hangup());
	await farIs("idle");
	await status(guest, "idle");
	await guest.context().close();
}

for (const caller of ["browser", "another"])
	await tap.test(
		`the road is lost and found while ${caller === "browser" ? "the browser" : "the box"} is the anchor`,
		() => (turn ? lostAndFound(caller) : "no coturn: install the package coturn"),
	);
if (tap.failed && turn) console.log(readFileSync(farBox.log, "utf8").replace(/^/gm, "# far: "));

if (tap.failed)
	console.log(
		readFileSync(box.log, "utf8")
			.split("\n")
			.slice(-60)
			.map((line) => `# ${line}`)
			.join("\n"),
	);
await browser.close();
if (road) road.close();
if (turn) await far.stop(turn.child, "SIGKILL"); /* coturn takes its time with others */
await far.close({ keep: tap.failed });
await place.close({ keep: tap.failed });
tap.end();
