/* PeerMedia: sound and picture of one connected call in a browser. It is made on the verdict only, so that nothing
 * leaves before. The anchor offers; sound and picture are both offered always, so that a switch between them needs no
 * new description. Afterwards either side may offer, to restart ICE: when the path is lost (the anchor at once, the other
 * side a little later) or when the page asks its RTCPeerConnection for it. Of two offers under way the anchor's counts;
 * the other's is rolled back. */

const CANDIDATE_WAIT_MS = 20,
	WATCH_MS = 2000,
	DISCONNECTED_LIMIT_MS = 5000,
	YIELD_MS = 2000,
	RESTART_AGAIN_MS = 8000;

const fingerprintOf = (sdp) => (/^a=fingerprint:(.*)$/m.exec(sdp) || ["", ""])[1].trim().toLowerCase();

/* up, down: 0 unknown, 1 excellent to 5 unusable */
function grade(loss, rttMs) {
	const steps = [
		[0.01, 150],
		[0.03, 250],
		[0.08, 400],
		[0.2, 800],
	];
	const at = steps.findIndex(([mostLoss, mostRtt]) => loss <= mostLoss && rttMs <= mostRtt);
	return at < 0 ? 5 : at + 1;
}

export class PeerMedia {
	/* on: {send(kind, body), fact(name, detail), stream(stream), quality(up, down), again(iceRestart)}; again: calls
	 * offer() in its turn */
	constructor({ anchor, servers, policy, on }) {
		Object.assign(this, { anchor, on });
		this.tracks = { audio: null, video: null };
		this.stream = new MediaStream();
		this.early = [];
		this.outgoing = [];
		this.seen = {};
		this.isUp = false;
		this.bitrateBps = null;
		this.pc = new RTCPeerConnection({
			iceServers: servers,
			iceTransportPolicy: policy,
			bundlePolicy: "max-bundle",
		});
		this.pc.onicecandidate = ({ candidate }) => this.candidateOut(candidate);
		this.pc.onconnectionstatechange = () => this.changed();
		this.pc.onnegotiationneeded = () => this.isUp && on.again(false);
		this.pc.ontrack = ({ track }) => {
			for (const old of this.stream.getTracks())
				if (old.kind === track.kind && old !== track) this.stream.removeTrack(old);
			this.stream.addTrack(track);
			on.stream(this.stream);
		};
		this.watcher = setInterval(() => this.watch().catch(() => {}), WATCH_MS);
	}

	close() {
		clearInterval(this.watcher);
		clearTimeout(this.sendTimer);
		clearTimeout(this.lostTimer);
		clearTimeout(this.restartTimer);
		this.pc.close();
		this.pc = null;
	}

	/* What is sent from now on; null: nothing of that kind. */
	async setTracks({ audio, video }) {
		this.tracks = { audio, video };
		if (!this.pc) return;
		for (const transceiver of this.pc.getTransceivers()) {
			const { kind } = transceiver.receiver.track;
			if (transceiver.sender.track !== this.tracks[kind])
				await transceiver.sender.replaceTrack(this.tracks[kind]);
		}
	}

	/* Most video bits a second; null: as the browser likes. Who is not connected yet may refuse, and is told again. */
	async setBitrate(bps) {
		this.bitrateBps = bps;
		for (const { sender, receiver } of this.pc && bps ? this.pc.getTransceivers() : []) {
			const parameters = sender.getParameters();
			if (receiver.track.kind !== "video" || !parameters.encodings?.length) continue;
			parameters.encodings[0].maxBitrate = Math.round(bps);
			await sender.setParameters(parameters).catch(() => {});
		}
	}

	async offer(iceRestart = false) {
		if (!this.pc) return;
		if (!this.pc.getTransceivers().length)
			for (const kind of ["audio", "video"])
				this.pc.addTransceiver(this.tracks[kind] || kind, { direction: "sendrecv" });
		await this.describe(await this.pc.createOffer({ iceRestart }));
	}

	async describe(description) {
		await this.pc.setLocalDescription(description);
		this.on.send("description", { type: description.type, sdp: this.pc.localDescription.sdp });
	}

	async peerMessage(kind, body) {
		if (!this.pc) return;
		if (kind === "candidates")
			await this.candidatesIn(Array.isArray(body.candidates) ? body.candidates : []);
		else if (body.type === "offer" && !(this.anchor && this.isOffering())) await this.answer(body.sdp);
		else if (body.type === "answer" && this.isOffering())
			await this.remote({ type: "answer", sdp: body.sdp });
	}

	isOffering() {
		return this.pc.signalingState === "have-local-offer";
	}

	/* Another certificate in mid-call is another peer. */
	async remote(description) {
		const { remoteDescription } = this.pc;
		if (remoteDescription && fingerprintOf(remoteDescription.sdp) !== fingerprintOf(description.sdp))
			throw new Error("the other side's certificate changed in mid-call");
		await this.pc.setRemoteDescription(description);
		for (const one of this.early.splice(0)) await this.candidateIn(one);
	}

	async answer(sdp) {
		await this.remote({ type: "offer", sdp });
		for (const transceiver of this.pc.getTransceivers()) transceiver.direction = "sendrecv";
		await this.setTracks(this.tracks);
		await this.describe(await this.pc.createAnswer());
	}

	async candidatesIn(candidates) {
		for (const { candidate, mid, index } of candidates) {
			const one = { candidate, sdpMid: mid, sdpMLineIndex: index };
			if (!this.pc.remoteDescription) this.early.push(one);
			else await this.candidateIn(one);
		}
	}

	/* One that cannot be used is no end. */
	candidateIn(one) {
		return this.pc.addIceCandidate(one).catch(() => {});
	}

	/* Candidates of a few milliseconds travel together. */
	candidateOut(candidate) {
		if (candidate && candidate.candidate)
			this.outgoing.push({
				mid: candidate.sdpMid,
				index: candidate.sdpMLineIndex,
				candidate: candidate.candidate,
			});
		clearTimeout(this.sendTimer);
		this.sendTimer = setTimeout(() => {
			const candidates = this.outgoing.splice(0, 32);
			if (candidates.length) this.on.send("candidates", { candidates });
			if (this.outgoing.length) this.candidateOut(null);
		}, CANDIDATE_WAIT_MS);
	}

	changed() {
		const state = this.pc && this.pc.connectionState;
		if (state === "connected") {
			clearTimeout(this.lostTimer);
			clearTimeout(this.restartTimer);
			this.lostTimer = this.restartTimer = 0;
			if (!this.isUp) this.on.fact("up");
			this.isUp = true;
			this.setBitrate(this.bitrateBps);
		} else if (state === "disconnected" || state === "failed") {
			if (!this.lostTimer)
				this.lostTimer = setTimeout(() => this.lost(), DISCONNECTED_LIMIT_MS);
			if (!this.restartTimer)
				this.restartTimer = setTimeout(
					() => this.restart(),
					this.anchor ? 0 : YIELD_MS,
				);
			if (state === "failed") this.lost();
		}
	}

	lost() {
		if (this.isUp) this.on.fact("lost", "the network path is gone");
		this.isUp = false;
	}

	/* Until it is connected again, or the call is given up. */
	restart() {
		this.restartTimer = setTimeout(() => this.restart(), RESTART_AGAIN_MS);
		this.on.again(true);
	}

	/* Traffic says that the call lives; loss and round trip say how well. */
	async watch() {
		if (!this.pc) return;
		const now = { received: 0, lost: 0, packets: 0, remoteLoss: 0, rttMs: 0 };
		for (const report of (await this.pc.getStats()).values()) {
			if (report.type === "inbound-rtp") {
				now.received += report.bytesReceived;
				now.lost += report.packetsLost;
				now.packets += report.packetsReceived;
			} else if (report.type === "remote-inbound-rtp") {
				now.remoteLoss = Math.max(now.remoteLoss, report.fractionLost || 0);
				now.rttMs = Math.max(now.rttMs, (report.roundTripTime || 0) * 1000);
			}
		}
		const old = this.seen;
		this.seen = now;
		if (!this.isUp || !("received" in old)) return;
		if (now.received > old.received) this.on.fact("alive");
		const lost = Math.max(now.lost - old.lost, 0),
			packets = now.packets - old.packets;
		this.on.quality(
			grade(now.remoteLoss, now.rttMs),
			packets > 0 ? grade(lost / (lost + packets), now.rttMs) : 0,
		);
	}

	async stats() {
		const stats = {};
		if (this.pc)
			for (const report of (await this.pc.getStats()).values()) stats[report.id] = report;
		return stats;
	}
}
