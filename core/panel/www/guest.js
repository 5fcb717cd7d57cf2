/* guest: somebody with an account on the hub and no box: logs in, calls a room, is called. Account and token are kept for
 * this tab alone, so that a page that is loaded again is logged in again; who logs out takes them away. */
import { Callbox } from "./callbox.js";
import { h } from "./parts.js";
import { Room } from "./room.js";
import { faultWords, languageOf, translator } from "./words.js";

const ACCOUNT_KEY = "callbox.account",
	TOKEN_KEY = "callbox.guest";

const hub = new URL("/", location.href);
hub.protocol = hub.protocol === "https:" ? "wss:" : "ws:";

const words = () => translator(languageOf(localStorage.getItem("callbox.language") || "auto"));

function ask(fault = "") {
	const t = words();
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
	account.value = sessionStorage.getItem(ACCOUNT_KEY) || "";
	const form = h(
		"form",
		{
			class: "login",
			async onsubmit(event) {
				event.preventDefault();
				button.disabled = true;
				said.textContent = "";
				said.textContent = await open(account.value.trim(), token.value.trim());
				button.disabled = false;
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
	document.documentElement.lang = languageOf(localStorage.getItem("callbox.language") || "auto") === "zh" ? "zh-CN" : "en";
	document.title = t("guestTitle");
	(account.value ? token : account).focus();
}

/* Logged in, or the words why not. */
function login(rtc) {
	return new Promise((resolve) => {
		rtc.ready.then(
			() => resolve(""),
			(error) => resolve(error.message),
		);
		rtc.on("onLineState", ({ state, message }) => state === "offline" && resolve(message));
	});
}

/* The room in place of the form: ""; or what is wrong, in words. */
async function open(account, token) {
	sessionStorage.setItem(ACCOUNT_KEY, account);
	const rtc = new Callbox({ way: "peer", url: hub.href, account, token });
	const fault = await login(rtc);
	if (fault) {
		rtc.destroy();
		return faultWords(words(), fault);
	}
	sessionStorage.setItem(TOKEN_KEY, token);
	rtc.off("onLineState");
	const leave = (why) => {
		sessionStorage.removeItem(TOKEN_KEY);
		room.close();
		rtc.destroy();
		ask(why);
	};
	const room = new Room({ rtc, way: "peer", onLogout: () => leave("") });
	rtc.on(
		"onLineState",
		({ state, message }) =>
			(state === "kicked" || state === "refused") && leave(faultWords(words(), message)),
	);
	document.body.replaceChildren(room.element);
	window.rtc = rtc; /* for whoever looks with the browser's console */
	return "";
}

async function begin() {
	const account = sessionStorage.getItem(ACCOUNT_KEY),
		token = sessionStorage.getItem(TOKEN_KEY);
	const fault = account && token ? await open(account, token) : null;
	if (fault !== "") ask(fault || "");
}

begin();
