#include "core/media/uplink.h"

#include <glib.h>

#include "core/media/twcc.h"
#include "core/media/video_send.h"

#define STEP_LEAST_MS 3
#define STEP_MOST_MS 20
/* On a road that loses by itself, not for its queue, what is sent again is sent twice, and the end of a picture is sent
 * again unasked: a repair that is lost, or late, costs a pause that people see. */
#define LOSS_TWICE 0.03
#define QUEUE_LITTLE_MS 40
#define FRESH_US 300000 /* what waited for the road may be sent, when it is no older */

struct uplink {
	const struct uplink_ops *ops;
	void *data;
	pthread_mutex_t *lock; /* of the caller; protects congestion and video */
	struct congestion *congestion;
	struct video_send *video;
	struct twcc_clock clock;
	guint timer;
	bool open; /* the picture's transport has its keys */
	uint64_t bad_feedbacks;
};

static int64_t now_us(void)
{
	return g_get_monotonic_time();
}

static void on_send(const struct rtp *rtp, bool rtx, void *data)
{
	struct uplink *uplink = data;
	uplink->ops->send(rtp, rtx, uplink->data);
}

static bool on_room(void *data)
{
	const struct uplink *uplink = data;
	return uplink->open && congestion_has_room(uplink->congestion);
}

static bool on_rtx(size_t bytes, void *data)
{
	return congestion_take_rtx(((struct uplink *)data)->congestion, bytes);
}

static const struct video_send_ops video_ops = { on_send, on_room, on_rtx };

/* Under the lock, both. */
static void run(struct uplink *uplink);

static bool is_lossy(const struct uplink *uplink)
{
	struct congestion_stats road;
	congestion_stats(uplink->congestion, &road);
	return road.loss >= LOSS_TWICE && road.queue_ms < QUEUE_LITTLE_MS;
}

static gboolean on_timer(void *data)
{
	struct uplink *uplink = data;
	uplink->timer = 0;
	pthread_mutex_lock(uplink->lock);
	run(uplink);
	pthread_mutex_unlock(uplink->lock);
	return G_SOURCE_REMOVE;
}

static void run(struct uplink *uplink)
{
	video_send_guard(uplink->video, is_lossy(uplink));
	int64_t wait_us = video_send_run(uplink->video, congestion_pace_bps(uplink->congestion), now_us());
	uplink->ops->flush(uplink->data);
	if (wait_us >= 0 && !uplink->timer)
		uplink->timer = g_timeout_add((guint)CLAMP(wait_us / 1000, STEP_LEAST_MS, STEP_MOST_MS), on_timer,
					      uplink);
}

/* ---- pictures ---- */

/* Asks the encoder, when it is time. */
static void keyframe_look(struct uplink *uplink)
{
	pthread_mutex_lock(uplink->lock);
	bool now = video_send_take_keyframe(uplink->video, congestion_video_bps(uplink->congestion, 0), now_us());
	pthread_mutex_unlock(uplink->lock);
	if (now)
		uplink->ops->keyframe(uplink->data);
}

void uplink_picture_begin(struct uplink *uplink, uint32_t rtp_time, bool keyframe)
{
	pthread_mutex_lock(uplink->lock);
	video_send_begin(uplink->video, rtp_time, keyframe, now_us());
	pthread_mutex_unlock(uplink->lock);
}

void uplink_payload(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	struct uplink *uplink = data;
	pthread_mutex_lock(uplink->lock);
	video_send_payload(payload, bytes, last, uplink->video);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_picture_end(struct uplink *uplink)
{
	pthread_mutex_lock(uplink->lock);
	run(uplink);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_drop(struct uplink *uplink)
{
	pthread_mutex_lock(uplink->lock);
	video_send_drop(uplink->video);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_open(struct uplink *uplink)
{
	pthread_mutex_lock(uplink->lock);
	bool first = !uplink->open;
	uplink->open = true;
	if (first && !video_send_is_fresh(uplink->video, FRESH_US, now_us()))
		video_send_begin_anew(uplink->video);
	run(uplink);
	pthread_mutex_unlock(uplink->lock);
	keyframe_look(uplink);
}

uint16_t uplink_number(const struct uplink *uplink)
{
	return congestion_sequence(uplink->congestion);
}

void uplink_sent(struct uplink *uplink, enum congestion_kind kind, bool numbered, size_t bytes, int64_t since_us)
{
	if (numbered)
		congestion_sent(uplink->congestion, kind, bytes, since_us);
	else
		congestion_sent_plain(uplink->congestion, kind, bytes);
}

/* ---- what the peer says ---- */

void uplink_nack(struct uplink *uplink, uint16_t sequence, int64_t rtt_us)
{
	pthread_mutex_lock(uplink->lock);
	video_send_resend(uplink->video, sequence, is_lossy(uplink) ? 2 : 1, rtt_us, now_us());
	uplink->ops->flush(uplink->data);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_want_keyframe(struct uplink *uplink, int64_t rtt_us)
{
	pthread_mutex_lock(uplink->lock);
	video_send_want_keyframe(uplink->video, rtt_us, now_us());
	pthread_mutex_unlock(uplink->lock);
	keyframe_look(uplink);
}

void uplink_feedback(struct uplink *uplink, const uint8_t *part, size_t length)
{
	pthread_mutex_lock(uplink->lock);
	if (twcc_parse(part, length, &uplink->clock, congestion_status, uplink->congestion) == 0) {
		congestion_feedback(uplink->congestion, now_us());
		run(uplink); /* the window may have room again */
	} else {
		uplink->bad_feedbacks++;
	}
	pthread_mutex_unlock(uplink->lock);
}

void uplink_report(struct uplink *uplink, double loss, int64_t rtt_us)
{
	pthread_mutex_lock(uplink->lock);
	congestion_report(uplink->congestion, loss, rtt_us, now_us());
	pthread_mutex_unlock(uplink->lock);
}

void uplink_remb(struct uplink *uplink, double bits_per_second)
{
	pthread_mutex_lock(uplink->lock);
	congestion_remb(uplink->congestion, bits_per_second);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_new_path(struct uplink *uplink)
{
	pthread_mutex_lock(uplink->lock);
	congestion_new_path(uplink->congestion);
	pthread_mutex_unlock(uplink->lock);
}

void uplink_tick(struct uplink *uplink)
{
	int64_t now = now_us();
	pthread_mutex_lock(uplink->lock);
	congestion_tick(uplink->congestion, now);
	if (congestion_take_fall(uplink->congestion))
		video_send_drop(uplink->video);
	video_send_drop_stale(uplink->video, now);
	pthread_mutex_unlock(uplink->lock);
	keyframe_look(uplink);
}

/* ---- asked ---- */

void uplink_set_most(struct uplink *uplink, double video_bps)
{
	pthread_mutex_lock(uplink->lock);
	congestion_set_most(uplink->congestion, video_bps);
	pthread_mutex_unlock(uplink->lock);
}

double uplink_video_bps(struct uplink *uplink)
{
	struct video_send_stats stats;
	pthread_mutex_lock(uplink->lock);
	video_send_stats(uplink->video, &stats);
	double bps = congestion_video_bps(uplink->congestion, stats.queued_bytes);
	pthread_mutex_unlock(uplink->lock);
	return bps;
}

double uplink_audio_bps(struct uplink *uplink, double most_bps)
{
	pthread_mutex_lock(uplink->lock);
	double bps = congestion_audio_bps(uplink->congestion, most_bps);
	pthread_mutex_unlock(uplink->lock);
	return bps;
}

void uplink_stats(struct uplink *uplink, struct uplink_stats *ret_stats)
{
	struct video_send_stats video;
	pthread_mutex_lock(uplink->lock);
	congestion_stats(uplink->congestion, &ret_stats->congestion);
	video_send_stats(uplink->video, &video);
	pthread_mutex_unlock(uplink->lock);
	ret_stats->bad_feedbacks = uplink->bad_feedbacks;
	ret_stats->rtx_packets = video.rtx_packets;
	ret_stats->rtx_refused = video.rtx_refused;
	ret_stats->dropped_packets = video.dropped_packets;
	ret_stats->queued_bytes = video.queued_bytes;
}

struct uplink *uplink_create(const struct uplink_ops *ops, void *data, pthread_mutex_t *lock, double video_bps,
			     uint16_t sequence)
{
	struct uplink *uplink = g_new0(struct uplink, 1);
	uplink->ops = ops;
	uplink->data = data;
	uplink->lock = lock;
	uplink->congestion = congestion_create(video_bps, now_us());
	uplink->video = video_send_create(&video_ops, sequence, uplink);
	if (!uplink->congestion || !uplink->video) {
		uplink_destroy(uplink);
		return NULL;
	}
	return uplink;
}

void uplink_destroy(struct uplink *uplink)
{
	if (!uplink)
		return;
	if (uplink->timer)
		g_source_remove(uplink->timer);
	congestion_destroy(uplink->congestion);
	video_send_destroy(uplink->video);
	g_free(uplink);
}
