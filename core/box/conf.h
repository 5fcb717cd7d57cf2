/* conf: what the administrator decided: callbox.conf and one file an account under accounts/.
 * Loaded at start and, callbox.conf, again on SIGHUP (policy.h); else read-only but for the verbs that say so. Owner:
 * struct box. */
#ifndef CALLBOX_BOX_CONF_H
#define CALLBOX_BOX_CONF_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/settings.h"

struct conf {
	char *control_socket, *state_dir, *call_fsm;
	char *encoder, *decoder, *video_codecs;
	char *quirks, *camera_controls, *camera_presets;
	char *camera, *microphone, *speaker, *local_view, *remote_view;
	char *ring_tone, *ringback_tone, *busy_tone; /* default, none, or a WAV file */
	int ring_volume;
	char *mute_button; /* none, mixer, evdev:PATTERN */
	int call_timeout_ms, autoanswer, autoanswer_delay_ms, history, invites_a_minute;
	int width, height, fps, bitrate_kbps, log_level, hardware_retry_ms;
	bool dnd, switch_video_confirm, switch_audio_confirm, ice_loopback;
	bool echo_cancel, noise_suppress, gain_control;
	int reject_scope, maxcall_ms, rings_a_minute, accept_second, busy_policy, standby_delay_ms;
	bool autoanswer_mute, autoanswer_beep, call_waiting, ring_unverified, mic_unmute_on_disconnect;
	bool wake_on_ring, token_required, camera_h264, local_mirror;
	int screen_blank_ms, language, inset_size;
	char *allow, *block, *contacts, *network_interface, *token_service;
	char *screen, *screen_mode, *screen_hint, *room_name, *cec;
};

enum conf_language { LANGUAGE_EN, LANGUAGE_ZH };
enum autoanswer { AUTOANSWER_OFF, AUTOANSWER_ON, AUTOANSWER_CONTACTS };
enum accept_second { SECOND_END, SECOND_HOLD };
enum busy_policy { BUSY_AGGREGATE, BUSY_FIRST };
enum reject_scope { REJECT_ALL, REJECT_DEVICE };

struct account_conf {
	char *file;
	char *provider, *account, *device, *server, *secret_file, *ca_file;
	char *secret;
};

extern const struct setting conf_table[];
extern const struct setting account_table[];

/* folder: of the conf files. *ret_accounts: NULL-terminated array. On failure *ret_error names file,
 * line and key; nothing is set. Caller frees with conf_clear() and accounts_free(). */
int conf_load(const char *folder, struct conf *conf, char **ret_error);
void conf_clear(struct conf *conf);
int accounts_load(const char *folder, struct account_conf ***ret_accounts, char **ret_error);
void accounts_free(struct account_conf **accounts);

/* An account that is in no file: a default one, or a copy with another token. */
struct account_conf *account_conf_new(const char *token);
struct account_conf *account_conf_copy(const struct account_conf *account, const char *token);
void account_conf_free(struct account_conf *account);

#endif
