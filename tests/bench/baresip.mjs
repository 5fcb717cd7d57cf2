/* baresip: a call of two of Debian's baresips, with our module for test pictures and sightings (baresip_marks.c). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../browser/place.mjs";
import { built, freePort, isThere } from "./programs.mjs";

const MODULES = "/usr/lib/baresip/modules";

function folderMake(what, { name, address, port, source, display, device }) {
	const folder = join(what.folder, `baresip-${name}`);
	mkdirSync(folder, { recursive: true });
	const { width, height, fps } = what.film;
	const modules = "opus avcodec avformat v4l2 ausine aubridge dtls_srtp stdio".split(" ").map((one) => `${one}.so`);
	modules.push(`../../../..${built(".libs/baresip_marks.so")}`); /* it looks for them in one folder only */
	writeFileSync(
		join(folder, "config"),
		`poll_method epoll\nsip_listen ${address}:${port}\ncall_max_calls 4\naudio_player aubridge,nil\n` +
			`audio_source ausine,440\naudio_alert aubridge,alert\nvideo_source ${source}\n` +
			`video_display marks,${display}\nvideo_size ${width}x${height}\nvideo_bitrate ${what.kbps * 1000}\n` +
			`video_fps ${fps}\nvideo_fullscreen no\nvidenc_format yuv420p\nrtcp_mux yes\njitter_buffer_delay 5-10\n` +
			`${device ? `net_interface ${device}\n` : ""}` +
			`module_path ${MODULES}\n${modules.map((one) => `module ${one}\n`).join("")}` +
			`module_tmp account.so\nmodule_app menu.so\nopus_bitrate 32000\navcodec_h264enc libx264\n` +
			`avcodec_h264dec h264\nrtp_stats yes\n`,
	);
	writeFileSync(
		join(folder, "accounts"),
		`<sip:${name}@${address}:${port}>;regint=0;answermode=auto;mediaenc=dtls_srtp;audio_codecs=opus/48000/2;` +
			`video_codecs=h264\n`,
	);
	writeFileSync(join(folder, "contacts"), "");
	return folder;
}

export const baresipMissing = () => (isThere("baresip") ? null : "no baresip");
export const BARESIP_HOW =
	"baresip 1.0.0: libx264 as its avcodec module sets it (no knob for that), jitter_buffer_delay 5-10, DTLS-SRTP";

/* a calls b; sources: of each; what a shows is written to `shown`, what b does to `far`. sides: { address, within } of
 * each, and the device; log: a file that a's words go to as well. */
export async function baresipCall(programs, what, { sources = ["marks,nil", "marks,nil"], shown, far, sides = [{}, {}], device, log }) {
	const ports = [await freePort(), await freePort()];
	const at = sides.map(({ address = "127.0.0.1" }) => address);
	const folders = ["a", "b"].map((name, i) =>
		folderMake(what, {
			name,
			address: at[i],
			port: ports[i],
			source: sources[i],
			device,
			display: i === 0 ? shown : (far ?? "/dev/null"),
		}),
	);
	const b = programs.start("baresip", ["-f", folders[1]], { within: sides[1].within });
	await until("baresip is ready", () => (programs.check(), /ready/.test(b.text)));
	const call = ["-f", folders[0], "-e", `d sip:b@${at[1]}:${ports[1]}`];
	const a = programs.start("baresip", call, { within: sides[0].within, log });
	await until("baresip is in the call", () => (programs.check(), /Call established/.test(a.text))).catch((error) => {
		throw new Error(`${error.message}: ${a.text.slice(-500)}`);
	});
	return { a, b };
}
