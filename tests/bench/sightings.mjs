/* sightings: which test picture was shown when: what marks and baresip_marks write (see sightings.h), and what it says of
 * a call. A picture counts when its number can be read and is not the last one's: what is shown twice, or broken beyond
 * reading, is no new picture. */
import { readFileSync } from "node:fs";

const LONG_GAP_US = 100000;
/* A freeze by the W3C's webrtc-stats: three pictures' time, or 150 ms more than one's; at 30 pictures a second. */
const FREEZE_US = 1000000 / 30 + 150000;

/* CLOCK_MONOTONIC, as the sightings. */
export const nowUs = () => Number(process.hrtime.bigint() / 1000n);

export function sightings(file) {
	let text = "";
	try {
		text = readFileSync(file, "utf8");
	} catch {
		/* nothing shown yet */
	}
	const lines = text.split("\n").slice(0, -1);
	return lines.map((line) => {
		const [us, number, age] = line.split(" ").map(Number);
		return { us, number, age };
	});
}

export const readable = (file) => sightings(file).filter(({ number }) => number > 0);

export function percentile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : NaN;
}

/* Of the time between two moments. gapsMs, freezesMs: the sums of all gaps between pictures of such a length.
 * captured, shownShare: where numbers go on for ever. */
export function judge(file, fromUs, toUs) {
	const all = sightings(file).filter(({ us }) => us >= fromUs && us <= toUs);
	const good = all.filter(({ number }) => number > 0);
	const fresh = good.filter(({ number }, i) => number !== good[i - 1]?.number);
	const moments = [fromUs, ...fresh.map(({ us }) => us), toUs];
	const gaps = moments.slice(1).map((us, i) => us - moments[i]);
	const above = (limit) => gaps.filter((gap) => gap > limit).reduce((sum, gap) => sum + gap, 0) / 1000;
	const seconds = (toUs - fromUs) / 1e6;
	const captured = fresh.length ? fresh.at(-1).number - fresh[0].number + 1 : 0;
	return {
		captured,
		shownShare: captured ? (100 * fresh.length) / captured : NaN,
		shown: fresh.length / seconds,
		broken: all.filter(({ number }) => number === 0).length,
		p50: percentile(fresh.map(({ age }) => age), 0.5),
		p99: percentile(fresh.map(({ age }) => age), 0.99),
		gapsMs: above(LONG_GAP_US),
		freezesMs: above(FREEZE_US),
		longestMs: Math.max(...gaps) / 1000,
		seconds,
	};
}
