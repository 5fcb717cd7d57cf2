/* The fragments of one-to-one.md, as functions of a page. Only what is no JavaScript is taken off: types. */
import { readFileSync } from "node:fs";

function strip(code) {
	return code.replace(/view\?: HTMLElement/g, "view").replace(/\(res: \{[^]*?\n {2}\}\) =>/, "(res) =>");
}

/* {title: [code, …]}: pieces that a blank line and a comment part are for different sides. */
export function fragments() {
	const text = readFileSync(new URL("one-to-one.md", import.meta.url), "utf8");
	const all = {};
	for (const [, title, code] of text.matchAll(/^## (.+)$[^]*?```js\n([^]*?)```/gm))
		all[title] = title === "views" ? strip(code).split(/\n\n(?=\/\/)/) : [strip(code)];
	return all;
}

/* Runs a piece in the page, where rtc, params, view and t are globals. */
export function run(page, code) {
	return page.evaluate(`(async () => {\n${code}\n})()`);
}
