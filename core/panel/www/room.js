/* room: the page of a room in whichever way it is connected: idle, dial, incoming, calling, in a call, settings. It
 * draws what the state says and keeps no state of the call of its own. */
import { Ringer, clock, h, icon, round } from "./parts.js";
import { LANGUAGES, faultWords, hasWord, languageOf, translator } from "./words.js";

const VIDEO = 2,
	RECORDS = 60,
	SEEN_KEY = "callbox.seen",
	LANGUAGE_KEY = "callbox.language";
const REFRESHES = [
	"state",
	"onCallState",
	"onLineState",
	"onMuteChange",
	"onDndChange",
	"onCallTypeChange",
	"onUserEnter",
	"onAudioMuted",
	"onVideoMuted",
	"onCameraAvailable",
	"onAudioAvailable",
	"onInvited",
	"onCallEnd",
	"onCallMissed",
	"onCallNext",
];
const KNOBS = ["speaker", "microphone"];
const QUIET_ENDS = [11, 13, 15]; /* what the person here did */
const BAD_ENDS = [1, 4, 5, 7, 8, 10, 19, 20, 21];
/* What the panel says of itself. */
const WHY = {
	"callboxd has closed the connection": "whyClosed",
	"callboxd does not answer": "whyBox",
	"the panel does not answer": "whyPanel",
	"reads too slowly": "whySlow",
};

export class Room {
	constructor({ rtc, way, onLogout }) {
		Object.assign(this, { rtc, way, onLogout });
		this.state = rtc.state;
		this.records = [];
		this.screen = null;
		this.sheet = null; /* dial or settings over the idle screen */
		this.onlyMissed = false;
		this.quality = 0;
		this.ringer = new Ringer();
		this.element = h("div", { class: "room" });
		this.build();
		for (const event of REFRESHES) rtc.on(event, () => this.refresh());
		rtc.on("onCallRecord", () => this.loadRecords());
		rtc.on("onUserNetworkQuality", (q) => this.qualityCame(q));
		rtc.on("onRing", ({ on, soft }) => this.ringer.set(on && !soft && this.status() === "called"));
		rtc.on("onCallEnd", (end) => this.ended(end));
		rtc.on("onCallNext", ({ previous }) => (this.goesOn = previous));
		rtc.on("onCallTypeChange", (change) => this.typeChange(change));
		rtc.on("onMaxCall", ({ remainingMs }) =>
			this.ask(this.t("maxcall", { n: Math.round(remainingMs / 1000) }), [
				["prolong", "blue", () => this.do(this.rtc.prolong())],
				["close", "", () => {}],
			]),
		);
		rtc.on("onVolumeChange", (knob) => this.volumeShow(knob.kind, knob));
		rtc.on("onError", ({ message }) => this.say(faultWords(this.t, message), true));
		rtc.on("onDevice", (device) => device.state === "failed" && this.say(this.deviceText(device), true));
		this.ticker = setInterval(() => this.tick(), 1000);
		this.keys = (event) => this.key(event);
		document.addEventListener("keydown", this.keys);
		rtc.ready.then(
			() => this.connected(),
			() => {},
		);
		this.refresh();
	}

	/* The page shows something else: nothing of this room sounds or hears keys any more. */
	close() {
		this.closed = true;
		this.ringer.set(false);
		clearInterval(this.ticker);
		clearTimeout(this.toastTimer);
		document.removeEventListener("keydown", this.keys);
		this.element.remove();
	}

	/* ---- words ---- */

	setLanguage(wanted) {
		const conf = this.rtc.info ? this.rtc.info.language : "auto";
		this.language = languageOf(wanted !== "auto" ? wanted : conf);
		this.t = translator(this.language);
		document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en";
		this.title();
	}

	/* A page that lies behind others says in its title who calls. */
	title() {
		document.title =
			this.screen === "incoming"
				? this.t("announceIncoming", { kind: this.kindText(), user: this.call().userId })
				: this.t(this.way === "box" ? "title" : "guestTitle");
	}

	build() {
		this.setLanguage(localStorage.getItem(LANGUAGE_KEY) || "auto");
		this.toast = h("div", { class: "toast", role: "alert", hidden: true });
		this.spoken = h("div", { class: "quiet", role: "status", "aria-live": "assertive", "aria-atomic": true });
		this.screens = {
			idle: this.buildIdle(),
			dial: this.buildDial(),
			settings: this.buildSettings(),
			incoming: this.buildIncoming(),
			calling: this.buildCalling(),
			incall: this.buildInCall(),
		};
		for (const [name, element] of Object.entries(this.screens)) {
			element.classList.add(name);
			element.hidden = true;
		}
		this.announced = null;
		this.element.replaceChildren(...Object.values(this.screens), this.toast, this.spoken);
		this.screen = null;
		this.rtc.setupLocalView(this.ownView);
		this.rtc.setupRemoteView("", this.remoteView);
	}

	/* ---- the state ---- */

	connected() {
		const { language } = this;
		this.setLanguage(localStorage.getItem(LANGUAGE_KEY) || "auto"); /* the panel's conf has a word in it */
		if (language !== this.language) this.build();
		this.loadRecords();
		this.refresh();
	}

	connection({ connected, message }) {
		if (connected) {
			this.toast.hidden = true;
			this.connected();
		} else {
			this.say(
				this.t("noPanel", { why: WHY[message] ? this.t(WHY[message]) : message }),
				true,
				true,
			);
		}
	}

	status() {
		return this.state.status || "idle";
	}

	/* The answer to the last question counts. */
	async refresh() {
		const asked = (this.asked = (this.asked || 0) + 1);
		try {
			const state = await this.rtc.getStatus();
			if (asked !== this.asked) return;
			this.state = state;
			this.stateAt = performance.now();
		} catch {
			/* the connection says so itself */
		}
		this.render();
	}

	async loadRecords() {
		try {
			this.records = await this.rtc.getCallRecords({ limit: RECORDS });
		} catch {
			return;
		}
		this.renderRecords();
	}

	call() {
		return this.state.call || {};
	}

	/* A call that is being looked at does not ring here, and may never: nothing is to be seen of it. */
	wanted() {
		const looked = this.call().state === "screening",
			status = looked ? "idle" : this.status();
		if (status === "called") return "incoming";
		if (status === "calling") return "calling";
		return status === "inCall" ? "incall" : this.sheet || "idle";
	}

	render() {
		if (this.closed) return;
		const wanted = this.wanted(),
			changed = wanted !== this.screen;
		/* What was said of the call before does not stand beside the next one. */
		if (changed && wanted === "incoming" && !this.toastStays) this.toast.hidden = true;
		if (changed) {
			for (const [name, element] of Object.entries(this.screens))
				element.hidden = name !== wanted;
			this.screen = this.element.dataset.screen = wanted;
		}
		this.ringer.set(wanted === "incoming" && !this.call().ignored);
		const draw = {
			idle: this.renderIdle,
			dial: this.renderDial,
			settings: this.renderSettings,
			incoming: this.renderIncoming,
			calling: this.renderCalling,
			incall: this.renderInCall,
		}[wanted];
		draw.call(this, changed);
		if (changed && wanted !== "settings") this.setPreview(false);
		if (changed) this.title();
		if (changed) this.arrive();
		this.announce();
	}

	/* A screen reader and the keyboard begin where the screen does. */
	arrive() {
		const first = this.screens[this.screen].querySelector("[data-first]");
		if (first) first.focus({ preventScroll: true });
	}

	/* What a person who does not look is told: each step of a call once. */
	announce() {
		const { state, userId: user, callId } = this.call(),
			{ audioMuted = false } = this.state;
		const words = {
			incoming: () =>
				[
					this.t("announceIncoming", { kind: this.kindText(), user }),
					this.groupText(),
				]
					.filter(Boolean)
					.join(". "),
			calling: () => this.t(state === "ringback" ? "announceRinging" : "announceCalling", { user }),
			incall: () =>
				({
					accepting: this.t("connectingCall"),
					connecting: this.t("connectingCall"),
					recovering: this.t("reconnecting"),
				})[state] || this.t(audioMuted ? "announceMuted" : "announceConnected", { user }),
		}[this.screen];
		const text = words ? words() : "",
			step = `${callId} ${text}`;
		if (step === this.announced) return;
		this.announced = step;
		this.spoken.textContent = text;
	}

	kindText() {
		return this.t(this.call().type === VIDEO ? "incomingVideo" : "incomingAudio");
	}

	/* ---- what is said ---- */

	say(text, bad = false, stays = false) {
		clearTimeout(this.toastTimer);
		this.toast.textContent = text;
		this.toast.classList.toggle("bad", bad);
		this.toast.hidden = false;
		this.toastStays = stays;
		if (!stays) this.toastTimer = setTimeout(() => (this.toast.hidden = true), 6000);
	}

	ended({ reasonCode, userId, message, callId }) {
		const nowhere = reasonCode === 2 && this.dialed === callId && this.rang !== callId;
		const word = nowhere ? "endNotReached" : `end${reasonCode}`,
			goesOn = this.goesOn === callId,
			/* Why it could not be set up, where that is known; other ends have their own words. */
			why = reasonCode === 7 ? faultWords(this.t, message) : message;
		this.answered();
		this.quality = 0;
		if (!QUIET_ENDS.includes(reasonCode))
			this.say(
				why !== message || !hasWord(word) ? why : this.t(word, { user: userId }),
				BAD_ENDS.includes(reasonCode) && !goesOn,
			);
		this.loadRecords();
	}

	typeChange({ type, state, userId }) {
		if (state === 1)
			this.ask(this.t(type === VIDEO ? "askVideo" : "askAudio", { user: userId }), [
				["agree", "good", () => this.do(this.rtc.switchCallType(type, 2))],
				["refuse", "", () => this.do(this.rtc.switchCallType(type, 3))],
			]);
		else if (state === 3) this.say(this.t("typeRefused"));
	}

	/* While it asks, nothing else can be reached; then the keyboard is where it was. */
	answered() {
		if (!this.question) return;
		this.question.remove();
		this.question = null;
		for (const screen of Object.values(this.screens)) screen.inert = false;
		if (this.before && this.before.isConnected) this.before.focus();
	}

	ask(text, answers) {
		this.answered();
		this.before = document.activeElement;
		for (const screen of Object.values(this.screens)) screen.inert = true;
		const buttons = answers.map(([word, kind, run]) =>
			h(
				"button",
				{
					class: `wide ${kind}`,
					type: "button",
					onclick: () => {
						this.answered();
						run();
					},
				},
				this.t(word),
			),
		);
		this.question = h(
			"div",
			{ class: "ask", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "question" },
			h("div", {}, h("h2", { id: "question" }, text), h("div", { class: "field" }, ...buttons)),
		);
		this.element.append(this.question);
		buttons[0].focus();
	}

	deviceText({ kind, message }) {
		const rest = faultWords(this.t, message);
		return this.t(kind === "camera" ? "faultCamera" : kind === "speaker" ? "faultSpeaker" : "faultMicrophone", { rest });
	}

	async do(promise) {
		try {
			await promise;
		} catch (error) {
			this.say(faultWords(this.t, error.message), true);
		}
		this.refresh();
	}

	/* ---- idle ---- */

	buildIdle() {
		this.lamp = h("span", { class: "lamp" });
		this.whoName = h("h1", { class: "name", "data-first": true, tabindex: -1 });
		this.whoState = h("span", { class: "dim" });
		this.time = h("div", { class: "time" });
		this.date = h("div", { class: "date" });
		this.dndNote = h(
			"p",
			{ class: "note", hidden: true },
			icon("moon"),
			h("span", {}, this.t("dndOn")),
		);
		this.lineNote = h("p", { class: "note", hidden: true });
		this.missedBadge = h("span", { class: "badge", hidden: true });
		const tab = (word, missed, ...more) =>
			h(
				"button",
				{
					type: "button",
					"aria-pressed": "false",
					onclick: () => {
						this.onlyMissed = missed;
						if (missed) this.missedSeen();
						this.renderRecords();
					},
				},
				this.t(word),
				...more,
			);
		this.tabs = [tab("all", false), tab("missed", true, this.missedBadge)];
		this.recordList = h("ul", { class: "list" });
		const settings = h(
			"button",
			{
				class: "small",
				type: "button",
				"aria-label": this.t("settings"),
				title: this.t("settings"),
				onclick: () => this.openSheet("settings"),
			},
			icon("gear"),
		);
		const leave =
			this.onLogout &&
			h(
				"button",
				{
					class: "small",
					type: "button",
					"aria-label": this.t("logout"),
					title: this.t("logout"),
					onclick: () => this.onLogout(),
				},
				icon("close"),
			);
		return h(
			"main",
			{ class: "screen" },
			h(
				"div",
				{ class: "top" },
				h("div", { class: "who" }, this.lamp, this.whoName, this.whoState),
				h("div", { class: "who" }, settings, leave || null),
			),
			h(
				"div",
				{ class: "body" },
				h(
					"div",
					{ class: "hero" },
					this.time,
					this.date,
					this.dndNote,
					this.lineNote,
					h(
						"button",
						{
							class: "wide good",
							type: "button",
							"aria-keyshortcuts": "c",
							onclick: () => this.openSheet("dial"),
						},
						icon("phone"),
						this.t("call"),
					),
				),
				h(
					"section",
					{ class: "panel", "aria-label": this.t("recent") },
					h(
						"div",
						{ class: "top" },
						h("h2", {}, this.t("recent")),
						h(
							"div",
							{ class: "tabs", role: "group", "aria-label": this.t("shown") },
							...this.tabs,
						),
					),
					this.recordList,
				),
			),
		);
	}

	renderIdle() {
		const lines = this.state.accounts || [];
		const line = lines[0];
		this.whoName.textContent = line ? line.account : "callbox";
		this.whoState.textContent = line ? this.t(line.state) : this.t("noAccount");
		this.whoState.title = line ? line.message || "" : "";
		this.lamp.className = `lamp ${line ? line.state : "offline"}`;
		this.dndNote.hidden = !this.state.dnd;
		this.lineNote.textContent = this.linesText(lines);
		this.lineNote.hidden = !this.lineNote.textContent;
		this.tick();
		this.renderRecords();
	}

	/* Which accounts are not connected, and why. */
	linesText(lines) {
		return lines
			.filter(
				({ state, message }) =>
					state !== "online" && (state !== "connecting" || /^hub \S+: /.test(message)),
			)
			.map(({ account, state, message }) =>
				this.t("lineNote", {
					user: account,
					state: this.t(state),
					why: faultWords(this.t, message || ""),
				}),
			)
			.join("; ");
	}

	missedRecords() {
		return this.records.filter((r) => r.direction === "in" && (r.status === 4 || r.status === 2));
	}

	/* By the clock that wrote the records, which need not be this browser's. */
	missedSeen() {
		const newest = Math.max(0, ...this.missedRecords().map((r) => r.startedAt || 0));
		localStorage.setItem(SEEN_KEY, String(newest));
	}

	when(ms) {
		const date = new Date(ms),
			today = new Date();
		const options =
			date.toDateString() === today.toDateString()
				? { hour: "2-digit", minute: "2-digit" }
				: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
		return date.toLocaleString(this.language === "zh" ? "zh-CN" : undefined, options);
	}

	recordRow(r) {
		const missed = r.direction === "in" && (r.status === 4 || r.status === 2);
		const kind = this.t(missed ? "missed" : r.direction === "out" ? "outgoing" : "incoming");
		const how =
			r.status === 1 ? clock(r.durationMs || 0) : missed ? "" : this.t(`status${r.status}`);
		const parts = [kind, how, r.startedAt ? this.when(r.startedAt) : ""].filter(Boolean);
		const text = parts.map((part) => part.replace(/ /g, "\u00a0")).join(" · ");
		return h(
			"li",
			{ class: missed ? "missed" : "" },
			icon(r.direction === "out" ? "out" : "in"),
			h("div", { class: "text" }, h("b", {}, r.peer), h("span", {}, text)),
			...this.callButtons(r.peer),
		);
	}

	callButtons(user) {
		return [
			["phone", "audioCallTo", 1],
			["video", "videoCallTo", 2],
		].map(([name, word, type]) =>
			h(
				"button",
				{
					class: "small good",
					type: "button",
					"aria-label": this.t(word, { user }),
					onclick: () => this.dial(user, type),
				},
				icon(name),
			),
		);
	}

	renderRecords() {
		const missed = this.missedRecords(),
			seen = Number(localStorage.getItem(SEEN_KEY) || 0);
		const fresh = missed.filter((r) => !r.startedAt || r.startedAt > seen).length;
		const shown = this.onlyMissed ? missed : this.records;
		this.missedBadge.hidden = fresh === 0;
		this.missedBadge.textContent = String(fresh);
		this.tabs[1].setAttribute(
			"aria-label",
			fresh ? this.t("missedCount", { n: fresh }) : this.t("missed"),
		);
		this.tabs.forEach((tab, index) =>
			tab.setAttribute("aria-pressed", String((index === 1) === this.onlyMissed)),
		);
		this.recordList.replaceChildren(
			...(shown.length
				? shown.map((r) => this.recordRow(r))
				: [
						h(
							"li",
							{ class: "empty" },
							this.t(this.onlyMissed ? "noMissed" : "noCalls"),
						),
					]),
		);
	}

	tick() {
		const now = new Date(),
			locale = this.language === "zh" ? "zh-CN" : undefined;
		const time = now.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
		if (this.time.textContent !== time) {
			this.time.textContent = time;
			this.date.textContent = now.toLocaleDateString(locale, {
				weekday: "long",
				month: "long",
				day: "numeric",
			});
		}
		const { durationMs } = this.call();
		this.lasts.textContent =
			durationMs === undefined || !this.stateAt
				? ""
				: clock(durationMs + performance.now() - this.stateAt);
	}

	/* ---- dial ---- */

	header(word) {
		return h(
			"div",
			{ class: "top" },
			h(
				"div",
				{ class: "who" },
				h(
					"button",
					{
						class: "small",
						type: "button",
						"aria-label": this.t("back"),
						onclick: () => this.openSheet(null),
					},
					icon("back"),
				),
				h("h1", {}, this.t(word)),
			),
		);
	}

	buildDial() {
		this.dialField = h("input", {
			id: "user",
			placeholder: this.t("accountHint"),
			"aria-label": this.t("callWhom"),
			"data-first": true,
			autocomplete: "off",
			autocapitalize: "none",
			spellcheck: "false",
			maxlength: 128,
			enterkeyhint: "go",
			oninput: () => this.renderDial(),
		});
		this.dialButtons = [
			["phone", "audioCall", 1, ""],
			["video", "videoCall", 2, "good"],
		].map(([name, word, type, kind]) =>
			h(
				"button",
				{
					class: `wide ${kind}`,
					type: type === 2 ? "submit" : "button",
					onclick:
						type === 2
							? () => {}
							: () => this.dial(this.dialField.value, type),
				},
				icon(name),
				this.t(word),
			),
		);
		this.contactList = h("ul", { class: "list" });
		const form = h(
			"form",
			{
				class: "field dialing",
				onsubmit: (event) => {
					event.preventDefault();
					this.dial(this.dialField.value, VIDEO);
				},
			},
			this.dialField,
			...this.dialButtons,
		);
		return h(
			"main",
			{ class: "screen" },
			h(
				"div",
				{ class: "sheet" },
				this.header("callWhom"),
				form,
				h(
					"section",
					{ class: "panel", "aria-label": this.t("contacts") },
					h("h2", {}, this.t("contacts")),
					this.contactList,
				),
			),
		);
	}

	renderDial() {
		const text = this.dialField.value.trim().toLowerCase();
		const known = [
			...new Set([...(this.state.contacts || []), ...this.records.map((r) => r.peer)]),
		];
		const shown = known.filter((user) => user.toLowerCase().includes(text));
		for (const button of this.dialButtons) button.disabled = !text;
		this.contactList.replaceChildren(
			...(shown.length
				? shown.map((user) =>
						h(
							"li",
							{},
							h("div", { class: "text" }, h("b", {}, user)),
							...this.callButtons(user),
						),
					)
				: [h("li", { class: "empty" }, this.t("noContacts"))]),
		);
	}

	/* Several accounts with blanks or commas between them: one after the other is asked. */
	dial(text, type) {
		const users = text.split(/[\s,，、;；]+/).filter(Boolean);
		if (!users.length) return;
		this.sheet = null;
		this.dialField.value = "";
		this.do(this.rtc.call({ ...(users.length > 1 ? { userIds: users } : { userId: users[0] }), type }));
	}

	openSheet(name) {
		this.sheet = name;
		if (name === "settings") {
			this.loadDevices();
			this.loadVolumes();
		}
		else this.setPreview(false);
		this.render();
	}

	/* ---- settings ---- */

	may(word) {
		return this.way === "peer"
			? word !== "account" && word !== "volume"
			: Boolean(this.rtc.info && this.rtc.info.settings.includes(word));
	}

	buildSettings() {
		const select = (rows, onchange, label) =>
			h(
				"select",
				{ "aria-label": label, onchange: (e) => onchange(e.target.value) },
				...rows.map(([value, text]) => h("option", { value }, text)),
			);
		const row = (word, control, kind = "") =>
			h("div", { class: `row ${kind}` }, h("span", {}, this.t(word)), control);
		const languages = select(
			[["auto", this.t("automatic")], ...LANGUAGES],
			(value) => {
				localStorage.setItem(LANGUAGE_KEY, value);
				this.build();
				this.render();
				this.loadDevices();
			},
			this.t("language"),
		);
		languages.value = localStorage.getItem(LANGUAGE_KEY) || "auto";
		languages.dataset.first = "";
		this.dndSwitch = h("button", {
			class: "switch",
			type: "button",
			role: "switch",
			"aria-checked": "false",
			"aria-label": this.t("dnd"),
			onclick: () => this.do(this.rtc.setDnd(!this.state.dnd)),
		});
		this.timeoutOut = h("span", { class: "value", "aria-hidden": true }); /* the slider says it */
		this.timeoutField = h("input", {
			type: "range",
			min: 10,
			max: 120,
			step: 5,
			"aria-label": this.t("timeout"),
			oninput: () => this.timeoutShow(),
			onchange: () => this.do(this.rtc.setCallTimeout(this.timeoutField.value * 1000)),
		});
		this.timeoutField.value = 30;
		const profiles = select(
			[
				["", this.t("unchanged")],
				...["1080p", "720p", "360p", "180p"].map((p) => [p, this.t(`profile${p}`)]),
			],
			(resolution) => resolution && this.do(this.rtc.setCallProfile({ resolution })),
			this.t("profile"),
		);
		const qualities = select(
			[
				["", this.t("unchanged")],
				...["low", "medium", "high"].map((q) => [q, this.t(`quality_${q}`)]),
			],
			(quality) => quality && this.do(this.rtc.setCallProfile({ quality })),
			this.t("pictureQuality"),
		);
		this.knobFields = Object.fromEntries(
			KNOBS.map((kind) => [
				kind,
				h("input", {
					type: "range",
					min: 0,
					max: 100,
					step: 5,
					"aria-label": this.t(`${kind}Volume`),
					onchange: ({ target }) => this.do(this.rtc.setVolume(kind, Number(target.value))),
				}),
			]),
		);
		this.knobRows = KNOBS.map((kind) => row(`${kind}Volume`, this.knobFields[kind]));
		this.accountRows = new Map(); /* account → {element, state, button} */
		this.accountList = h("div", { class: "rows" });
		this.deviceFields = ["camera", "microphone", "speaker"].map((kind) => ({
			kind,
			field: select(
				[],
				(id) => id && this.do(this.rtc.switchDevice(`${kind}Id`, id)),
				this.t(kind),
			),
		}));
		this.deviceRows = this.deviceFields.map(({ kind, field }) => row(kind, field));
		this.shot = h("div", { class: "shot", hidden: true });
		this.previewButton = h("button", {
			class: "wide",
			type: "button",
			onclick: () => this.setPreview(this.shot.hidden),
		});
		this.settingRows = {
			dnd: [row("dnd", this.dndSwitch, "short")],
			timeout: [
				row(
					"timeout",
					h("div", { class: "range" }, this.timeoutField, this.timeoutOut),
				),
			],
			profile: [
				row("profile", profiles),
				...(this.way === "box" ? [row("pictureQuality", qualities)] : []),
			],
			devices: this.deviceRows,
			volume: this.knobRows,
			account: [this.accountList],
		};
		this.nothing = h("p", { class: "empty" }, this.t("nothingAllowed"));
		this.timeoutShow();
		return h(
			"main",
			{ class: "screen" },
			h(
				"div",
				{ class: "sheet" },
				this.header("settings"),
				h(
					"div",
					{ class: "rows" },
					row("language", languages),
					...Object.values(this.settingRows).flat(),
					this.nothing,
					this.previewButton,
					this.shot,
				),
			),
		);
	}

	timeoutShow() {
		const text = this.t("seconds", { n: this.timeoutField.value });
		this.timeoutOut.textContent = text;
		this.timeoutField.setAttribute("aria-valuetext", text);
	}

	renderSettings(changed) {
		let some = false;
		for (const [word, rows] of Object.entries(this.settingRows)) {
			some = some || this.may(word);
			rows.forEach((element) => (element.hidden = !this.may(word)));
		}
		this.nothing.hidden = some;
		this.dndSwitch.setAttribute("aria-checked", String(Boolean(this.state.dnd)));
		this.previewButton.textContent = this.t(this.shot.hidden ? "preview" : "stopPreview");
		if (changed && this.state.callTimeoutMs) {
			this.timeoutField.value = this.state.callTimeoutMs / 1000;
			this.timeoutShow();
		}
		this.deviceFields.forEach(({ field }, index) => {
			if (!field.options.length) this.deviceRows[index].hidden = true;
		});
		if (this.may("account")) this.renderAccounts();
	}

	/* One row an account that the box knows: its state, and the way out or in again. */
	renderAccounts() {
		for (const { account, state, message = "" } of this.state.accounts || []) {
			if (!this.accountRows.has(account)) this.accountRows.set(account, this.accountRow(account));
			const one = this.accountRows.get(account),
				out = state === "refused" || state === "kicked" || state === "offline";
			one.state.textContent = [account, this.t(state)].join(" · ");
			one.state.title = message;
			one.button.textContent = this.t(out ? "login" : "logout");
			one.button.setAttribute("aria-label", `${one.button.textContent}: ${account}`);
			one.out = out;
		}
	}

	accountRow(account) {
		const one = { state: h("span"), out: false };
		one.button = h("button", {
			class: "wide",
			type: "button",
			onclick: () => this.do(one.out ? this.rtc.login({ account }) : this.rtc.logout({ account })),
		});
		this.accountList.append(h("div", { class: "row" }, one.state, one.button));
		return one;
	}

	volumeShow(kind, knob) {
		const field = this.knobFields[kind];
		if (!field || !knob || typeof knob.percent !== "number") return;
		field.value = knob.percent;
		field.setAttribute("aria-valuetext", `${knob.percent} %`);
	}

	async loadVolumes() {
		if (!this.may("volume")) return;
		const found = await this.rtc.getVolume().catch(() => ({}));
		for (const kind of KNOBS) this.volumeShow(kind, found[kind]);
	}

	async loadDevices() {
		if (!this.may("devices")) return;
		const found = await this.rtc.getDevices().catch(() => ({}));
		for (const { kind, field } of this.deviceFields) {
			const list = (found[`${kind}s`] || []).filter(({ id }) => id);
			const used = found[kind];
			if (used && !list.some(({ id }) => id === used)) list.unshift({ id: used, name: used });
			field.replaceChildren(
				...list.map(({ id, name }) => h("option", { value: id }, name || id)),
			);
			if (used) field.value = used;
		}
		this.render();
	}

	async setPreview(on) {
		if (on === !this.shot.hidden) return;
		this.shot.hidden = !on;
		this.rtc.setupLocalView(on ? this.shot : this.ownView);
		if (on) await this.do(this.rtc.preview(true));
		else await this.rtc.preview(false).catch(() => {}); /* a box's preview has given way to the call */
		this.render();
		if (on) this.shot.scrollIntoView({ block: "end" });
	}

	/* ---- calls ---- */

	face() {
		const avatar = h("div", { class: "avatar", "aria-hidden": "true" });
		const name = h("h1", { tabindex: -1, "data-first": true }),
			text = h("p"),
			others = h("p", { class: "others", hidden: true });
		const element = h("div", { class: "face" }, avatar, name, text, others);
		return {
			element,
			show: (user, words, more = "") => {
				avatar.textContent = ([...user][0] || "?").toUpperCase();
				name.textContent = user;
				text.textContent = words;
				others.textContent = more;
				others.hidden = !more;
			},
		};
	}

	buildIncoming() {
		this.incomingFace = this.face();
		this.audioOnly = round("sound", "third", this.t("acceptAudio"), () =>
			this.do(this.rtc.accept({ type: 1 })),
		);
		return h(
			"main",
			{ class: "stage ringing" },
			this.incomingFace.element,
			this.audioOnly,
			h(
				"div",
				{ class: "controls" },
				round(
					"down",
					"big bad",
					this.t("reject"),
					() => this.do(this.rtc.reject()),
					"r",
				),
				(this.acceptButton = round(
					"video",
					"big good",
					this.t("accept"),
					() => this.do(this.rtc.accept()),
					"a",
				)),
			),
		);
	}

	renderIncoming() {
		const call = this.call(),
			video = call.type === VIDEO;
		this.incomingFace.show(call.userId || "", this.kindText(), this.groupText());
		this.audioOnly.hidden = !video;
		this.acceptButton.relabel(this.t("accept"), video ? "video" : "phone");
	}

	/* The group that the call is to, and who else is asked. */
	groupText() {
		const { account, userIds = [], groupId } = this.call();
		const users = userIds.filter((user) => user !== account).join(", ");
		return [groupId && this.t("groupCall", { group: groupId }), users && this.t("alsoAsked", { users })]
			.filter(Boolean)
			.join(" · ");
	}

	buildCalling() {
		this.callingFace = this.face();
		return h(
			"main",
			{ class: "stage ringing" },
			this.callingFace.element,
			h(
				"div",
				{ class: "controls" },
				round(
					"down",
					"big bad",
					this.t("cancel"),
					() => this.do(this.rtc.cancel()),
					"h",
				),
			),
		);
	}

	renderCalling() {
		const call = this.call();
		this.dialed = call.callId;
		if (call.state === "ringback") this.rang = call.callId;
		this.callingFace.show(
			call.userId || "",
			this.t(call.state === "ringback" ? "ringing" : "calling"),
			call.next && call.next.length ? this.t("askedNext", { users: call.next.join(", ") }) : "",
		);
	}

	buildInCall() {
		this.talkFace = this.face();
		this.remoteView = h("div", { class: "remote", role: "img" });
		this.ownView = h("div", { class: "inset", role: "img", "aria-label": this.t("ownView") });
		this.peerName = h("b", { "aria-hidden": true }); /* the heading below says it */
		this.lasts = h("span", { class: "lasts", role: "timer", "aria-label": this.t("duration") });
		this.bars = h("span", { class: "bars", role: "img" }, h("i"), h("i"), h("i"), h("i"));
		this.told = h("div", { class: "said", hidden: true });
		this.micButton = round(
			"mic",
			"",
			"",
			() => this.do(this.rtc.muteLocalAudio(!this.state.audioMuted)),
			"m",
		);
		this.camButton = round(
			"video",
			"",
			"",
			() => this.do(this.rtc.muteLocalVideo(!this.state.videoMuted)),
			"v",
		);
		this.typeButton = round("sound", "", "", () =>
			this.do(this.rtc.switchCallType(this.call().type === VIDEO ? 1 : 2, 1)),
		);
		return h(
			"main",
			{ class: "stage" },
			this.talkFace.element,
			this.remoteView,
			h(
				"div",
				{ class: "bar" },
				this.peerName,
				this.lasts,
				h("span", { class: "gap" }),
				this.bars,
			),
			this.told,
			this.ownView,
			h(
				"div",
				{ class: "controls" },
				this.micButton,
				this.camButton,
				this.typeButton,
				round("down", "bad", this.t("hangup"), () => this.do(this.rtc.hangup()), "h"),
			),
		);
	}

	renderInCall() {
		const call = this.call(),
			video = call.type === VIDEO,
			user = call.userId || "";
		const { audioMuted = false, videoMuted = false } = this.state;
		const waits = {
			accepting: "connectingCall",
			connecting: "connectingCall",
			recovering: "reconnecting",
		}[call.state];
		const noPicture = Boolean(call.peerVideoMuted) || call.peerCameraAvailable === false;
		const peer = [call.peerAudioMuted && "peerMuted", video && noPicture && "peerCameraOff"]
			.filter(Boolean)
			.map((word) => this.t(word, { user }))
			.join(" · ");
		this.peerName.textContent = user;
		this.talkFace.show(user, waits ? this.t(waits) : "");
		this.remoteView.hidden = !video || noPicture;
		this.remoteView.setAttribute("aria-label", this.t("remoteView", { user }));
		this.ownView.hidden = !video || videoMuted;
		this.told.hidden = !waits && !peer;
		this.told.textContent = waits ? this.t(waits) : peer;
		this.micButton.relabel(this.t(audioMuted ? "unmute" : "mute"), audioMuted ? "noMic" : "mic");
		this.micButton.dataset.on = audioMuted ? "no" : "yes";
		this.camButton.hidden = !video;
		this.camButton.relabel(
			this.t(videoMuted ? "cameraOn" : "cameraOff"),
			videoMuted ? "noVideo" : "video",
		);
		this.camButton.dataset.on = videoMuted ? "no" : "yes";
		this.typeButton.relabel(this.t(video ? "toAudio" : "toVideo"), video ? "sound" : "video");
		this.typeButton.disabled = Boolean(waits);
		this.qualityShow();
		this.tick();
	}

	qualityCame({ up, down }) {
		this.quality = Math.max(up || 0, down || 0);
		this.qualityShow();
	}

	qualityShow() {
		const text = this.t("quality", { q: this.t(`q${this.quality}`) });
		this.bars.dataset.q = String(this.quality);
		this.bars.setAttribute("aria-label", text);
		this.bars.title = text;
	}

	/* ---- keyboard ---- */

	key(event) {
		if (
			event.ctrlKey ||
			event.altKey ||
			event.metaKey ||
			event.repeat ||
			/^(INPUT|SELECT)$/.test(event.target.tagName)
		) {
			if (event.key === "Escape" && this.sheet) this.openSheet(null);
			return;
		}
		const keys =
			{
				idle: { c: () => this.openSheet("dial") },
				dial: { Escape: () => this.openSheet(null) },
				settings: { Escape: () => this.openSheet(null) },
				incoming: {
					a: () => this.do(this.rtc.accept()),
					r: () => this.do(this.rtc.reject()),
				},
				calling: {
					h: () => this.do(this.rtc.cancel()),
					Escape: () => this.do(this.rtc.cancel()),
				},
				incall: {
					m: () => this.micButton.click(),
					v: () => !this.camButton.hidden && this.camButton.click(),
					h: () => this.do(this.rtc.hangup()),
				},
			}[this.screen] || {};
		if (keys[event.key]) {
			event.preventDefault();
			keys[event.key]();
		}
	}
}
