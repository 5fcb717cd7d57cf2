/* A hub, a box and two browsers, each in a network of its own: three devices of two accounts. It rings on all; who does not
 * answer is told; who is busy is said to be; pictures and sound take the road between the namespaces. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { program, start } from "./browser.mjs";
import { callboxPage, forget, state, status, take } from "./page.mjs";
import { readPattern } from "./pattern.mjs";
import { Place, Tap, ask, until } from "./place.mjs";
import { Spaces, whyNot } from "./space.mjs";

const tap = new Tap();
const why = whyNot() || (program() ? null : "no Chromium: install the package chromium");
if (why) {
	console.log(`1..0 # SKIP ${why}`);
	process.exit(0);
}
const place = new Place(),
	spaces = new Spaces(),
	browsers = [];
const hubAddress = spaces.make("hub"),
	addresses = Object.fromEntries(["box", "guest", "sibling"].map((word) => [word, spaces.make(word)]));

/* The hub is not on anybody's loopback: it speaks TLS. */
const certificate = join(place.dir, "hub.pem"),
	key = join(place.dir, "hub.key");
const openssl =
	"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub " +
	`-addext subjectAltName=IP:${hubAddress} -keyout ${key} -out ${certificate}`;
execFileSync("openssl", openssl.split(" "), { stdio: "ignore" });
place.address = hubAddress;
place.within = spaces.within("hub");
await place.hubStart(`certificate = ${certificate}\nprivate_key = ${key}\n`);
const tokens = Object.fromEntries(["team", "guest"].map((user) => [user, place.addUser(user)]));
place.within = spaces.within("box");
const box = await place.box("team", "room", {
	conf: "ice_loopback = no\n",
	more: `ca_file = ${certificate}\n`,
	token: tokens.team,
});

async function device(word, account) {
	const executablePath = spaces.wrapper(word, program(), join(place.dir, `chromium-${word}`));
	const { browser, why: reason } = await start(["--ignore-certificate-errors"], { executablePath });
	if (!browser) throw new Error(reason);
	browsers.push(browser);
	return callboxPage(browser, {
		base: `https://${hubAddress}:${place.hubPort}/call/`,
		options: {
			way: "peer",
			url: place.hubUrl,
			account,
			token: tokens[account],
			policy: { ringsAMinute: 0, invitesAMinute: 0 },
		},
		more: { ignoreHTTPSErrors: true },
	});
}

const boxIs = (wanted) =>
	until(`the box is ${wanted}`, async () => {
		const { call } = await ask(box.socket, "status");
		return (call ? call.state : "idle") === wanted;
	});
const boxRecord = async () => (await ask(box.socket, "getCallRecords", { limit: 1 })).records[0];
const remote = "#your\\ container video";

/* Addresses of the pair of candidates that carries the call. */
/* The other's address is not told before its candidate came, though packets may have come from it already. */
const road = (page) =>
	until("both ends of the road have an address", async () => {
		const ends = await page.evaluate(async () => {
			const stats = await window.rtc.getStats();
			const all = Object.values(stats);
			const transport = all.find((one) => one.type === "transport" && one.selectedCandidatePairId);
			const pair = stats[transport.selectedCandidatePairId];
			return [stats[pair.localCandidateId].address, stats[pair.remoteCandidateId].address];
		});
		return ends.every(Boolean) ? ends : null;
	});

let guest, sibling;
await tap.test("two browsers and a box log in at a hub that none of them shares a network card with", async () => {
	[guest, sibling] = await Promise.all([device("guest", "guest"), device("sibling", "team")]);
	await guest.evaluate(() => window.rtc.setupRemoteView("", document.getElementById("your container")));
	const lines = await Promise.all([guest, sibling].map((page) => page.evaluate(() => window.rtc.getStatus())));
	assert.deepEqual(
		lines.map(({ accounts: [one] }) => [one.account, one.state]),
		[
			["guest", "online"],
			["team", "online"],
		],
	);
});

await tap.test("it rings on the box and on its sibling; the box answers, the sibling learns; both ways it is seen", async () => {
	await guest.evaluate(() => window.rtc.call({ userId: "team", type: 2 }));
	await Promise.all([boxIs("ringing"), take(sibling, "onInvited")]);
	await ask(box.socket, "accept");
	assert.equal((await take(sibling, "onOtherClientAccept")).first, "guest");
	assert.equal((await take(sibling, "onCallEnd")).payload.reasonCode, 18);
	assert.equal((await take(guest, "onUserEnter")).first, "team");
	const seen = await until("the box's picture", async () => {
		const one = await guest.evaluate(readPattern, remote);
		return one.number ? one : null;
	});
	await until("it moves", async () => (await guest.evaluate(readPattern, remote)).number > seen.number);
	await until("the box shows the guest", async () => (await ask(box.socket, "stats")).video.frames_shown > 10);
	const [own, other] = await road(guest);
	console.log(`# #${seen.number} at ${seen.width}x${seen.height}; from ${own} to ${other}`);
	assert.deepEqual([own, other], [addresses.guest, addresses.box]);
});

await tap.test("who is in the call is busy: for the sibling, and for the box's own account", async () => {
	await sibling.evaluate(() => window.rtc.call({ userId: "guest", type: 1 }));
	assert.equal((await take(sibling, "onUserBusy")).first, "guest");
	assert.equal((await take(sibling, "onCallEnd")).payload.reasonCode, 3);
	await state(guest, "active");
	await boxIs("active");
	await guest.evaluate(() => window.rtc.hangup());
	await boxIs("idle");
	await status(guest, "idle");
});

await tap.test("the sibling answers, the box learns; then all devices of the account are busy in turn", async () => {
	await forget(guest);
	await forget(sibling);
	await guest.evaluate(() => window.rtc.call({ userId: "team", type: 2 }));
	await Promise.all([boxIs("ringing"), take(sibling, "onInvited")]);
	await sibling.evaluate(() => window.rtc.accept());
	await take(guest, "onUserEnter");
	await boxIs("idle");
	assert.notEqual((await boxRecord())?.status, 4, "a call that was answered elsewhere is not missed");
	const [own, other] = await road(guest);
	assert.deepEqual([own, other], [addresses.guest, addresses.sibling]);
	await ask(box.socket, "call", { userId: "guest", type: 1 });
	await boxIs("idle");
	assert.equal((await boxRecord()).status, 5, "the box found the guest busy");
	await sibling.evaluate(() => window.rtc.hangup());
	await status(guest, "idle");
	await ask(box.socket, "setDnd", { on: true });
	await sibling.evaluate(() => window.rtc.setDnd(true));
	await forget(guest);
	await guest.evaluate(() => window.rtc.call({ userId: "team", type: 1 }));
	assert.equal((await take(guest, "onUserBusy")).first, "team");
	for (const page of [guest, sibling]) assert.deepEqual(page.faults, []);
});

for (const browser of browsers) await browser.close();
await place.close({ keep: tap.failed });
spaces.close();
tap.end();
