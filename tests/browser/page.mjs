/* page: an empty page of the panel's or hub's own server on which a test puts a Callbox and elements. */
import { open, when } from "./browser.mjs";

/* An empty document of that server, under its policy: its scripts alone may run. (A page that a test makes up itself
 * counts as a page of the wide world, which Chromium keeps from local addresses.)
 * script: "module" or "script", the way in which callbox.js is loaded. options: of the Callbox. */
export async function callboxPage(browser, { base, script = "module", options, more = {} }) {
	const page = await open(browser, `${base}room.css`, more);
	await page.evaluate(
		async ([way, from]) => {
			document.body.replaceChildren();
			for (const [id, width, height] of [
				["view", 320, 180],
				["your container", 640, 360],
			]) {
				const element = document.createElement("div");
				element.id = id;
				Object.assign(element.style, { width: `${width}px`, height: `${height}px` });
				document.body.append(element);
			}
			if (way === "module") {
				window.Callbox = (await import(`${from}callbox.js`)).Callbox;
				return;
			}
			const tag = document.createElement("script");
			const loaded = new Promise((resolve, reject) =>
				Object.assign(tag, { onload: resolve, onerror: reject }),
			);
			tag.src = `${from}callbox-script.js`;
			document.head.append(tag);
			await loaded;
		},
		[script, base],
	);
	await page.evaluate((given) => {
		window.events = [];
		window.rtc = new window.Callbox(given);
		window.view = document.getElementById("view");
		window.params = {};
		for (const name of [
			"onInvited",
			"onUserAccept",
			"onUserReject",
			"onUserBusy",
			"onUserCancel",
			"onUserEnter",
			"onUserLeave",
			"onUserDisconnect",
			"onCallingTimeout",
			"onOtherClientAccept",
			"onOtherClientReject",
			"onCallTypeChange",
			"onCameraAvailable",
			"onAudioAvailable",
			"onVideoMuted",
			"onAudioMuted",
			"onUserNetworkQuality",
			"onJoinChannel",
			"onCallEnd",
			"onDisconnect",
			"onMessageSent",
			"onError",
			"onCallState",
			"onCallRecord",
			"onCallMissed",
			"onCallRefused",
			"onLineState",
			"onCallReplaced",
			"onCallNext",
			"onRing",
		])
			window.rtc.on(name, (...given_) =>
				window.events.push({
					name,
					first: given_[0],
					payload: given_[given_.length - 1],
				}),
			);
	}, options);
	await when(
		page,
		async () => {
			const late = new Promise((resolve) => setTimeout(resolve, 1000, "late"));
			return (await Promise.race([window.rtc.ready, late])) !== "late";
		},
		null,
		"connected",
	);
	return page;
}

/* The first event of this name that came and was not taken; its payload, and first: the handler's first argument. */
export async function take(page, name, limitMs) {
	return when(
		page,
		(wanted) => {
			const at = window.events.findIndex((event) => event.name === wanted);
			return at < 0 ? null : window.events.splice(at, 1)[0];
		},
		name,
		`${name}`,
		limitMs,
	);
}

export const count = (page, name) =>
	page.evaluate((wanted) => window.events.filter((e) => e.name === wanted).length, name);
export const forget = (page) => page.evaluate(() => void (window.events.length = 0));
export const status = (page, wanted) =>
	when(page, async (want) => (await window.rtc.getStatus()).status === want, wanted, `status ${wanted}`);
export const state = (page, wanted) =>
	when(
		page,
		async (want) => {
			const { call } = await window.rtc.getStatus();
			return (call ? call.state : "idle") === want;
		},
		wanted,
		`state ${wanted}`,
	);
