/* PeerWay: the browser as a device of an account on a hub: the call machine, the hub and the browser's own camera and
 * microphone, put together. Call records and what a reload must settle are kept in localStorage. */
import { CallMachine, CallError, VIDEO } from "./machine.js";
import { HubLink } from "./hub.js";
import { PeerMedia } from "./media.js";
import { ElementView } from "./view.js";
import { Hunt } from "./hunt.js";
import { claimTab, inheritRecords } from "./tab.js";

const RECORDS_MAX = 200,
	PING_MS = 10000,
	ONLINE_LIMIT_MS = 10000,
	RELEASE_MS = 250,
	DND_MS_MAX = 7 * 86400000,
	ANY = "";

/* What a browser says of a device that it does not give. */
const DEVICE_FAULTS = { NotAllowedError: "not allowed", NotFoundError: "none found", NotReadableError: "in use" };

const hex = (bytes) =>
	[...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");

function store(key, value) {
	try {
		if (value === null) localStorage.removeItem(key);
		else localStorage.setItem(key, JSON.stringify(value));
	} catch (error) {
		console.warn(`callbox: ${key} is not kept: ${error.message}`);
	}
}

function stored(key, otherwise) {
	try {
		return JSON.parse(localStorage.getItem(key)) || otherwise;
	} catch {
		return otherwise;
	}
}

export class PeerWay {
	constructor(options, table, emit) {
		const {
			url,
			account,
			token,
			device,
			iceServers = [],
			iceTransportPolicy = "all",
			policy = {},
		} = options;
		if (!account || !url) throw new CallError("way peer needs url, account and token", "value");
		Object.assign(this, { iceServers, iceTransportPolicy, table, policy, named: device });
		/* The machine's and the way's own in one growing order. */
		this.sequence = 0;
		this.emit = (name, payload) => emit(name, { ...payload, sequence: ++this.sequence });
		this.constraints = { audio: true, video: { width: { ideal: 1280 }, height: { ideal: 720 } } };
		this.local = null; /* MediaStream while devices are open */
		this.opening = null;
		this.media = null;
		this.remoteStream = null;
		this.bitrateBps = null; /* of the picture: as the browser likes */
		this.previewing = false;
		this.localView = new ElementView({ mirrored: true });
		this.remoteViews = new Map(); /* user → ElementView */
		this.sound = typeof Audio === "undefined" ? null : new Audio();
		this.leave = () => this.machine && this.machine.live && this.run((m) => m.leave());
		window.addEventListener("pagehide", this.leave);
		this.open({ url, account, token: token || "" });
	}

	/* Logs in; what was known of another login is over. */
	open({ url, account, token }) {
		Object.assign(this, { url, account, token, device: this.named });
		this.lineState = {
			account,
			device: this.device || "",
			provider: "hub",
			server: url,
			state: "connecting",
			message: "",
		};
		this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
		this.ready.catch(() => {});
		this.lineKnow();
		this.begun = this.begin();
	}

	/* As soon as it is known which device this is. */
	async begin() {
		const { account, url, token, table, policy } = this,
			guest = !this.device;
		if (guest) {
			this.tab = this.tab || (await claimTab());
			if (this.over) this.tab.release();
			if (this.over) return;
			this.device = this.lineState.device = this.tab.name;
		}
		const boot = hex(4),
			{ device, machine: old } = this;
		this.key = `callbox.${account}.${device}`;
		this.machine = new CallMachine({
			table,
			account,
			party: `${device}:${boot}`,
			now: () => Math.floor(performance.now()), /* whole milliseconds, as in records */
			policy,
		});
		if (old) this.machine.follow(old);
		this.hunt = new Hunt({
			idNew: () => hex(16),
			begin: (callId, userId, what) => this.machine.call({ ...what, callId, userId }),
			next: (payload) => this.emit("onCallNext", payload),
		});
		this.hub = new HubLink(
			{ url, account, token, device, boot, guest },
			{
				status: (state, message) => this.status(state, message),
				synced: (isSynced) => this.run((m) => m.synced(isSynced)),
				message: (message) => this.run((m) => m.message(message)),
			},
		);
		const left = stored(`${this.key}.journal`, null);
		clearInterval(this.pinger);
		if (left) this.run((m) => m.restore(left.entry, Math.max(Date.now() - left.at, 0)));
		this.pinger = setInterval(() => this.run((m) => m.ping()), PING_MS);
		if (guest) await this.inherit();
	}

	/* The calls of tabs that were closed are this browser's calls too. */
	async inherit() {
		const [old, own] = [
			await inheritRecords(this.account, this.device),
			stored(`${this.key}.records`, []),
		];
		const others = old.filter((r) => !own.some((mine) => mine.channelId === r.channelId));
		const all = [...own, ...others].sort((one, other) => other.startedAt - one.startedAt);
		if (others.length) store(`${this.key}.records`, all.slice(0, RECORDS_MAX));
	}

	destroy() {
		this.over = true;
		window.removeEventListener("pagehide", this.leave);
		this.hangUpLine();
		this.previewing = false;
		this.devicesClose();
		this.localView.detach();
		for (const view of this.remoteViews.values()) view.detach();
		if (this.tab) setTimeout(() => this.tab.release(), RELEASE_MS);
	}

	/* The call ends, and the connection when the last words have left; nothing is heard of it any more. */
	hangUpLine() {
		const { hub } = this;
		this.leave();
		clearInterval(this.pinger);
		clearTimeout(this.timer);
		if (hub) hub.leave();
		this.hub = null;
		this.reject(new CallError("logged out", "state"));
	}

	logout() {
		this.hangUpLine();
		this.status("offline", "logged out");
	}

	/* Again, or as somebody else. */
	async login({ account = this.account, token = this.token, server = this.url }) {
		if (typeof account !== "string" || !account)
			throw new CallError("account: 1 to 128 bytes are needed", "value");
		if (typeof token !== "string" || !token)
			throw new CallError("token: 1 to 1024 bytes are needed", "value");
		this.hangUpLine();
		this.open({ url: server, account, token });
		await this.begun;
	}

	status(state, message) {
		Object.assign(this.lineState, { state, message });
		if (state === "online") this.resolve();
		if (state !== "connecting") this.lineKnown();
		if (state === "refused" || state === "kicked") this.reject(new CallError(message, "state"));
		if (state === "kicked") this.run((m) => m.kicked());
		this.emit("onLineState", { ...this.lineState });
	}

	lineKnow() {
		this.known = new Promise((resolve) => (this.lineKnown = resolve));
	}

	/* Throws in words when the hub is not there; while the line is being made that is waited for. */
	async online() {
		if (this.lineState.state === "connecting") {
			this.lineKnow();
			await Promise.race([this.known, new Promise((resolve) => setTimeout(resolve, ONLINE_LIMIT_MS))]);
		}
		const { account, state, message } = this.lineState;
		if (state !== "online") throw new CallError(`account ${account} is ${state}: ${message}`, "state");
	}

	/* ---- the machine ---- */

	run(fn) {
		try {
			return fn(this.machine);
		} finally {
			this.drain();
		}
	}

	drain() {
		for (let o; (o = this.machine.take());) this.carryOut(o);
		clearTimeout(this.timer);
		const deadline = this.machine.deadline();
		if (deadline >= 0)
			this.timer = setTimeout(
				() => this.run((m) => m.tick()),
				Math.max(deadline - performance.now(), 0) + 1,
			);
	}

	/* What ends without having rung stops nobody else's ring. */
	ring({ on, callId }) {
		if (!on && callId !== this.rings) return;
		this.rings = on ? callId : null;
		this.emit("onRing", { on, soft: false, callId });
	}

	carryOut(o) {
		const kinds = {
			send: () => this.send(o),
			event: () => this.event(o.name, o.payload),
			ring: () => this.ring(o),
			mediaOpen: () => this.mediaOpen(o),
			mediaStart: () => this.mediaStart(o),
			mediaMessage: () => this.queue((media) => media.peerMessage(o.kind, o.body)),
			mediaType: () => this.tracksChanged(),
			mediaStop: () => this.mediaStop(),
			record: () => this.record(o),
			journal: () =>
				store(
					`${this.key}.journal`,
					o.entry.live ? { entry: o.entry, at: Date.now() } : null,
				),
		};
		kinds[o.type]();
	}

	event(name, payload) {
		if (name === "onCallEnd") this.hunt.callEnded(payload.callId, payload.reasonCode);
		this.emit(name, payload);
		if (name === "onCallEnd" && !this.machine.live) this.switchesRestore();
	}

	/* What was switched off or muted was so for the call or the preview. */
	switchesRestore() {
		const { audioMuted, videoMuted, audioOn, videoOn } = this.machine.flags;
		if (audioMuted || videoMuted || !audioOn || !videoOn)
			this.setFlags({ audioMuted: false, videoMuted: false, audioOn: true, videoOn: true });
	}

	send(o) {
		const env = {
			kind: o.kind,
			call_id: o.callId,
			to_user: o.peer,
			to_party: o.toParty,
			seq: o.seq,
			deadline_ms:
				o.kind === "record" ? 6 * 24 * 3600000 : Math.max(Math.ceil(o.deadlineMs), 1),
			body: o.body,
		};
		this.hub.send(env).then(
			() => {
				if (o.kind === "record")
					this.emit("onMessageSent", { userId: o.peer, callId: o.callId });
			},
			(error) => {
				if (o.kind === "invite")
					this.run((m) =>
						m.media(
							o.callId,
							"failed",
							`invite to ${o.peer}: ${error.message}`,
						),
					);
			},
		);
	}

	record({ callId, record }) {
		const all = stored(`${this.key}.records`, []);
		const [old] = all.filter((one) => one.channelId === callId);
		const records = all.filter((one) => one !== old);
		if (record) {
			const { agoMs = 0, ...rest } = record;
			if (old && old.final && !rest.final) return;
			records.unshift({ ...rest, startedAt: old ? old.startedAt : Date.now() - agoMs });
			this.emit("onCallRecord", { ...records[0], callId });
		}
		store(`${this.key}.records`, records.slice(0, RECORDS_MAX));
	}

	/* ---- devices ---- */

	/* What there is of camera and microphone; a missing one does not end the call. */
	async devicesOpen(video) {
		const { audio } = this.constraints,
			{ mediaDevices } = navigator;
		const wishes = video
			? [
					{ audio, video: this.constraints.video },
					{ audio },
					{ video: this.constraints.video },
				]
			: [{ audio }];
		for (const wish of wishes) {
			try {
				if (!mediaDevices) throw new Error("no secure page: https or this very machine");
				return await mediaDevices.getUserMedia(wish);
			} catch (error) {
				this.emit("onDevice", {
					...this.callIdNow(),
					kind: wish.video ? "camera" : "microphone",
					id: "",
					state: "failed",
					message: DEVICE_FAULTS[error.name] || error.message,
				});
			}
		}
		return new MediaStream();
	}

	/* Opens what is not open yet; asked twice it opens once. */
	devices(video) {
		const open = async () => {
			const has = this.local && (!video || this.local.getVideoTracks().length);
			if (has) return this.local;
			const stream = await this.devicesOpen(video);
			if (this.local) this.local.getTracks().forEach((track) => track.stop());
			this.local = stream;
			this.localView.show(stream);
			return stream;
		};
		this.opening = (this.opening || Promise.resolve()).then(open);
		return this.opening;
	}

	devicesClose() {
		const close = () => {
			if ((this.machine && this.machine.live) || this.previewing) return;
			if (this.local) this.local.getTracks().forEach((track) => track.stop());
			this.local = null;
			this.localView.show(null);
		};
		this.opening = (this.opening || Promise.resolve()).then(close);
	}

	wantsVideo() {
		const call = this.machine.live;
		return Boolean(call) && call.type === VIDEO;
	}

	/* What may leave now: the machine's switches and the call's type rule. */
	tracks() {
		const [audio = null] = this.local ? this.local.getAudioTracks() : [];
		const [video = null] = this.local ? this.local.getVideoTracks() : [];
		const { audioMuted, audioOn, videoMuted, videoOn } = this.machine.flags;
		if (audio) audio.enabled = !audioMuted;
		return {
			audio: audioOn ? audio : null,
			video: videoOn && !videoMuted && this.wantsVideo() ? video : null,
		};
	}

	async tracksChanged() {
		if (this.machine.live && this.media) await this.devices(this.wantsVideo());
		await this.queue((media) => media.setTracks(this.tracks()));
	}

	/* ---- media of the call ---- */

	async mediaOpen({ callId, callType }) {
		await this.devices(callType === VIDEO);
		this.run((m) => m.setup(callId));
		if (!this.machine.live) this.devicesClose();
	}

	/* Steps of one call's media, one after the other. */
	queue(step) {
		const media = this.media;
		if (!media) return Promise.resolve();
		this.chain = this.chain
			.then(() => (this.media === media ? step(media.made) : undefined))
			.catch(
				(error) =>
					this.media === media &&
					this.run((m) =>
						m.media(media.callId, "failed", `media: ${error.message}`),
					),
			);
		return this.chain;
	}

	mediaStart({ callId, anchor }) {
		this.ring({ on: false, callId }); /* the tone that the caller waited with */
		const media = (this.media = { callId, made: null });
		this.chain = Promise.resolve();
		this.queue(async () => {
			const [servers] = await Promise.all([
				this.hub.iceServers().catch(() => []),
				this.devices(this.wantsVideo()),
			]);
			if (this.media !== media) return;
			media.made = this.mediaMake(callId, anchor, [...this.iceServers, ...servers]);
			await media.made.setTracks(this.tracks());
			await media.made.setBitrate(this.bitrateBps);
			if (anchor) await media.made.offer();
		});
	}

	mediaMake(callId, anchor, servers) {
		return new PeerMedia({
			anchor,
			servers,
			policy: this.iceTransportPolicy,
			on: {
				send: (kind, body) => this.run((m) => m.mediaMessage(callId, kind, body)),
				fact: (name, detail) => this.run((m) => m.media(callId, name, detail)),
				stream: (stream) => this.streamShow(stream),
				again: (iceRestart) => this.queue((media) => media.offer(iceRestart)),
				quality: (up, down) =>
					this.machine.live &&
					this.emit("onUserNetworkQuality", {
						userId: this.machine.live.peer,
						up,
						down,
						callId,
					}),
			},
		});
	}

	mediaStop() {
		const { media } = this;
		this.media = null;
		if (media && media.made) media.made.close();
		if (this.sound) this.sound.muted = false; /* it was for the other side of that call */
		this.streamShow(null);
		this.devicesClose();
	}

	streamShow(stream) {
		this.remoteStream = stream;
		const peer = this.machine.live ? this.machine.live.peer : null;
		for (const [user, view] of this.remoteViews)
			view.show(user === ANY || user === peer ? stream : null);
		if (!this.sound || this.sound.srcObject === stream) return;
		this.sound.srcObject = stream;
		if (stream) this.sound.play().catch((error) => this.soundRefused(error));
	}

	/* A browser may want a touch before anything sounds; a stream that is replaced meanwhile is no fault. */
	soundRefused(error) {
		if (error.name !== "AbortError")
			this.emit("onError", { ...this.callIdNow(), code: 4, message: `sound: ${error.message}` });
	}

	callIdNow() {
		return this.machine && this.machine.live ? { callId: this.machine.live.id } : {};
	}

	/* ---- verbs ---- */

	async verb(name, params) {
		if (!VERBS[name]) throw new CallError(`a browser has no verb ${name}`, "value");
		await this.begun;
		return (await VERBS[name](this, params)) || {};
	}

	setupLocalView(element) {
		this.localView.attach(element);
	}

	setupRemoteView(userId, element) {
		const user = userId || ANY;
		if (!this.remoteViews.has(user)) this.remoteViews.set(user, new ElementView({}));
		const view = this.remoteViews.get(user);
		view.attach(element);
		const peer = this.machine && this.machine.live ? this.machine.live.peer : null;
		view.show(user === ANY || user === peer ? this.remoteStream : null);
		if (!element) this.remoteViews.delete(user);
	}

	state() {
		if (!this.machine) return { status: "idle", accounts: [{ ...this.lineState }] };
		const state = this.machine.state();
		if (state.call && state.call.callId === this.hunt.callId) state.call.next = [...this.hunt.users];
		return {
			...state,
			sequence: this.sequence,
			accounts: [{ ...this.lineState }],
			...this.switches(),
			peerSilenced: Boolean(this.sound) && this.sound.muted,
			preview: this.previewing && !state.call,
		};
	}

	switches() {
		const { audioMuted, videoMuted, audioOn, videoOn } = this.machine.flags;
		return { audioMuted, videoMuted, audioEnabled: audioOn, videoEnabled: videoOn };
	}

	setFlags(flags) {
		this.run((m) => m.setFlags(flags));
		this.emit("onMuteChange", this.switches());
		return this.tracksChanged();
	}

	setFlag(name, on) {
		if (typeof on !== "boolean") throw new CallError("on: true or false is needed", "value");
		return this.machine.flags[name] === on ? undefined : this.setFlags({ [name]: on });
	}

	enable(name, on) {
		if (!this.machine.live && !this.previewing)
			throw new CallError("wrong state: idle; a call or a preview is needed", "state");
		return this.setFlag(name, on);
	}

	/* What the other side says is not played here. */
	silence(on, userId) {
		const call = this.machine.live;
		if (!call || call.outcome !== "accepted")
			throw this.machine.wrongState("setAudioMute", "a connected call");
		if (typeof on !== "boolean") throw new CallError("on: true or false is needed", "value");
		if (userId && userId !== call.peer) throw new CallError(`userId: ${userId} is not in this call`, "value");
		this.sound.muted = on;
	}
}

function groupOf({ userIds, groupId, isFromGroup }) {
	const users = Array.isArray(userIds) ? userIds : null;
	return users || groupId
		? { group_id: groupId || "", user_ids: users || [], is_from_group: isFromGroup === true }
		: null;
}

/* What is used, and what there is. */
async function deviceList({ local, sound }) {
	const kinds = { audioinput: "microphones", videoinput: "cameras", audiooutput: "speakers" };
	const used = ([track]) => (track && track.getSettings().deviceId) || "";
	const list = {
		microphone: local ? used(local.getAudioTracks()) : "",
		camera: local ? used(local.getVideoTracks()) : "",
		speaker: (sound && sound.sinkId) || "",
		microphones: [],
		cameras: [],
		speakers: [],
	};
	if (!navigator.mediaDevices) return list;
	for (const { kind, deviceId, label } of await navigator.mediaDevices.enumerateDevices())
		list[kinds[kind]].push({ id: deviceId, name: label || deviceId });
	return list;
}

async function switchDevice(way, { kind, id }) {
	const word = String(kind).replace(/Id$/, "");
	if (word === "speaker") {
		await way.sound.setSinkId(id);
		return;
	}
	if (word !== "camera" && word !== "microphone")
		throw new CallError("kind: microphone, camera or speaker is needed", "value");
	const member = word === "camera" ? "video" : "audio";
	way.constraints[member] = {
		...(way.constraints[member] === true ? {} : way.constraints[member]),
		deviceId: { exact: id },
	};
	if (!way.local) return;
	const stream = await way.devicesOpen(way.wantsVideo() || way.previewing);
	way.local.getTracks().forEach((track) => track.stop());
	way.local = stream;
	way.localView.show(stream);
	await way.tracksChanged();
}

/* Width and height of a resolution's name. */
function resolutionRead(resolution) {
	const widths = { "180p": 320, "360p": 640, "720p": 1280, "1080p": 1920 };
	if (Object.hasOwn(widths, resolution)) return { width: widths[resolution], height: parseInt(resolution, 10) };
	const [, width, height] = /^(\d+)x(\d+)$/.exec(resolution) || [];
	if (!height)
		throw new CallError("resolution: 180p, 360p, 720p, 1080p or WIDTHxHEIGHT is needed", "value");
	return { width: Number(width), height: Number(height) };
}

/* Bits for each pixel and picture at 640x360; the larger the picture the fewer are needed: as a box reckons. */
function qualityBps(quality, { width, height, frameRate = 30 }) {
	const bits = { low: 0.06, medium: 0.12, high: 0.2 };
	if (!Object.hasOwn(bits, quality)) throw new CallError("quality: low, medium or high is needed", "value");
	const area = width * height;
	return bits[quality] * ((640 * 360) / area) ** 0.25 * area * frameRate;
}

/* All of it or nothing; a resolution alone means medium quality. */
async function setProfile(way, { resolution, quality, ...numbers }) {
	const ranges = { width: [16, 3840], height: [16, 2160], frameRate: [1, 60], bitrate: [50, 20000] };
	const old = way.constraints.video;
	const wish = { width: old.width.ideal, height: old.height.ideal, frameRate: old.frameRate?.ideal };
	Object.assign(wish, resolution && resolutionRead(String(resolution)));
	for (const [name, [least, most]] of Object.entries(ranges)) {
		const value = numbers[name] ?? wish[name];
		if (value !== undefined && !(value >= least && value <= most))
			throw new CallError(`${name}: ${value} is outside ${least}..${most}`, "value");
		wish[name] = value;
	}
	const word = quality || (resolution && !wish.bitrate && "medium");
	const bps = word ? qualityBps(word, wish) : wish.bitrate ? wish.bitrate * 1000 : way.bitrateBps;
	const { width, height, frameRate } = wish;
	way.bitrateBps = bps;
	way.constraints.video = {
		...old,
		width: { ideal: width },
		height: { ideal: height },
		...(frameRate && { frameRate: { ideal: frameRate } }),
	};
	for (const track of way.local ? way.local.getVideoTracks() : [])
		await track.applyConstraints(way.constraints.video);
	await way.queue((media) => media.setBitrate(bps));
}

/* Newest first; since and until are milliseconds since the epoch; limit 0: all. */
function recordsOf(way, { peer, status = 0, since = 0, until = 0, limit = 100 }) {
	if (!(status >= 0 && status <= 5)) throw new CallError(`status: ${status} is outside 0..5`, "value");
	const good = (r) =>
		(!peer || r.peer === peer) &&
		(!status || r.status === status) &&
		r.startedAt >= since &&
		(!until || r.startedAt <= until);
	const records = stored(`${way.key}.records`, []).filter(good);
	return { records: limit > 0 ? records.slice(0, limit) : records };
}

const VERBS = {
	/* With userIds and no userId each of these is asked in turn. */
	async call(way, { userId, type, attachment, ...group }) {
		await way.online();
		const what = { type, attachment, group: groupOf(group) };
		return {
			callId: way.run(() =>
				way.hunt.call(userId || !group.userIds ? [userId] : group.userIds, what),
			),
		};
	},
	cancel: (way, { callId }) => way.run((m) => m.cancel(callId)),
	accept(way, { type, callId }) {
		way.run((m) => m.accept(type || 0, callId));
		/* Permission is asked now, while a person is there; nothing leaves before the verdict. */
		way.devices(way.wantsVideo());
	},
	reject: (way, { callId }) => way.run((m) => m.reject(callId)),
	ignore: (way, { callId }) => way.run((m) => m.ignore(callId)),
	hangup: (way, { callId }) => way.run((m) => m.hangup(callId)),
	prolong: (way) => way.run((m) => m.prolong()),
	setCallTimeout: (way, { ms }) => way.run((m) => m.setCallTimeout(ms)),
	switchCallType: (way, { type, state }) => way.run((m) => m.switchType(type, state)),
	muteLocalAudio: (way, { on }) => way.setFlag("audioMuted", on),
	muteLocalVideo: (way, { on }) => way.setFlag("videoMuted", on),
	enableLocalAudio: (way, { on }) => way.enable("audioOn", on),
	enableLocalVideo: (way, { on }) => way.enable("videoOn", on),
	setAudioMute: (way, { on, userId }) => way.silence(on, userId),
	async preview(way, { on }) {
		way.previewing = on !== false;
		await (way.previewing ? way.devices(true) : way.devicesClose());
		if (!way.previewing && !way.machine.live) way.switchesRestore();
	},
	setDnd(way, { on, forMs = 0 }) {
		if (typeof on !== "boolean") throw new CallError("on: true or false is needed", "value");
		if (!(forMs >= 0 && forMs <= DND_MS_MAX))
			throw new CallError(`forMs: ${forMs} is outside 0..${DND_MS_MAX}`, "value");
		way.run((m) => m.setDnd(on, forMs));
	},
	getDevices: deviceList,
	switchDevice,
	setCallProfile: setProfile,
	status: (way) => way.state(),
	getCallInfo: (way) => way.state().call || {},
	getRoomInfo(way) {
		const call = way.machine.live;
		return call
			? { channelId: call.id, channelName: call.id, members: [way.account, call.peer] }
			: {};
	},
	getCallRecords: recordsOf,
	stats: (way) => (way.media && way.media.made ? way.media.made.stats() : {}),
	setTokenService(way, { iceServers = [] }) {
		way.iceServers = iceServers;
	},
	login: (way, params) => way.login(params),
	logout: (way) => way.logout(),
};
