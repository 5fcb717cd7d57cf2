/* unplug_guest: inside the guest: a call, one side of it with the kernel's test camera, that is taken away and given back.
 * usage: unplug_guest.mjs callbox|baresip SECONDS        one line of JSON, of the side that has the camera; as each
 * phase begins there is a file /vmshare/phase-NAME, for who measures from outside: a guest's own accounts go by ticks of 10 ms */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Place, ask, sleep, until } from "../browser/place.mjs";
import { BARESIP_HOW, baresipCall, baresipMissing } from "./baresip.mjs";
import { Programs } from "./programs.mjs";
import { sightings } from "./sightings.mjs";

const DRIVER = "/sys/bus/platform/drivers/vivid",
	BACK_LIMIT_MS = 15000;
const [who, seconds] = [process.argv[2], Number(process.argv[3])];
const film = { width: 640, height: 360, fps: 30 },
	kbps = 800;

function cameraLoad() {
	execFileSync("rmmod", ["vivid"]);
	execFileSync("modprobe", "vivid n_devs=1 num_inputs=1 input_types=0".split(" "));
}

const phase = (name) => writeFileSync(`/vmshare/phase-${name}`, "");

/* baresip takes no address of the loopback. */
function addressMake(address) {
	const commands = ["link add one type veth peer name two", `address add ${address}/24 dev one`, "link set one up", "link set two up"];
	for (const one of commands) execFileSync("ip", one.split(" "));
	return { address };
}

/* pictures(): of the camera, seen so far; log: the file of who has it. */
async function trial({ pictures, log }) {
	const lines = () => readFileSync(log, "latin1").split("\n").length;
	await sleep(3000);
	phase("with");
	await sleep(seconds * 1000);
	phase("between");
	const from = { lines: lines(), bytes: statSync(log).size };
	writeFileSync(`${DRIVER}/unbind`, "vivid.0");
	phase("without");
	await sleep(seconds * 1000);
	phase("after");
	const logBytesPerSecond = (statSync(log).size - from.bytes) / seconds;
	await sleep(500); /* what was under way is through */
	const without = await pictures();
	writeFileSync(`${DRIVER}/bind`, "vivid.0");
	const began = performance.now();
	const isBack = await until("pictures of the camera", async () => (await pictures()) > without, BACK_LIMIT_MS).catch(() => false);
	const backMs = isBack ? performance.now() - began : null;
	return { logBytesPerSecond, logLines: lines() - from.lines, backMs };
}

async function callbox() {
	const place = new Place();
	try {
		await place.hubStart();
		const conf = `width = ${film.width}\nheight = ${film.height}\nfps = ${film.fps}\nbitrate = ${kbps}\nautoanswer = on\nautoanswer_mute = no\n`;
		const a = await place.box("alice", "room-a", { conf: `${conf}camera = v4l2:/dev/video0\n` });
		await place.box("bob", "room-b", { conf });
		await ask(a.socket, "call", { userId: "bob", type: 2 });
		const pictures = async () => (await ask(a.socket, "stats")).video?.camera_pictures ?? 0;
		await until("a picture of the camera", async () => (await pictures()) > 0);
		const facts = await trial({ pictures, log: a.log });
		return { ...facts, how: "a placeholder is sent meanwhile; pictures: of the camera, counted where it is" };
	} finally {
		await place.close();
	}
}

async function baresip() {
	if (baresipMissing()) return { skip: baresipMissing() };
	const programs = new Programs();
	const folder = mkdtempSync("/tmp/unplug-"),
		far = join(folder, "far.shown"),
		log = join(folder, "a.log");
	try {
		writeFileSync(log, "");
		const side = addressMake("10.79.0.1");
		const sources = ["v4l2,/dev/video0", "marks,nil"];
		const { a } = await baresipCall(programs, { film, kbps, folder }, { sources, shown: "/dev/null", far, log, sides: [side, side] });
		const pictures = () => sightings(far).length;
		await until("a picture of the camera", () => (programs.check(), pictures() > 0));
		return { ...(await trial({ pictures, log })), how: `${BARESIP_HOW}; pictures: those that the other side shows` };
	} finally {
		await programs.end();
	}
}

cameraLoad();
const result = await (who === "baresip" ? baresip() : callbox());
console.log(JSON.stringify(result));
process.exit(0);
