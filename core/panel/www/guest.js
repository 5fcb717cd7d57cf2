/* guest: somebody with an account on the hub and no box: logs in, calls a room, is called. */
import { Callbox } from "./callbox.js";
import { h } from "./parts.js";
import { Room } from "./room.js";
import { languageOf, translator } from "./words.js";

const hub = new URL("/", location.href);
hub.protocol = hub.protocol === "https:" ? "wss:" : "ws:";

function ask(fault = "") {
	const t = translator(languageOf(localStorage.getItem("callbox.language") || "auto"));
	const secure = window.isSecureContext ? "" : t("needsSecure");
	const account = h("input", {
		id: "account",
		autocomplete: "username",
		required: true,
		maxlength: 128,
		autocapitalize: "none",
		spellcheck: "false",
	});
	const token = h("input", {
		id: "token",
		type: "password",
		autocomplete: "current-password",
		required: true,
	});
	const said = h("p", { class: "fault", role: "alert" }, fault || secure);
	const button = h("button", { class: "wide good", type: "submit" }, t("login"));
	account.value = sessionStorage.getItem("callbox.account") || "";
	const form = h(
		"form",
		{
			class: "login",
			async onsubmit(event) {
				event.preventDefault();
				button.disabled = true;
				said.textContent = "";
				await open(account.value.trim(), token.value.trim());
			},
		},
		h("h1", {}, t("guestTitle")),
		h("p", {}, t("loginTo")),
		h("label", { for: "account" }, t("account")),
		account,
		h("label", { for: "token" }, t("token")),
		token,
		said,
		button,
	);
	document.body.replaceChildren(h("main", { class: "center" }, form));
	document.title = t("guestTitle");
	(account.value ? token : account).focus();
}

async function open(account, token) {
	sessionStorage.setItem("callbox.account", account);
	const rtc = new Callbox({ way: "peer", url: hub.href, account, token });
	try {
		await rtc.ready;
	} catch (error) {
		rtc.destroy();
		ask(error.message);
		return;
	}
	const leave = (fault) => {
		rtc.destroy();
		ask(fault);
	};
	const room = new Room({ rtc, way: "peer", onLogout: () => leave("") });
	rtc.on("onLineState", ({ state, message }) => state === "kicked" && leave(message));
	document.body.replaceChildren(room.element);
	window.rtc = rtc; /* for whoever looks with the browser's console */
}

ask();
