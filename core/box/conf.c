#include "core/box/conf.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/base/video_codec.h"
#include "core/box/screen.h"
#include "core/box/token.h"
#include "core/devices/control.h"
#include "core/devices/quirks.h"

static const char *const autoanswer_names[] = { "off", "on", "contacts", NULL };
static const char *const second_names[] = { "end", "hold", NULL };
static const char *const busy_names[] = { "aggregate", "first", NULL };
static const char *const scope_names[] = { "all", "device", NULL };
static const char *const language_names[] = { "en", "zh", NULL };
static const char *const level_names[] = { "error", "warning", "info", "debug", NULL };

static const char *const encoder_names[] = { "auto", "openh264", "vaapi", "rehearsal", NULL };
static const char *const decoder_names[] = { "auto", "software", "vaapi", "rehearsal", NULL };

#define AT(member) offsetof(struct conf, member)

const struct setting conf_table[] = {
	{ "control_socket", SETTING_PATH, AT(control_socket), NULL, 0, 0, NULL,
	  "Unix socket that callboxctl and panels speak to. Default: control.sock in the run folder." },
	{ "state_dir", SETTING_PATH, AT(state_dir), NULL, 0, 0, NULL,
	  "Folder of the call history. Default: the state folder." },
	{ "call_fsm", SETTING_PATH, AT(call_fsm), NULL, 0, 0, NULL,
	  "The call's transition table. Default: the one that was installed." },
	{ "log_level", SETTING_ENUM, AT(log_level), "info", 0, 0, level_names,
	  "What callboxd itself logs." },
	{ "camera", SETTING_STRING, AT(camera), "v4l2:/dev/video0", 0, 0, NULL,
	  "v4l2:/dev/videoN, v4l2:auto (the first camera), v4l2:match:PATTERN (the first whose card, driver, USB id such "
	  "as 046d:0825, or name in /dev/v4l/by-id fits, with * and ?), pattern: (a test picture), file:FILM (a "
	  "YUV4MPEG2 file, 8 bits of 4:2:0, again and again) or null:." },
	{ "camera_controls", SETTING_LIST, AT(camera_controls), NULL, 0, 0, NULL,
	  "Controls of the camera that are set whenever it is opened, each CONTROL=VALUE with the name that "
	  "callboxctl camera-controls prints: brightness=140 zoom_absolute=200." },
	{ "camera_presets", SETTING_LIST, AT(camera_presets), NULL, 0, 0, NULL,
	  "Sets of controls with a name for callboxctl camera-preset, each NAME:CONTROL=VALUE,CONTROL=VALUE." },
	{ "camera_h264", SETTING_BOOL, AT(camera_h264), "yes", 0, 0, NULL,
	  "Whether H.264 that the camera itself encodes is sent as it is." },
	{ "quirks", SETTING_PATH, AT(quirks), NULL, 0, 0, NULL,
	  "What is known to be wrong with single cameras, see quirks.conf(5). Default: the file that was installed." },
	{ "microphone", SETTING_STRING, AT(microphone), "alsa:default", 0, 0, NULL,
	  "alsa:PCM, alsa:match:PATTERN (the cards whose id or name fits, with * and ?), alsa:auto (the first card), "
	  "tone:HERTZ, file:WAV or null:. Several, the best first: the next is used while one is missing." },
	{ "speaker", SETTING_STRING, AT(speaker), "alsa:default", 0, 0, NULL,
	  "The same, without tone:." },
	{ "local_view", SETTING_STRING, AT(local_view), "null:", 0, 0, NULL,
	  "Where the own picture is shown: kms:inset (in a corner of the screen), kms:, window:, png:FILE, raw:FILE or "
	  "null:. After kms: may stand, between commas, mirror, size=PERCENT, output=CARD[:CONNECTOR], mode=MODE." },
	{ "remote_view", SETTING_STRING, AT(remote_view), "null:", 0, 0, NULL,
	  "Where the other side is shown: kms: (the whole screen), window:, png:FILE, raw:FILE or null:." },
	{ "inset_size", SETTING_INT, AT(inset_size), "25", 5, 100, NULL,
	  "How wide kms:inset is, in hundredths of the screen." },
	{ "local_mirror", SETTING_BOOL, AT(local_mirror), "no", 0, 0, NULL, "Shows kms:inset as a mirror would." },
	{ "screen", SETTING_STRING, AT(screen), "none", 0, 0, NULL,
	  "The room's screen, without a desktop: kms:auto, kms:CARD, kms:CARD:CONNECTOR (kms:card0:HDMI-A-1), "
	  "png:/FILE (a file in its place) or none. It shows the room, its last calls, who rings and what is wrong; a "
	  "call's pictures with remote_view = kms: and local_view = kms:inset." },
	{ "screen_mode", SETTING_STRING, AT(screen_mode), "preferred", 0, 0, NULL,
	  "Its mode: preferred, WIDTHxHEIGHT or WIDTHxHEIGHT@HERTZ." },
	{ "screen_blank", SETTING_DURATION_MS, AT(screen_blank_ms), "10s", 0, 86400000, NULL,
	  "How long after standby began it goes dark; a ring or a touch wakes it. 0: never." },
	{ "screen_hint", SETTING_STRING, AT(screen_hint), NULL, 0, 0, NULL,
	  "The line at its foot. Default: how this room is called." },
	{ "room_name", SETTING_STRING, AT(room_name), NULL, 0, 0, NULL, "The name on it. Default: the account." },
	{ "language", SETTING_ENUM, AT(language), "en", 0, 0, language_names, "The language on it." },
	{ "cec", SETTING_STRING, AT(cec), "on", 0, 0, NULL,
	  "HDMI-CEC: on, off or /dev/cecN. A ring or a call switches the television on and to this box, standby "
	  "switches it off; on its remote control OK accepts, Back and Power refuse and hang up. Needs a screen." },
	{ "width", SETTING_INT, AT(width), "640", 16, 3840, NULL, "Width of the picture sent, in pixels." },
	{ "height", SETTING_INT, AT(height), "360", 16, 2160, NULL, "Height of the picture sent, in pixels." },
	{ "fps", SETTING_INT, AT(fps), "30", 1, 60, NULL, "Pictures a second." },
	{ "bitrate", SETTING_INT, AT(bitrate_kbps), "800", 50, 20000, NULL, "Most video kbit/s sent." },
	{ "encoder", SETTING_STRING, AT(encoder), "auto", 0, 0, NULL,
	  "Who encodes the picture sent: auto (hardware where there is some, software when it fails), openh264, vaapi or "
	  "vaapi:/dev/dri/renderD128, or rehearsal:error@N or rehearsal:hang@N, which acts like hardware that fails at "
	  "its Nth picture." },
	{ "decoder", SETTING_STRING, AT(decoder), "auto", 0, 0, NULL,
	  "Who decodes the picture received: auto, software, vaapi or vaapi:/dev/dri/renderD128, or rehearsal as "
	  "above." },
	{ "video_codecs", SETTING_STRING, AT(video_codecs), "h264 vp8", 0, 0, NULL,
	  "Codecs of the picture, the best first: h264 and vp8, or one of them. A call uses the first that the other "
	  "side has too. Hardware and cameras that encode by themselves are for h264." },
	{ "hardware_retry", SETTING_DURATION_MS, AT(hardware_retry_ms), "60s", 100, 3600000, NULL,
	  "How long a call goes on in software before hardware that failed is tried again." },
	{ "ring_tone", SETTING_STRING, AT(ring_tone), "default", 0, 0, NULL,
	  "What the speaker plays while a call comes in: default, none, or the absolute path of a WAV file." },
	{ "ringback_tone", SETTING_STRING, AT(ringback_tone), "default", 0, 0, NULL,
	  "What it plays while a call of this box rings there." },
	{ "busy_tone", SETTING_STRING, AT(busy_tone), "default", 0, 0, NULL,
	  "What it plays when that call was refused, or found nobody free." },
	{ "ring_volume", SETTING_INT, AT(ring_volume), "80", 0, 100, NULL, "How loud these are." },
	{ "mute_button", SETTING_STRING, AT(mute_button), "mixer", 0, 0, NULL,
	  "The room's mute button: mixer (the capture switch of the microphone's card), evdev:NAME (the key KEY_MICMUTE "
	  "or KEY_MUTE of input devices whose name fits, with * and ?), or none." },
	{ "echo_cancel", SETTING_BOOL, AT(echo_cancel), "yes", 0, 0, NULL,
	  "Takes what the speaker plays out of what the microphone hears." },
	{ "noise_suppress", SETTING_BOOL, AT(noise_suppress), "yes", 0, 0, NULL, "Removes steady noise." },
	{ "gain_control", SETTING_BOOL, AT(gain_control), "yes", 0, 0, NULL, "Evens out the voice's level." },
	{ "call_timeout", SETTING_DURATION_MS, AT(call_timeout_ms), "30s", 1000, 120000, NULL,
	  "How long a call of this box rings." },
	{ "autoanswer", SETTING_ENUM, AT(autoanswer), "off", 0, 0, autoanswer_names,
	  "Whether incoming calls are accepted without a person: never, always, or those of contacts. Never while "
	  "another call is live." },
	{ "autoanswer_delay", SETTING_DURATION_MS, AT(autoanswer_delay_ms), "0ms", 0, 50000, NULL,
	  "How long it rings before that." },
	{ "autoanswer_mute", SETTING_BOOL, AT(autoanswer_mute), "yes", 0, 0, NULL,
	  "Whether microphone and camera are muted then, until somebody in the room unmutes them." },
	{ "autoanswer_beep", SETTING_BOOL, AT(autoanswer_beep), "yes", 0, 0, NULL,
	  "Whether the speaker beeps then." },
	{ "contacts", SETTING_LIST, AT(contacts), NULL, 0, 0, NULL,
	  "Accounts that are known here: no limit of rings counts for them, and they may be auto-answered." },
	{ "dnd", SETTING_BOOL, AT(dnd), "no", 0, 0, NULL, "Do not disturb: every invite is refused as busy." },
	{ "reject_scope", SETTING_ENUM, AT(reject_scope), "all", 0, 0, scope_names,
	  "Whether a reject here ends the call on all devices of the account." },
	{ "invites_a_minute", SETTING_INT, AT(invites_a_minute), "30", 0, 10000, NULL,
	  "Most invites of one caller that may ring within a minute; 0: no limit." },
	{ "rings_a_minute", SETTING_INT, AT(rings_a_minute), "6", 0, 10000, NULL,
	  "Most rings within a minute of all callers together that stand neither in contacts nor in allow; "
	  "0: no limit." },
	{ "call_waiting", SETTING_BOOL, AT(call_waiting), "no", 0, 0, NULL,
	  "Whether a second call rings softly beside a connected one, instead of being refused as busy." },
	{ "accept_second", SETTING_ENUM, AT(accept_second), "end", 0, 0, second_names,
	  "What accepting that second call does to the first." },
	{ "busy_policy", SETTING_ENUM, AT(busy_policy), "aggregate", 0, 0, busy_names,
	  "Whether a call of this box waits for all devices of the called account, or ends with the first that "
	  "is busy." },
	{ "ring_unverified", SETTING_BOOL, AT(ring_unverified), "no", 0, 0, NULL,
	  "Whether it rings for an invite whose age no server vouches for and whose caller does not answer." },
	{ "allow", SETTING_LIST, AT(allow), NULL, 0, 0, NULL,
	  "Accounts that may call; others learn nothing. Empty: everybody." },
	{ "block", SETTING_LIST, AT(block), NULL, 0, 0, NULL, "Accounts that may not call." },
	{ "switch_video_confirm", SETTING_BOOL, AT(switch_video_confirm), "yes", 0, 0, NULL,
	  "Whether the other side's wish for video asks a person here." },
	{ "switch_audio_confirm", SETTING_BOOL, AT(switch_audio_confirm), "no", 0, 0, NULL,
	  "Whether the other side's wish for sound only asks a person here." },
	{ "maxcall", SETTING_DURATION_MS, AT(maxcall_ms), "0ms", 0, 86400000, NULL,
	  "Longest call; onMaxCall warns a minute before. 0: no limit." },
	{ "mic_unmute_on_disconnect", SETTING_BOOL, AT(mic_unmute_on_disconnect), "yes", 0, 0, NULL,
	  "Whether the end of a call lifts the mutes that were set." },
	{ "standby_delay", SETTING_DURATION_MS, AT(standby_delay_ms), "10min", 0, 86400000, NULL,
	  "How long nobody touches the idle box before it goes to standby; 0: never." },
	{ "wake_on_ring", SETTING_BOOL, AT(wake_on_ring), "yes", 0, 0, NULL,
	  "Whether an incoming call brings it back from standby; else it only sounds, and the screen stays dark until "
	  "somebody answers." },
	{ "token_service", SETTING_STRING, AT(token_service), NULL, 0, 0, NULL,
	  "Where TURN servers and their credentials come from beside the IM network: the absolute path of a program with "
	  "its arguments, or a URL (https, or http on this machine). It yields {\"servers\": [{\"urls\": [...], "
	  "\"username\", \"credential\", \"ttl_s\"}]}." },
	{ "token_required", SETTING_BOOL, AT(token_required), "no", 0, 0, NULL,
	  "Whether calls of this box fail while that service does not work." },
	{ "history", SETTING_INT, AT(history), "1000", 1, 1000000, NULL, "Call records kept." },
	{ "ice_loopback", SETTING_BOOL, AT(ice_loopback), "no", 0, 0, NULL,
	  "Media uses 127.0.0.1 and nothing else: for boxes that are all on one machine." },
	{ "network_interface", SETTING_STRING, AT(network_interface), NULL, 0, 0, NULL,
	  "The only address of this machine that media uses, a number, not an interface's name. Default: all." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

#undef AT
#define AT(member) offsetof(struct account_conf, member)

const struct setting account_table[] = {
	{ "provider", SETTING_STRING, AT(provider), "hub", 0, 0, NULL, "The signalling plugin." },
	{ "account", SETTING_STRING, AT(account), NULL, 0, 0, NULL, "The IM account." },
	{ "device", SETTING_STRING, AT(device), NULL, 0, 0, NULL,
	  "This box among the account's devices. Default: the host name." },
	{ "server", SETTING_STRING, AT(server), NULL, 0, 0, NULL,
	  "Where to log in. Of hub: wss://HOST:PORT, ws://HOST:PORT only on this machine; of loopback: a folder." },
	{ "secret_file", SETTING_PATH, AT(secret_file), NULL, 0, 0, NULL,
	  "File that holds the token; readable by nobody else." },
	{ "ca_file", SETTING_PATH, AT(ca_file), NULL, 0, 0, NULL, "PEM file of the authority to trust." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

/* "NAME" or "NAME:ADDRESS"; NAME of the list. */
static int check_coder(const char *file, const char *key, const char *value, const char *const *names, char **ret_error)
{
	size_t length = strcspn(value, ":");
	for (const char *const *name = names; *name; name++)
		if (strlen(*name) == length && strncmp(*name, value, length) == 0)
			return 0;
	g_autofree char *all = g_strjoinv(", ", (char **)names);
	*ret_error = g_strdup_printf("%s: %s: \"%s\": must be one of %s", file, key, value, all);
	return -EINVAL;
}

static int codecs_check(const char *file, const struct conf *conf, char **ret_error)
{
	enum video_codec codecs[VIDEO_CODECS + 1];
	g_autofree char *why = NULL;
	int r = video_codecs_parse(conf->video_codecs, codecs, &why);
	if (r < 0)
		*ret_error = g_strdup_printf("%s: video_codecs: %s", file, why);
	return r;
}

static int camera_check(const char *file, const struct conf *conf, char **ret_error)
{
	char *why = NULL;
	const char *key = "camera_controls";
	int r = control_words_check(conf->camera_controls, &why);
	if (r == 0) {
		key = "camera_presets";
		r = control_presets_check(conf->camera_presets, &why);
	}
	if (r < 0) {
		*ret_error = g_strdup_printf("%s: %s: %s", file, key, why);
		g_free(why);
	}
	return r;
}

static int quirks_check(struct conf *conf, char **ret_error)
{
	struct quirks *quirks = NULL;
	g_autofree char *installed = path_join(PATH_DATA, "quirks.conf");
	if (!conf->quirks && g_file_test(installed, G_FILE_TEST_EXISTS))
		conf->quirks = g_steal_pointer(&installed);
	int r = conf->quirks ? quirks_load(conf->quirks, &quirks, ret_error) : 0;
	quirks_free(quirks);
	return r;
}

/* The tones are looked at once, when a person reads what is wrong with them. */
static int tones_check(const struct conf *conf, const char *file, char **ret_error)
{
	const struct { const char *key, *value; } tones[] = {
		{ "ring_tone", conf->ring_tone }, { "ringback_tone", conf->ringback_tone },
		{ "busy_tone", conf->busy_tone },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(tones); i++) {
		const char *value = tones[i].value;
		if (g_str_equal(value, "default") || g_str_equal(value, "none"))
			continue;
		if (g_path_is_absolute(value) && g_file_test(value, G_FILE_TEST_IS_REGULAR))
			continue;
		*ret_error = g_strdup_printf("%s: %s: \"%s\" is neither default, none nor the absolute path of a "
					     "WAV file", file, tones[i].key, value);
		return -EINVAL;
	}
	return 0;
}

static int button_check(const struct conf *conf, const char *file, char **ret_error)
{
	const char *value = conf->mute_button;
	if (g_str_equal(value, "none") || g_str_equal(value, "mixer") ||
	    (g_str_has_prefix(value, "evdev:") && value[6]))
		return 0;
	*ret_error = g_strdup_printf("%s: mute_button: \"%s\" is neither none, mixer nor evdev:NAME", file, value);
	return -EINVAL;
}

int conf_load(const char *folder, struct conf *conf, char **ret_error)
{
	g_autofree char *file = g_build_filename(folder, "callbox.conf", NULL);
	memset(conf, 0, sizeof(*conf));
	settings_defaults(conf_table, conf);
	int r = g_file_test(file, G_FILE_TEST_EXISTS) ? settings_load(conf_table, file, conf, ret_error) : 0;
	char *why = NULL;
	if (r == 0 && (r = token_check(conf->token_service, &why)) < 0) {
		*ret_error = g_strdup_printf("%s: token_service: %s", file, why);
		g_free(why);
	}
	if (r == 0)
		r = check_coder(file, "encoder", conf->encoder, encoder_names, ret_error);
	if (r == 0)
		r = check_coder(file, "decoder", conf->decoder, decoder_names, ret_error);
	if (r == 0)
		r = codecs_check(file, conf, ret_error);
	if (r == 0)
		r = camera_check(file, conf, ret_error);
	if (r == 0)
		r = quirks_check(conf, ret_error);
	if (r == 0)
		r = tones_check(conf, file, ret_error);
	if (r == 0)
		r = button_check(conf, file, ret_error);
	if (r == 0 && (r = screen_check(conf, &why)) < 0) {
		*ret_error = g_strdup_printf("%s: %s", file, why);
		g_free(why);
	}
	if (r < 0) {
		conf_clear(conf);
		return r;
	}
	if (!conf->control_socket)
		conf->control_socket = path_join(PATH_RUN, "control.sock");
	if (!conf->state_dir)
		conf->state_dir = g_strdup(path_folder(PATH_STATE));
	if (!conf->call_fsm)
		conf->call_fsm = path_join(PATH_DATA, "call.fsm");
	return 0;
}

void conf_clear(struct conf *conf)
{
	settings_clear(conf_table, conf);
}

static int secret_load(struct account_conf *account, char **ret_error)
{
	struct stat st;
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	if (stat(account->secret_file, &st) < 0) {
		*ret_error = g_strdup_printf("%s: secret_file: %s: %s", account->file, account->secret_file,
					     g_strerror(errno));
		return -EINVAL;
	}
	if (st.st_mode & 077) {
		*ret_error = g_strdup_printf("%s: secret_file: %s: others can read it: chmod 600 it",
					     account->file, account->secret_file);
		return -EPERM;
	}
	if (!g_file_get_contents(account->secret_file, &text, NULL, &error)) {
		*ret_error = g_strdup_printf("%s: secret_file: %s: %s", account->file, account->secret_file,
					     error->message);
		return -EACCES;
	}
	account->secret = g_strdup(g_strstrip(text));
	explicit_bzero(text, strlen(text));
	return 0;
}

static int account_load(const char *file, struct account_conf *account, char **ret_error)
{
	account->file = g_strdup(file);
	settings_defaults(account_table, account);
	int r = settings_load(account_table, file, account, ret_error);
	if (r < 0)
		return r;
	if (!account->account) {
		*ret_error = g_strdup_printf("%s: account: missing", file);
		return -EINVAL;
	}
	if (!account->device)
		account->device = g_strdup(g_get_host_name());
	return account->secret_file ? secret_load(account, ret_error) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *account_files(const char *folder)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *accounts = g_build_filename(folder, "accounts", NULL);
	GDir *dir = g_dir_open(accounts, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(files, g_build_filename(accounts, name, NULL));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(files, by_name);
	return files;
}

/* A box is one device, by one name, and logs in once to an account. */
static int check_siblings(struct account_conf **accounts, unsigned int count, char **ret_error)
{
	const struct account_conf *last = accounts[count - 1];
	for (unsigned int i = 0; i + 1 < count; i++) {
		const char *what = NULL;
		if (!g_str_equal(accounts[i]->device, last->device))
			what = "device: must be the same in all accounts of a box, as in";
		else if (g_str_equal(accounts[i]->account, last->account))
			what = "account: is already set up in";
		if (!what)
			continue;
		*ret_error = g_strdup_printf("%s: %s %s", last->file, what, accounts[i]->file);
		return -EINVAL;
	}
	return 0;
}

int accounts_load(const char *folder, struct account_conf ***ret_accounts, char **ret_error)
{
	g_autoptr(GPtrArray) files = account_files(folder);
	GPtrArray *accounts = g_ptr_array_new();
	int r = 0;
	for (unsigned int i = 0; r == 0 && i < files->len; i++) {
		struct account_conf *account = g_new0(struct account_conf, 1);
		g_ptr_array_add(accounts, account);
		r = account_load(files->pdata[i], account, ret_error);
		if (r == 0)
			r = check_siblings((struct account_conf **)accounts->pdata, accounts->len, ret_error);
	}
	g_ptr_array_add(accounts, NULL);
	struct account_conf **all = (struct account_conf **)g_ptr_array_free(accounts, FALSE);
	if (r < 0)
		accounts_free(all);
	else
		*ret_accounts = all;
	return r;
}

void account_conf_free(struct account_conf *account)
{
	if (!account)
		return;
	settings_clear(account_table, account);
	if (account->secret)
		explicit_bzero(account->secret, strlen(account->secret));
	g_free(account->secret);
	g_free(account->file);
	g_free(account);
}

struct account_conf *account_conf_new(const char *token)
{
	struct account_conf *account = g_new0(struct account_conf, 1);
	settings_defaults(account_table, account);
	account->file = g_strdup("login");
	account->device = g_strdup(g_get_host_name());
	account->secret = g_strdup(token);
	return account;
}

struct account_conf *account_conf_copy(const struct account_conf *account, const char *token)
{
	struct account_conf *copy = g_new0(struct account_conf, 1);
	*copy = (struct account_conf){
		.file = g_strdup(account->file), .provider = g_strdup(account->provider),
		.account = g_strdup(account->account), .device = g_strdup(account->device),
		.server = g_strdup(account->server), .secret_file = g_strdup(account->secret_file),
		.ca_file = g_strdup(account->ca_file), .secret = g_strdup(token),
	};
	return copy;
}

void accounts_free(struct account_conf **accounts)
{
	for (struct account_conf **a = accounts; a && *a; a++)
		account_conf_free(*a);
	g_free(accounts);
}
