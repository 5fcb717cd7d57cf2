/* sightings: which test picture was shown when: what marks and baresip_marks write (see sightings.h), and what it says of
 * a call. A picture counts when its number can be read and is higher than the last: what is shown twice, or broken
 * beyond reading, is no new picture. */
import { readFileSync } from "node:fs";

const FREEZE_US = 100000;

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

/* Of the time between two moments. frozenMs: the sum of all gaps between pictures that are longer than FREEZE_US. */
export function judge(file, fromUs, toUs) {
	const all = sightings(file).filter(({ us }) => us >= fromUs && us <= toUs);
	const fresh = [];
	for (const one of all) if (one.number > (fresh.at(-1)?.number ?? 0)) fresh.push(one);
	const moments = [fromUs, ...fresh.map(({ us }) => us), toUs];
	const gaps = moments.slice(1).map((us, i) => us - moments[i]);
	const seconds = (toUs - fromUs) / 1e6;
	const captured = fresh.length ? fresh.at(-1).number - fresh[0].number + 1 : 0;
	return {
		captured,
		shownShare: captured ? (100 * fresh.length) / captured : NaN,
		shown: fresh.length / seconds,
		broken: all.filter(({ number }) => number === 0).length,
		p50: percentile(fresh.map(({ age }) => age), 0.5),
		p99: percentile(fresh.map(({ age }) => age), 0.99),
		frozenMs: gaps.filter((gap) => gap > FREEZE_US).reduce((sum, gap) => sum + gap, 0) / 1000,
		longestMs: Math.max(...gaps) / 1000,
		seconds,
	};
}
