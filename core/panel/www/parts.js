/* parts: elements and icons of the page. Text goes in as text only: what a peer says is never markup. */

const SVG = "http://www.w3.org/2000/svg";

/* 24x24 outlines, drawn with strokes */
const ICONS = {
	phone: "M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a1 1 0 0 1-1 1A15 15 0 0 1 4 5a1 1 0 0 1 1-1z",
	down: "M3 15c0-2 4-4.5 9-4.5s9 2.500 9 4.500v1.500l-5 1-.8-3.200a13 13 0 0 0-6.400 0L8 17.500l-5-1z",
	video: "M3 7a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM15 10l6-3v10l-6-3z",
	noVideo: "M3 7a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM15 10l6-3v10l-6-3zM2 2l20 20",
	mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
	noMic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3M2 2l20 20",
	gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 2v3M12 19v3M2 12h3M19 12h3M4.900 4.900l2.100 2.100M17 17l2.100 2.100M19.100 4.900L17 7M7 17l-2.100 2.100",
	moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
	back: "M15 5l-7 7 7 7",
	close: "M5 5l14 14M19 5L5 19",
	out: "M7 17L17 7M9 7h8v8",
	in: "M17 7L7 17M15 17H7V9",
	sound: "M4 9v6h4l5 4V5L8 9zM16.500 8.500a5 5 0 0 1 0 7",
};

export function icon(name) {
	const svg = document.createElementNS(SVG, "svg"),
		path = document.createElementNS(SVG, "path");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("aria-hidden", "true");
	svg.classList.add("icon");
	path.setAttribute("d", ICONS[name]);
	svg.append(path);
	return svg;
}

/* h("button", { class: "x", onclick: f, "aria-label": "y" }, child, "text") */
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

/* A round button with an icon and a word under it. */
export function round(name, kind, label, onclick, keys) {
	const word = h("span", { class: "word" }, label);
	const button = h(
		"button",
		{ class: `round ${kind}`, type: "button", onclick, "aria-keyshortcuts": keys },
		h("span", { class: "disc" }, icon(name)),
		word,
	);
	button.relabel = (text, newIcon) => {
		if (word.textContent !== text) word.textContent = text;
		if (newIcon && button.dataset.icon !== newIcon) {
			button.dataset.icon = newIcon;
			button.firstChild.replaceChildren(icon(newIcon));
		}
	};
	return button;
}

export function clock(ms) {
	const s = Math.max(Math.floor(ms / 1000), 0),
		two = (n) => String(n).padStart(2, "0");
	const hours = Math.floor(s / 3600);
	return `${hours ? `${hours}:` : ""}${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/* Two short tones, as long as it rings. */
export class Ringer {
	#timer = null;
	#context = null;

	set(on) {
		if (on === (this.#timer !== null)) return;
		if (on) {
			this.#context ||= new AudioContext();
			this.#context.resume().catch(() => {});
			this.#beep();
			this.#timer = setInterval(() => this.#beep(), 2500);
		} else {
			clearInterval(this.#timer);
			this.#timer = null;
		}
	}

	#beep() {
		[0, 0.35].forEach((at, index) => {
			const tone = this.#context.createOscillator(),
				gain = this.#context.createGain();
			const from = this.#context.currentTime + at;
			tone.frequency.value = index ? 660 : 880;
			gain.gain.setValueAtTime(0.0001, from);
			gain.gain.exponentialRampToValueAtTime(0.15, from + 0.03);
			gain.gain.exponentialRampToValueAtTime(0.0001, from + 0.3);
			tone.connect(gain).connect(this.#context.destination);
			tone.start(from);
			tone.stop(from + 0.32);
		});
	}
}
