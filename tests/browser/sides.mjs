/* sides: a box and a browser in one call, and what each sees and hears of the other. */
import assert from "node:assert/strict";
import { forget, take } from "./page.mjs";
import { readPattern } from "./pattern.mjs";
import { ask, sleep, until } from "./place.mjs";

export const REMOTE = "#your\\ container video";

export class Sides {
	/* page: of callboxPage(), with a remote view in "your container". */
	constructor(page, box) {
		Object.assign(this, { page, box });
	}

	boxIs(wanted) {
		return until(`the box is ${wanted}`, async () => {
			const { call } = await ask(this.box.socket, "status");
			return (call ? call.state : "idle") === wanted;
		});
	}

	/* {codec, fmtp} beside what getStats() says of the stream; direction: inbound or outbound. */
	stream(kind, direction = "inbound") {
		return this.page.evaluate(
			async ([wanted, type]) => {
				const stats = await window.rtc.getStats();
				const report = Object.values(stats).find(
					(one) => one.type === type && one.kind === wanted,
				);
				if (!report) return {};
				const codec = stats[report.codecId] || {};
				return { ...report, codec: codec.mimeType, fmtp: codec.sdpFmtpLine || "" };
			},
			[kind, `${direction}-rtp`],
		);
	}

	/* The test camera's number, seen to grow. */
	async browserSees() {
		const number = async () => {
			const seen = await this.page.evaluate(readPattern, REMOTE);
			return seen.number ? seen : null;
		};
		const first = await until("the test camera's number in the browser", number);
		return until("the number grows", async () => {
			const now = await number();
			return now && now.number > first.number + 10 ? now : null;
		});
	}

	async boxSees() {
		const shown = async () =>
			((await ask(this.box.socket, "stats")).video || {}).frames_shown || 0;
		const first = await shown();
		return until("pictures shown at the box", async () => {
			const now = await shown();
			return now > first + 10 ? now : null;
		});
	}

	async hear() {
		const first = (await this.stream("audio")).totalAudioEnergy || 0;
		await until(
			"sound in the browser",
			async () => (await this.stream("audio")).totalAudioEnergy > first + 0.0001,
		);
		const decoded = async () => (await ask(this.box.socket, "stats")).media.sound.decoded;
		const before = await decoded();
		await until("sound at the box", async () => (await decoded()) > before + 10);
	}

	/* Both see and hear; the words for it, and what each says of the picture's codec. */
	async look() {
		const seen = await this.browserSees(),
			shown = await this.boxSees();
		await this.hear();
		const inbound = await this.stream("video"),
			outbound = await this.stream("video", "outbound"),
			audio = await this.stream("audio"),
			{ video, media } = await ask(this.box.socket, "stats");
		console.log(
			`# browser: ${seen.width}x${seen.height} #${seen.number}, ${inbound.framesDecoded} decoded, ` +
				`${inbound.packetsLost} lost, ${inbound.codec} ${inbound.fmtp}; ${audio.codec}`,
		);
		console.log(
			`# box: ${shown} shown, ${video.remote_width}x${video.remote_height} ${video.decoder}, sends ${media.video.codec} ` +
				`by ${video.encoder}, ${media.video.rate_bps} bit/s, ${media.video.dropped_units} dropped, ` +
				`${media.video.malformed_units} malformed, ${media.video.unsendable_units} unsendable`,
		);
		return { inbound, outbound, audio, video, media };
	}

	/* Mute and camera of each are seen by the other, and pictures come again afterwards. */
	async mutes() {
		const { page, box } = this;
		await forget(page);
		await ask(box.socket, "muteLocalVideo", { on: true });
		assert.equal((await take(page, "onVideoMuted")).payload.muted, true);
		await until("no more pictures", async () => {
			const { framesDecoded } = await this.stream("video");
			await sleep(500);
			return (await this.stream("video")).framesDecoded === framesDecoded;
		});
		await ask(box.socket, "muteLocalVideo", { on: false });
		await this.browserSees();
		await page.evaluate(() => window.rtc.muteLocalVideo(true));
		await until("the box knows", async () => (await ask(box.socket, "status")).call.peerVideoMuted);
		await page.evaluate(() => window.rtc.muteLocalVideo(false));
		await this.boxSees();
	}

	/* The box asks for sound only, then for the picture again, to which the page agrees. */
	async soundOnlyAndBack() {
		const { page, box } = this;
		await forget(page);
		await ask(box.socket, "switchCallType", { type: 1, state: 1 });
		assert.equal((await take(page, "onCallTypeChange")).payload.type, 1);
		await this.hear();
		await ask(box.socket, "switchCallType", { type: 2, state: 1 });
		assert.equal((await take(page, "onCallTypeChange")).payload.state, 1);
		await page.evaluate(() => window.rtc.switchCallType(2, 2));
		await this.browserSees();
		await this.boxSees();
	}
}
