/* table: callers in turns, and what came of it: medians, ratios, rows. */
export const median = (values) => {
	const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
	return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
};
export const show = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : "-");

/* How a value stands to its target: below it is well, or above it where more is better. */
export function verdict(value, target, { more = false } = {}) {
	if (!Number.isFinite(value)) return "-";
	return (more ? value >= target : value <= target) ? "met" : "missed";
}

export function print(title, heads, rows) {
	console.log(`\n${title}\n\n| ${heads.join(" | ")} |\n|${"---|".repeat(heads.length)}`);
	for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

export const rowOf = (who, all) => ({ who, all, of: (key) => median(all.map((one) => one[key])) });

/* callers: [[who, async function]]; each is called once a round. What it cannot do it says: { skip: why }.
 * Gives [{ who, all, of(key): the median }]. words: what to say of one result while it runs. */
export async function inTurns(name, rounds, callers, words) {
	const rows = callers.map(([who]) => rowOf(who, []));
	for (let round = 0; round < rounds; round++)
		for (const [i, [who, run]] of callers.entries()) {
			const result = await Promise.resolve()
				.then(run)
				.catch((error) => ({ skip: String(error.message).slice(-300).replace(/\s+/g, " ") }));
			rows[i].all.push(result);
			console.error(`# ${name}, round ${round + 1}: ${who}: ${result.skip ?? words(result)}`);
		}
	return rows;
}

/* Of callers, those whose names contain one of these words; without words all. */
export function chosen(callers, words) {
	const wanted = words?.split(",");
	return callers.filter(([who]) => !wanted || wanted.some((word) => who.includes(word)));
}

export const how = (row) => row.all.find((one) => one.how)?.how ?? `not run: ${row.all[0].skip}`;
export const rowFind = (rows, who) => rows.find((row) => row.who === who) ?? rowOf(who, []);
export const callboxOf = (rows) => rowFind(rows, "callbox");
/* callbox's median of this, as a share of the row's. */
export const ratio = (rows, row, key) => callboxOf(rows).of(key) / row.of(key);
