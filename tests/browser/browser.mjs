/* browser: Debian's Chromium, driven by playwright-core. start() gives NULL and a reason when there is none. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { until } from "./place.mjs";

const PROGRAMS = [process.env.CALLBOX_CHROMIUM, "/usr/bin/chromium"].filter(Boolean);
const FLAGS = [
	"--no-sandbox",
	"--use-fake-device-for-media-stream",
	"--use-fake-ui-for-media-stream",
	"--allow-loopback-in-peer-connection",
	"--autoplay-policy=no-user-gesture-required",
	"--disable-gpu",
];

/* The browser itself; undefined: there is none. */
export const program = () => PROGRAMS.find(existsSync);

/* devices: whether there is a camera and a microphone, and nobody asks. executablePath: another program that becomes
 * the browser. */
export async function start(flags = [], { devices = true, executablePath = program() } = {}) {
	if (!executablePath) return { why: "no Chromium: install the package chromium" };
	let chromium;
	try {
		({ chromium } = await import("playwright-core"));
	} catch (error) {
		return { why: `no playwright-core (npm ci in tests/browser): ${error.code}` };
	}
	return {
		browser: await chromium.launch({
			executablePath,
			headless: true,
			args: [...(devices ? FLAGS : FLAGS.filter((flag) => !flag.includes("fake"))), ...flags],
		}),
	};
}

/* A page whose mistakes are collected in page.faults. */
export async function open(browser, url, options = {}) {
	const context = await browser.newContext({
		viewport: { width: 1280, height: 800 },
		locale: "en-GB",
		permissions: ["camera", "microphone"],
		...options,
	});
	const page = await context.newPage();
	page.faults = [];
	page.on("pageerror", (error) => page.faults.push(String(error)));
	page.on(
		"console",
		(message) =>
			message.type() === "error" &&
			!message.location().url.endsWith("/favicon.ico") &&
			page.faults.push(message.text()),
	);
	await page.goto(url);
	return page;
}

/* Artefacts: screenshots in BUILD/browser. */
export async function shot(page, name) {
	const folder = join(process.env.CALLBOX_BUILD, "browser");
	mkdirSync(folder, { recursive: true });
	await page.screenshot({ path: join(folder, `${name}.png`) });
}

/* Waits for a fact of the page. (Playwright's own waiting wants eval, which the page's policy forbids.) */
export async function when(page, fn, argument, what = String(fn), limitMs = undefined) {
	try {
		return await until(what, () => page.evaluate(fn, argument), limitMs);
	} catch (error) {
		throw new Error(`${error.message}; faults of the page: ${page.faults.join(" | ") || "none"}`);
	}
}
