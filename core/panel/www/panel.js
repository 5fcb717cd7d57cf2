/* panel: the box's own page. It asks for the token when the panel wants one and keeps it for this browser. */
import { Callbox } from "./callbox.js";
import { h } from "./parts.js";
import { Room } from "./room.js";
import { languageOf, translator } from "./words.js";

const KEY = "callbox.token";

function askToken(wrong) {
	const t = translator(languageOf(localStorage.getItem("callbox.language") || "auto"));
	const field = h("input", {
		id: "token",
		type: "password",
		autocomplete: "current-password",
		required: true,
	});
	const form = h(
		"form",
		{
			class: "login",
			onsubmit(event) {
				event.preventDefault();
				localStorage.setItem(KEY, field.value.trim());
				open();
			},
		},
		h("h1", {}, t("tokenWanted")),
		h("label", { for: "token" }, t("token")),
		field,
		h("p", { class: "fault", role: "alert" }, wrong ? t("tokenWrong") : ""),
		h("button", { class: "wide good", type: "submit" }, t("open")),
	);
	document.body.replaceChildren(h("main", { class: "center" }, form));
	document.title = t("title");
	field.focus();
}

function open() {
	const token = localStorage.getItem(KEY) || undefined;
	const rtc = new Callbox({ way: "box", token });
	const room = new Room({ rtc, way: "box" });
	rtc.on("onPanelState", (state) => {
		if (!state.token) return;
		rtc.destroy();
		room.close();
		localStorage.removeItem(KEY);
		askToken(Boolean(token));
	});
	rtc.on("onPanelState", (state) => !state.token && room.connection(state));
	document.body.replaceChildren(room.element);
	window.rtc = rtc; /* for whoever looks with the browser's console */
}

open();
