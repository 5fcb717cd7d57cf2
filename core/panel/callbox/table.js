/* The table of a call's states: call.fsm(5), the same text that callboxd runs on. CALL_FSM is put in front of this when
 * callbox.js is made. */

/* {timers: {name: ms}, states: {name: {status, timers}}, rows: [{from, event, guard, to, actions}]}; to NULL: stays. */
export function parseTable(text) {
	const table = { timers: {}, states: {}, rows: [] };
	const words = (cell) => cell.split(/\s+/).filter((word) => word && word !== "-");
	const sections = {
		timers(line) {
			const [name, value] = line.split("=").map((part) => part.trim());
			table.timers[name] = value === "auto" ? 0 : Number(value);
		},
		states(line) {
			const [name, status, timers] = line.split(":").map((part) => part.trim());
			table.states[name] = { status, timers: words(timers) };
		},
		rows(line) {
			const [from, events, guard, to, actions] = line.split("|").map((part) => part.trim());
			for (const state of words(from))
				for (const event of words(events))
					table.rows.push({
						from: state,
						event,
						guard: words(guard)[0] || null,
						to: to === "=" ? null : to,
						actions: words(actions),
					});
		},
	};
	let section = null;
	for (const raw of text.split("\n")) {
		const line = raw.replace(/(^|\s)#.*$/, "").trim();
		const head = /^\[(\w+)\]$/.exec(line);
		if (head) section = sections[head[1]];
		else if (line) section(line);
	}
	return table;
}
