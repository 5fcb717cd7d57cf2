/* Tab: the device that one tab of a browser is when nobody gave it a name. The name is kept in sessionStorage: it survives
 * a reload; a tab that was duplicated finds its name taken and makes another one, so that two tabs are two devices. */

const CLAIM_MS = 1000,
	JOURNAL_MS = 3600000,
	TAB_KEY = "callbox.device";

const nameNew = () =>
	`browser-${[...crypto.getRandomValues(new Uint8Array(4))].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
const lockOf = (name) => `callbox.device.${name}`;

/* Holds the name until release() or until the page is gone: a release function; null: another tab has it. */
function hold(name) {
	if (!navigator.locks) return () => {}; /* no secure page: no camera either */
	return new Promise((resolve) => {
		const kept = () => new Promise((release) => resolve(release));
		navigator.locks
			.request(lockOf(name), { signal: AbortSignal.timeout(CLAIM_MS) }, kept)
			.catch(() => resolve(null));
	});
}

/* {name, release()} */
export async function claimTab() {
	for (let name = sessionStorage.getItem(TAB_KEY) || nameNew(); ; name = nameNew()) {
		const release = await hold(name);
		if (!release) continue;
		sessionStorage.setItem(TAB_KEY, name);
		return { name, release };
	}
}

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/* What tabs that are gone left of this account: their call records, which are removed there; and journals that nobody
 * will settle any more are dropped. */
export async function inheritRecords(account, ownName) {
	if (!navigator.locks) return [];
	const { held } = await navigator.locks.query(),
		prefix = `callbox.${account}.browser-`,
		records = [];
	const lives = (name) => name === ownName || held.some((lock) => lock.name === lockOf(name));
	for (const key of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
		const [, name, what] = /(browser-[0-9a-f]+)\.(\w+)$/.exec(key) || [];
		if (!name || lives(name)) continue;
		const left = parsed(localStorage.getItem(key));
		if (what === "journal" && left && Date.now() - left.at < JOURNAL_MS) continue;
		if (what === "records" && Array.isArray(left)) records.push(...left);
		localStorage.removeItem(key);
	}
	return records;
}
