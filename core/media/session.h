/* session: one call's transport and sound.
 *
 *   unit channel ─► payload cut ─┐                          ┌─► video_receive ─► unit channel
 *                                ├─► negotiation_send ─► ═══╡
 *   sound packet ────────────────┘   (transport: SRTP, ICE) └─► sound_receive
 *
 * The gate is closed at first and asked before each packet of ours: nothing of microphone or camera leaves
 * before it opens. Thread: the default main context; sound packets come from their own thread and take the
 * send lock. Owner: main(). */
#ifndef CALLBOX_MEDIA_SESSION_H
#define CALLBOX_MEDIA_SESSION_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct session;
struct tone;

struct session_ops {
	void (*description)(const char *type, const char *sdp, void *data);
	void (*candidates)(cJSON *candidates /* taken */, void *data);
	void (*up)(void *data);
	void (*lost)(const char *reason, void *data);
	void (*quality)(int up, int down, void *data);
	/* any thread */
	void (*device)(const char *kind, const char *id, const char *state, const char *text, void *data);
	void (*failed)(const char *why, void *data);
	/* The clocks of two sound devices were compared long enough to remember it: thousandths of a ppm. */
	void (*drift)(const char *microphone, const char *speaker, int nanos, void *data);
};

/* start: the channel's start message, checked. */
int session_open(const cJSON *start, const struct session_ops *ops, void *data, struct session **ret_session);
void session_close(struct session *session);

void session_units(struct session *session, int fd); /* takes fd */
void session_description(struct session *session, const char *type, const char *sdp);
void session_candidates(struct session *session, const cJSON *candidates);
void session_gate(struct session *session, bool open);
void session_mute(struct session *session, bool audio, bool video);
/* The most bits a second of video that are sent. */
void session_video_rate(struct session *session, double bits_per_second);
void session_enable(struct session *session, bool audio, bool video);
/* On the speaker; takes the tone, NULL: silence. */
void session_tone(struct session *session, struct tone *tone);
/* kind: speaker or microphone; 1 leaves it as it is. */
void session_gain(struct session *session, const char *kind, double gain);
void session_playout_mute(struct session *session, bool on);
void session_switch(struct session *session, const char *kind, const char *id);
cJSON *session_stats(struct session *session);

#endif
