/* session: the two processes of one call's media, callbox-media and callbox-video, or of a preview (video
 * only). Owner: struct box, main loop.
 *
 *   callbox-media ⇄ unit channel (access units in shared memory) ⇄ callbox-video
 *
 * The death of callbox-video is survived: it is started again and gets a new unit channel. The death of
 * callbox-media ends the call. */
#ifndef CALLBOX_BOX_SESSION_H
#define CALLBOX_BOX_SESSION_H

#include "core/box/box.h"

/* Processes are started, devices are not: nothing is captured or sent. */
struct session *session_open(struct box *box, const char *call_id);
/* The verdict allows media. */
void session_start(struct session *session, const char *account, const char *peer, bool anchor,
		   enum call_type type);
/* Both processes could be started. */
bool session_is_ready(const struct session *session);
/* Held: the call goes on without camera, microphone and speaker. */
void session_hold(struct session *session, bool on);
/* beep, ring or a WAV file on the speaker, over the other side's sound; NULL: silence. volume: 0..100. */
void session_tone(struct session *session, const char *tone, int volume);
/* Devices and sockets close with the processes, within 200 ms. */
void session_close(struct session *session);

const char *session_call_id(const struct session *session);
/* With whom; NULL before the verdict and in a preview. */
const char *session_peer(const struct session *session);
void session_peer_message(struct session *session, const char *kind, const cJSON *body);
void session_type(struct session *session, enum call_type type);
/* Tells the processes the box's present mute and enable flags. */
void session_flags(struct session *session);
/* In place of a mixer that the card has not. kind: speaker or microphone. */
void session_gain(struct session *session, const char *kind, double gain);
/* Tells the processes the box's present profile: size, rate, bits. */
void session_profile(struct session *session);
void session_playout_mute(struct session *session, bool on);
bool session_is_silenced(const struct session *session); /* NULL: no */
void session_switch(struct session *session, const char *kind, const char *id);
/* which: local or remote; the conf has another view for it. */
void session_view(struct session *session, const char *which);
/* Pictures for the screen are there: the other side's, or those of a preview. */
bool session_has_pictures(const struct session *session);
/* Whether its kms: views may use the screen now: told by screen.c, where there is one. */
void session_pictures(struct session *session, bool on);
/* These answer the request, now or when the processes have answered, at most 2 s later. */
void session_stats(struct session *session, struct control_request *request);
/* words: controls that the camera gets (they join conf's when it takes them); NULL: lists what there is. */
void session_controls(struct session *session, const char *words, struct control_request *request);
/* Pictures for a watcher; takes the message, not fd. Nothing while it is held: it is told again. */
void session_watch(struct session *session, cJSON *message, int fd);
void session_snapshot(struct session *session, const char *which, const char *file,
		      struct control_request *request);

#endif
