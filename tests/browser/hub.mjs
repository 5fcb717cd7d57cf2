/* Devices that come and go at a real hub: a tab's is forgotten soon after its logout, with what waits for it; any other is
 * kept, and so is a tab that is there. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { Place, Tap, until } from "./place.mjs";
import { Socket } from "./socket.mjs";

const place = new Place(),
	tap = new Tap();
await place.hubStart("guest_expiry = 1s\n");
const tokens = Object.fromEntries(["alice", "bob"].map((user) => [user, place.addUser(user)]));
const log = () => readFileSync(join(place.dir, "hub/hub.log"), "utf8");

async function login(account, device, more = {}) {
	const socket = await Socket.open(place.hubPort, { protocol: "callbox-hub" });
	socket.text({ t: "login", account, token: tokens[account], device, boot: "1", ...more });
	assert.ok(await socket.next((m) => m.t === "welcome"));
	return socket;
}

/* The text of what waits, or comes, until the backlog is over. */
async function waiting(socket) {
	assert.ok(await socket.next((m) => m.t === "synced"));
	return socket.messages.filter((m) => m.t === "deliver").map((m) => m.env.body.n);
}

const send = (socket, n) =>
	socket.text({
		t: "send",
		id: n,
		env: {
			kind: "record",
			call_id: randomBytes(16).toString("hex"),
			to_user: "bob",
			to_party: "*",
			seq: n,
			deadline_ms: 3600000,
			body: { n },
		},
	});

function metric(name) {
	return new Promise((resolve, reject) =>
		get({ port: place.hubPort, host: "127.0.0.1", path: "/metrics" }, (answer) => {
			let body = "";
			answer.on("data", (bytes) => (body += bytes));
			answer.on("end", () =>
				resolve(Number(new RegExp(`^callbox_hub_${name} (\\d+)`, "m").exec(body)[1])),
			);
		}).on("error", reject),
	);
}

await tap.test("a tab that is gone is forgotten, with its queue; a device and a tab that is there are not", async () => {
	const alice = await login("alice", "room-a");
	for (const device of ["room-b", "browser-1", "browser-2"])
		(await login("bob", device, { guest: device.startsWith("browser") })).close();
	const stays = await login("bob", "browser-3", { guest: true });
	send(alice, 1);
	assert.equal((await alice.next((m) => m.t === "sent" && m.id === 1)).error, undefined);
	assert.equal((await stays.next((m) => m.t === "deliver")).env.body.n, 1);
	await until("two are forgotten", async () => (await metric("forgotten_total")) === 2);
	assert.match(log(), /bob\/browser-1 forgotten/);
	assert.match(log(), /bob\/browser-2 forgotten/);
	send(alice, 2);
	assert.equal((await stays.next((m) => m.t === "deliver")).env.body.n, 2);
	assert.deepEqual(await waiting(await login("bob", "browser-1", { guest: true })), []);
	assert.deepEqual(await waiting(await login("bob", "room-b")), [1, 2]);
	assert.equal(await metric("forgotten_total"), 2);
});

await tap.test("a tab that is back in time is the same device", async () => {
	const alice = await login("alice", "room-a2");
	(await login("bob", "browser-4", { guest: true })).close();
	await until("its logout is known", () => /bob\/browser-4 logged out/.test(log()));
	send(alice, 3);
	await alice.next((m) => m.t === "sent" && m.id === 3);
	assert.deepEqual(await waiting(await login("bob", "browser-4", { guest: true })), [3]);
});

await place.close({ keep: tap.failed });
tap.end();
