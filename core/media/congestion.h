/* congestion: how much may be sent. After the idea of SCReAM v2 (draft-johansson-ccwg-rfc8298bis): a rate, the window
 * of bytes in flight that belongs to it, and a queue on the way that is kept short.
 *
 *   queue > 40 ms at 1 Mbit/s      ─► cut to what arrives, the deeper the longer the queue (faster: down to 28 ms,
 *                                      slower: up to 70)
 *   loss > 10 % for a second       ─► cut to what arrives; when that did not help, it is the road's own loss
 *   nothing said for half a second ─► halved, again and again
 *   queue < half of that           ─► grows: fast far below the last cut, slowly near it
 *
 * Less loss without a queue is no congestion: it is repaired. Of the rate, sound comes first, retransmission has at
 * most 30 %, the encoder gets nine tenths less both. A peer without transport-wide feedback is judged by its reports:
 * loss, the round trip above the least one, REMB.
 *
 * Pure: time comes in, in microseconds of any one clock; no socket, no thread. Owner: the session, under its lock. */
#ifndef CALLBOX_MEDIA_CONGESTION_H
#define CALLBOX_MEDIA_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONGESTION_VIDEO_LEAST_BPS 12000.0

enum congestion_kind { CONGESTION_AUDIO, CONGESTION_VIDEO, CONGESTION_RTX, CONGESTION_KINDS };

struct congestion;

struct congestion_stats {
	double rate_bps;      /* the whole */
	double delivered_bps; /* what arrives of it */
	double queue_ms, loss; /* loss: share, of the last second */
	size_t flying_bytes, window_bytes;
	uint64_t feedbacks, reports, cuts, silences;
	bool has_feedback;
};

/* video_bps: the most for video, and what it begins with. NULL: no memory. */
struct congestion *congestion_create(double video_bps, int64_t now_us);
void congestion_destroy(struct congestion *congestion);
/* Another most. What was carried whole before begins at the new one. */
void congestion_set_most(struct congestion *congestion, double video_bps);

/* The transport-wide number of the packet that is sent next. */
uint16_t congestion_sequence(const struct congestion *congestion);
/* It left. bytes: as on the wire, less IP and UDP. */
void congestion_sent(struct congestion *congestion, enum congestion_kind kind, size_t bytes, int64_t now_us);
/* One that carries no number: the peer did not agree to it. */
void congestion_sent_plain(struct congestion *congestion, enum congestion_kind kind, size_t bytes);

/* One status of a feedback (a twcc_status_fn); congestion_feedback() after the last of it. */
void congestion_status(uint16_t sequence, bool arrived, int64_t arrival_us, void *congestion);
void congestion_feedback(struct congestion *congestion, int64_t now_us);
/* The packets take another road from here on: what was learnt of delays is forgotten. */
void congestion_new_path(struct congestion *congestion);
/* A receiver report on video; loss: share. Only counted when there is feedback. */
void congestion_report(struct congestion *congestion, double loss, int64_t rtt_us, int64_t now_us);
void congestion_remb(struct congestion *congestion, double bits_per_second);
void congestion_tick(struct congestion *congestion, int64_t now_us); /* every 10 to 50 ms */

/* For the encoders. queued_bytes: of video, not sent yet. */
double congestion_video_bps(const struct congestion *congestion, size_t queued_bytes);
double congestion_audio_bps(const struct congestion *congestion, double most_bps);
/* For whoever sends: how fast a burst may leave, whether the window has room, whether a retransmission may. */
double congestion_pace_bps(const struct congestion *congestion);
bool congestion_has_room(const struct congestion *congestion);
bool congestion_take_rtx(struct congestion *congestion, size_t bytes);
/* Once after the rate fell below half within a second: what waits is not worth sending. */
bool congestion_take_fall(struct congestion *congestion);
void congestion_stats(const struct congestion *congestion, struct congestion_stats *ret_stats);

#endif
