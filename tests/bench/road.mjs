/* road: two network namespaces and a worse network between them (road.c). Needs root. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { sleep, until } from "../browser/place.mjs";
import { whyNot } from "../browser/space.mjs";
import { Programs, built } from "./programs.mjs";

const ip = (...words) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] });
const DEVICE = "road";

export const roadMissing = () => whyNot() ?? (existsSync("/dev/net/tun") ? null : "no /dev/net/tun");

export class Road {
	#programs = new Programs();
	#end = () => this.#spacesRemove();

	/* sides: { address, within } of each; device: the name of its interface. */
	static async open(seed) {
		const road = new Road();
		road.device = DEVICE;
		road.names = ["a", "b"].map((side) => `callbox-road-${process.pid}-${side}`);
		road.sides = road.names.map((name, i) => ({ address: `10.78.0.${i + 1}`, within: ["ip", "netns", "exec", name] }));
		process.on("exit", road.#end);
		try {
			await road.#build(seed);
			return road;
		} catch (error) {
			await road.close();
			throw error;
		}
	}

	async #build(seed) {
		for (const name of this.names) ip("netns", "add", name);
		this.child = this.#programs.start(built("road"), [...this.names, `${seed}`], { input: true });
		await until("the road is open", () => (this.#programs.check(), this.child.text.includes("open")));
		for (const [i, name] of this.names.entries()) {
			ip("-n", name, "link", "set", "lo", "up");
			ip("-n", name, "address", "add", this.sides[i].address, "peer", this.sides[1 - i].address, "dev", DEVICE);
			ip("-n", name, "link", "set", DEVICE, "up");
		}
	}

	/* A command of road.c, when it is done. */
	async tell(line) {
		const before = this.child.text.split("done").length;
		this.child.stdin.write(`${line}\n`);
		while (this.child.text.split("done").length === before) {
			this.#programs.check();
			await sleep(1);
		}
	}

	#spacesRemove() {
		for (const name of this.names.splice(0))
			try {
				ip("netns", "del", name);
			} catch {
				/* it was never made */
			}
	}

	async close() {
		await this.#programs.end();
		this.#spacesRemove();
		process.off("exit", this.#end);
	}
}
