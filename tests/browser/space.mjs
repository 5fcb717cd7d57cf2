/* space: network namespaces joined by a bridge, each with one address of 10.77.0.0/24: what else would be machines. Needs
 * root and ip(8). Nothing of the host's own network is touched; all is gone with close(). */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";

const ip = (...words) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/* Why there can be none; null: there can. */
export function whyNot() {
	if (process.getuid() !== 0) return "namespaces need root";
	const name = `callbox-try-${process.pid}`;
	try {
		ip("netns", "add", name);
		ip("netns", "del", name);
		return null;
	} catch (error) {
		return `no network namespaces here: ${String(error.stderr || error.message).trim()}`;
	}
}

export class Spaces {
	constructor() {
		this.prefix = `callbox-${process.pid}`;
		this.made = [];
		process.on("exit", () => this.close());
		this.add("switch");
		ip("-n", this.name("switch"), "link", "add", "bridge0", "type", "bridge");
		ip("-n", this.name("switch"), "link", "set", "bridge0", "up");
	}

	name(word) {
		return `${this.prefix}-${word}`;
	}

	add(word) {
		ip("netns", "add", this.name(word));
		this.made.push(word);
		/* Addresses of IPv6 come a second later by themselves, and a browser drops what it loads when one does. */
		const quiet = "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -e $f ] || echo 1 >$f; done";
		ip("netns", "exec", this.name(word), "sh", "-c", quiet);
		ip("-n", this.name(word), "link", "set", "lo", "up");
	}

	/* A namespace of this name; returns its address. */
	make(word) {
		const address = `10.77.0.${this.made.length}`,
			port = `port${this.made.length}`;
		this.add(word);
		ip("-n", this.name("switch"), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", this.name(word));
		ip("-n", this.name("switch"), "link", "set", port, "master", "bridge0", "up");
		ip("-n", this.name(word), "address", "add", `${address}/24`, "dev", "eth0");
		ip("-n", this.name(word), "link", "set", "eth0", "up");
		return address;
	}

	/* The words before a command that runs there. */
	within(word) {
		return ["ip", "netns", "exec", this.name(word)];
	}

	/* A program that runs `program` there, with whatever arguments and descriptors it gets. */
	wrapper(word, program, file) {
		writeFileSync(file, `#!/bin/sh\nexec ${this.within(word).join(" ")} ${program} "$@"\n`);
		chmodSync(file, 0o755);
		return file;
	}

	close() {
		for (const word of this.made.splice(0)) ip("netns", "del", this.name(word));
	}
}
