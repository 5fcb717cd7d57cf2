/* A box and Chromium with one codec alone, each as the one that offers and as the one that answers: VP8, also when
 * packets are lost, and H.264 in packetization-mode 0, which takes slices that fit into a packet. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { shot, start } from "./browser.mjs";
import { callboxPage, forget, status, take } from "./page.mjs";
import { Place, Tap, ask, until } from "./place.mjs";
import { lossyRoad, turnStart } from "./relay.mjs";
import { Sides } from "./sides.mjs";

const SECRET = "a secret between hub and relay";

const tap = new Tap();
const { browser, why } = await start();
if (!browser) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place();
const turn = await turnStart(place, SECRET);
const road = turn ? await lossyRoad(turn.port) : null;
await place.hubStart(
	road ? `turn_urls = turn:127.0.0.1:${road.port}?transport=udp\nturn_secret = ${SECRET}\n` : "",
);

async function sidesOf(room, guest, conf, more = {}) {
	const box = await place.box(room, room, { conf });
	const page = await callboxPage(browser, {
		base: `http://127.0.0.1:${place.hubPort}/call/`,
		options: {
			way: "peer",
			url: place.hubUrl,
			account: guest,
			token: place.addUser(guest),
			...more,
		},
	});
	await page.evaluate(
		(user) => window.rtc.setupRemoteView(user, document.getElementById("your container")),
		room,
	);
	return new Sides(page, box);
}

/* One call; who: "browser" or "box". */
async function call(sides, who) {
	const { page, box } = sides;
	await forget(page);
	if (who === "browser") {
		await page.evaluate((user) => window.rtc.call({ userId: user, type: 2 }), box.account);
		await sides.boxIs("ringing");
		await ask(box.socket, "accept");
	} else {
		const { account } = await page.evaluate(() =>
			window.rtc.getStatus().then((all) => all.accounts[0]),
		);
		await ask(box.socket, "call", { userId: account, type: 2 });
		await take(page, "onInvited");
		await page.evaluate(() => window.rtc.accept());
	}
	await take(page, "onUserEnter");
	await sides.boxIs("active");
	const seen = await sides.look();
	assert.equal(seen.media.video.malformed_units, 0);
	assert.equal(seen.media.video.unsendable_units, 0);
	return seen;
}

async function hangUp(sides) {
	const { page } = sides;
	await page.evaluate(() => window.rtc.hangup());
	await status(page, "idle");
	await sides.boxIs("idle");
	assert.deepEqual(page.faults, []);
}

const vp8 = await sidesOf("room-vp8", "guest-vp8", "video_codecs = vp8\n");
for (const who of ["browser", "box"])
	await tap.test(`VP8 alone, the ${who} offers`, async () => {
		const { inbound, outbound, video, media } = await call(vp8, who);
		assert.deepEqual([inbound.codec, outbound.codec], ["video/VP8", "video/VP8"]);
		assert.deepEqual([media.video.codec, media.video.remote_codec], ["VP8", "VP8"]);
		assert.equal(video.encoder, "libvpx");
		if (who === "browser") await shot(vp8.page, "vp8");
		await hangUp(vp8);
	});

await tap.test("VP8 over a road that loses a tenth: asked for and sent again, both ways", async () => {
	if (!road) return "no coturn: install the package coturn";
	const worn = await sidesOf("room-worn", "guest-worn", "video_codecs = vp8\n", {
		iceTransportPolicy: "relay",
	});
	await call(worn, "browser");
	road.set(0.1);
	const counts = await until("both repair", async () => {
		const { media } = await ask(worn.box.socket, "stats"),
			{ nackCount, retransmittedPacketsReceived } = await worn.stream("video");
		const all = {
			asked: media.video.nacks_received,
			sentAgain: media.uplink.rtx_packets,
			recovered: media.video.recovered,
			nackCount,
			retransmittedPacketsReceived,
		};
		return Object.values(all).every((count) => count > 5) ? all : null;
	});
	await worn.browserSees();
	await worn.boxSees();
	console.log(`# ${JSON.stringify(counts)}; ${road.counts.lost} datagrams lost`);
	road.set(0);
	await hangUp(worn);
});

/* The page then knows of H.264 only what has packetization-mode 0. */
const single = await sidesOf("room-single", "guest-single", "");
await single.page.evaluate(() => {
	const good = ({ mimeType, sdpFmtpLine = "" }) =>
		mimeType === "video/rtx" ||
		(mimeType === "video/H264" && !sdpFmtpLine.includes("packetization-mode=1"));
	for (const name of ["createOffer", "createAnswer"]) {
		const make = RTCPeerConnection.prototype[name];
		RTCPeerConnection.prototype[name] = function (...given) {
			const { codecs } = RTCRtpReceiver.getCapabilities("video");
			for (const transceiver of this.getTransceivers())
				if (transceiver.receiver.track.kind === "video")
					transceiver.setCodecPreferences(codecs.filter(good));
			return make.apply(this, given);
		};
	}
});
for (const who of ["browser", "box"])
	await tap.test(`H.264 in packetization-mode 0 alone, the ${who} offers`, async () => {
		const { inbound, outbound, video, media } = await call(single, who);
		/* What Chromium sends is any that the box has offered, whatever it answers. */
		assert.deepEqual([inbound.codec, outbound.codec], ["video/H264", "video/H264"]);
		assert.doesNotMatch(inbound.fmtp, /packetization-mode=1/);
		assert.deepEqual([media.video.codec, media.video.packetization_mode], ["H264", 0]);
		assert.equal(video.encoder, "openh264");
		await hangUp(single);
	});

if (tap.failed)
	for (const { box } of [vp8, single])
		console.log(
			readFileSync(box.log, "utf8")
				.split("\n")
				.slice(-20)
				.map((line) => `# ${line}`)
				.join("\n"),
		);
await browser.close();
if (road) road.close();
await place.close({ keep: tap.failed });
tap.end();
