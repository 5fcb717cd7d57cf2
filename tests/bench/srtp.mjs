/* srtp: packets a second that one core protects and sends, receives and unprotects, beside the parts alone
 * (srtp_bench.c). */
import { execFileSync } from "node:child_process";
import { built } from "./programs.mjs";
import { median, print, show, verdict } from "./table.mjs";

const TARGET = 0.8;

export async function srtp({ rounds }) {
	const runs = () => JSON.parse(execFileSync(built("srtp_bench"), ["11"], { stdio: ["ignore", "pipe", "ignore"] }).toString());
	const all = Array.from({ length: rounds }, runs);
	const of = (key) => median(all.map((one) => one[key]));
	const row = (name, own, bare) => {
		const share = median(all.map((one) => one[bare] / one[own]));
		return [name, show(1e6 / of(own), 0), show(of(own), 2), show(1e6 / of(bare), 0), show(of(bare), 2), show(share, 2), TARGET,
			verdict(share, TARGET, { more: true })];
	};
	print(`The SRTP path: ${all[0].profile}, ${all[0].bytes} bytes a packet, bursts of ${all[0].burst}`,
		["what", "callbox, packets/s", "us a packet", "parts alone, packets/s", "us a packet", "callbox / parts", "target", ""],
		[
			row("protect and send", "sendUs", "bareSendUs"),
			row("receive and unprotect", "receiveUs", "bareReceiveUs"),
		]);
	console.log("\nParts alone: libsrtp2 plus sendmmsg or recvmmsg of a whole burst; callbox: its fast path beside libnice, consent, its locks too.");
	return all;
}
