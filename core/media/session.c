#include "core/media/session.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/base/unit_channel.h"
#include "core/media/beat.h"
#include "core/media/negotiation.h"
#include "core/media/payload.h"
#include "core/media/rtp.h"
#include "core/media/sdp.h"
#include "core/media/sound/sound.h"
#include "core/media/twcc.h"
#include "core/media/uplink.h"
#include "core/media/video_receive.h"

#define TICK_US 25000 /* at the latest; ... */
#define TICK_EARLY_US 18000 /* ... a packet that comes then brings it along, so that nobody wakes up for it alone */
#define REPORT_TICKS 50	    /* RTCP every second */
#define RATE_TICKS 5	    /* the encoder's, looked at every 100 ms */
/* Feedback for the peer's congestion control goes out every 60 ms, ... */
#define FEEDBACK_LOW_BPS 300000 /* ... every 100 ms when little comes, ... */
#define FEEDBACK_LEAST_BPS 100000 /* ... every 200 ms when it would take a tenth of the road */
#define QUALITY_TICKS 100   /* every two seconds */
#define LOST_US 5000000	    /* silence of the peer that counts as lost */
#define AUDIO_BITRATE 32000
#define SECURE_ROOM 64
#define DRIFTS_MAX 16
#define DRIFT_SECONDS 20 /* of comparing before it is worth remembering */
#define REMB_MIN_BPS 100000
#define REMB_MAX_BPS 20000000.0

/* An outgoing RTP stream; under the send lock. */
struct out_stream {
	uint32_t ssrc, packets, octets, last_time;
	uint16_t sequence;
	int transport; /* SDP_OF_… */
	int64_t last_us;
};

/* An incoming one: RFC 3550 appendix A.3, A.8. */
struct in_stream {
	bool started;
	uint32_t ssrc, cycles, base, received, expected_before, received_before, last_sr;
	uint16_t highest;
	int clock_hz;
	double jitter;
	uint32_t transit;
	int64_t sr_us;
	uint64_t packets, bytes;
};

struct session {
	const struct session_ops *ops;
	void *data;
	bool up, described;
	struct negotiation *negotiation;
	struct sound *sound;
	struct unit_channel *units;
	struct sdp local, remote; /* as both agreed */
	struct beat *beat;
	unsigned int ticks;

	pthread_mutex_t lock; /* the send side: what follows up to the line */
	struct out_stream audio_out, video_out, rtx_out;
	struct uplink *uplink; /* its own locking */
	struct payload_sender sender;
	uint64_t unsendable; /* units that do not fit into the packets agreed on */
	uint64_t sent_packets, sent_bytes;
	int gate; /* atomic */
	/* ------------------------------------------------------------ */

	struct in_stream audio_in, video_in;
	enum video_codec codec_in; /* of the picture that comes */
	struct video_receive *video_receive;
	struct twcc_arrivals arrivals;
	uint64_t feedbacks_out;
	uint64_t received_packets, received_bytes, nacks_in, plis_in;
	double rtt_ms, audio_loss_out, video_loss_out, remb_in;
	double told_bps, remb_out;
	double told_ppm; /* of the sound devices' clocks */
	uint64_t rate_bytes; /* of video, received since the last report */
	uint64_t bytes_before; /* all that was received, at the last report */
	double received_bps;
	bool video_muted, video_enabled;
};

static int64_t now_us(void)
{
	return g_get_monotonic_time();
}

/* Middle 32 bits matter for round trips; the epoch is our boot's, which RFC 3550 §4 allows: nobody sets that clock. */
static uint64_t ntp_now(void)
{
	int64_t us = now_us();
	return (uint64_t)(us / 1000000) << 32 | (uint64_t)(us % 1000000) * 4294967296ULL / 1000000;
}

/* ---- out ---- */

/* The stream whose transport congestion control looks at. */
static const struct sdp_stream *lead(const struct session *s)
{
	return s->remote.video.there ? &s->remote.video : &s->remote.audio;
}

/* The id of the number that a transport's packets share; 0: the stream has none. */
static int number_id(const struct session *s, const struct sdp_stream *stream)
{
	return stream->transport == lead(s)->transport ? stream->twcc_id : 0;
}

/* Under the lock. The payload stands RTP_HEADER_MAX behind the buffer's begin and has SECURE_ROOM behind it. A picture's
 * packet waits for on_video_flush(). False: there are no keys yet, the sequence number was not used. */
static bool packet_send(struct session *s, struct out_stream *out, enum congestion_kind kind, struct rtp rtp,
			uint8_t *buffer)
{
	int64_t now = now_us();
	rtp.ssrc = out->ssrc;
	rtp.transport_id = number_id(s, kind == CONGESTION_AUDIO ? &s->remote.audio : &s->remote.video);
	rtp.transport_sequence = uplink_number(s->uplink);
	uint8_t *packet = buffer + RTP_HEADER_MAX - rtp_header_bytes(&rtp);
	size_t bytes = rtp_write(packet, &rtp) + rtp.payload_bytes;
	int r = kind == CONGESTION_AUDIO ? negotiation_send(s->negotiation, out->transport, false, packet, &bytes)
					 : negotiation_queue(s->negotiation, out->transport, false, packet, &bytes);
	if (r == -ENOTCONN)
		return false;
	out->packets++;
	out->octets += (uint32_t)rtp.payload_bytes;
	out->last_time = rtp.time;
	out->last_us = now;
	if (r == 0) {
		uplink_sent(s->uplink, kind, rtp.transport_id != 0, bytes, now);
		s->sent_packets++;
		s->sent_bytes += bytes;
	}
	return true;
}

static void on_sound_packet(const uint8_t *opus, size_t bytes, uint32_t rtp_time, bool marker, int64_t capture_us,
			    void *data)
{
	struct session *s = data;
	uint8_t packet[RTP_PACKET_MAX];
	(void)capture_us;
	pthread_mutex_lock(&s->lock);
	if (g_atomic_int_get(&s->gate) && s->described && s->remote.audio.there &&
	    bytes <= sizeof(packet) - RTP_HEADER_MAX - SECURE_ROOM) {
		const struct rtp rtp = { .payload_type = (uint8_t)s->remote.audio.payload_type, .marker = marker,
					 .sequence = s->audio_out.sequence, .time = rtp_time,
					 .payload_bytes = bytes };
		memcpy(packet + RTP_HEADER_MAX, opus, bytes);
		s->audio_out.sequence += packet_send(s, &s->audio_out, CONGESTION_AUDIO, rtp, packet);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Under the lock, by uplink. A retransmission (RFC 4588) is the original sequence number, then the payload. */
static void on_video_packet(const struct rtp *from, bool rtx, void *data)
{
	struct session *s = data;
	uint8_t packet[RTP_PACKET_MAX], *at = packet + RTP_HEADER_MAX;
	struct rtp rtp = *from;
	rtp.payload_type = (uint8_t)(rtx ? s->remote.video.rtx_type : s->remote.video.payload_type);
	if (rtx && s->remote.video.rtx_type < 0)
		return;
	if (rtx) {
		*at++ = (uint8_t)(from->sequence >> 8);
		*at++ = (uint8_t)from->sequence;
		rtp.sequence = s->rtx_out.sequence++;
		rtp.payload_bytes += 2;
	}
	memcpy(at, from->payload, from->payload_bytes);
	packet_send(s, rtx ? &s->rtx_out : &s->video_out, rtx ? CONGESTION_RTX : CONGESTION_VIDEO, rtp, packet);
}

static void on_video_flush(void *data)
{
	negotiation_flush(((struct session *)data)->negotiation);
}

static void on_keyframe_wanted(void *data)
{
	struct session *s = data;
	if (s->units)
		unit_channel_request_idr(s->units);
}

static const struct uplink_ops uplink_ops = { on_video_packet, on_video_flush, on_keyframe_wanted };

/* From callbox-video: a picture of ours. */
static void on_unit(const struct unit *unit, void *data)
{
	struct session *s = data;
	if (!g_atomic_int_get(&s->gate) || s->video_muted || !s->video_enabled || !s->described ||
	    !s->remote.video.there || unit->codec != s->remote.video.codec)
		return;
	uplink_picture_begin(s->uplink, unit->rtp_time, unit->keyframe);
	int r = payload_format_of(unit->codec)->cut(&s->sender, unit->bytes, unit->size, uplink_payload, s->uplink);
	uplink_picture_end(s->uplink);
	s->unsendable += r < 0;
	if (r < 0)
		unit_channel_request_idr(s->units); /* what follows cannot be decoded */
}

static void on_units_idr(void *data)
{
	struct session *s = data;
	if (s->video_receive)
		video_receive_ask_keyframe(s->video_receive, now_us());
}

static void on_units_rate(int bits_per_second, int level, void *data)
{
	(void)level;
	(void)bits_per_second; /* rates are told by us, not to us */
	(void)data;
}

static void on_units_closed(void *data)
{
	(void)data; /* callboxd starts callbox-video again and sends a new channel */
}

static const struct unit_channel_ops unit_ops = { on_unit, on_units_idr, on_units_rate, on_units_closed, NULL };

/* What callbox-video is to encode: what was agreed on, and before that what we like best. */
static void codec_tell(struct session *s)
{
	const struct sdp_stream *video = &s->remote.video;
	bool single = s->described && video->codec == VIDEO_H264 && video->mode == 0;
	enum video_codec codec = s->described && video->there ? video->codec : s->local.codecs[0];
	if (s->units)
		unit_channel_set_codec(s->units, codec, single ? PAYLOAD_MAX : 0);
}

static void rtcp_send(struct session *s, const struct out_stream *out, uint8_t *packet, size_t bytes)
{
	pthread_mutex_lock(&s->lock);
	if (bytes > 0 && negotiation_send(s->negotiation, out->transport, true, packet, &bytes) == 0) {
		s->sent_packets++;
		s->sent_bytes += bytes;
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- reports ---- */

static struct rtcp_report report_of(struct in_stream *in)
{
	uint32_t highest = in->cycles + in->highest, expected = highest - in->base + 1;
	uint32_t expected_now = expected - in->expected_before, received_now = in->received - in->received_before;
	in->expected_before = expected;
	in->received_before = in->received;
	int64_t lost_now = MAX((int64_t)expected_now - received_now, 0);
	int64_t share = expected_now ? lost_now * 256 / expected_now : 0;
	return (struct rtcp_report){
		.ssrc = in->ssrc, .highest = highest, .jitter = (uint32_t)in->jitter,
		.lost = (int32_t)(expected - in->received),
		.fraction_lost = (uint8_t)(share & ~(int64_t)255 ? 255 : share),
		.last_sr = in->last_sr,
		.delay_sr = in->sr_us ? (uint32_t)((now_us() - in->sr_us) * 65536 / 1000000) : 0,
	};
}

static struct rtcp_sender sender_of(struct session *s, const struct out_stream *out, int clock_hz)
{
	pthread_mutex_lock(&s->lock);
	const struct rtcp_sender sender = {
		.ssrc = out->ssrc, .packets = out->packets, .octets = out->octets, .ntp = ntp_now(),
		.rtp_time = out->last_time + (out->last_us ? (uint32_t)((now_us() - out->last_us) * clock_hz /
									1000000) : 0),
	};
	pthread_mutex_unlock(&s->lock);
	return sender;
}

/* What the peer may send us: more while little is lost, less when much is. */
static double remb_next(struct session *s, double loss)
{
	double received = (double)s->rate_bytes * 8;
	s->rate_bytes = 0;
	if (s->remb_out == 0)
		s->remb_out = 1000000;
	if (loss > 0.10)
		s->remb_out = MAX(s->remb_out * (1 - 0.5 * loss), REMB_MIN_BPS);
	else if (loss < 0.03 && received * 1.5 + 200000 > s->remb_out)
		s->remb_out = MIN(s->remb_out * 1.15, REMB_MAX_BPS);
	return s->remb_out;
}

static void reports_send(struct session *s)
{
	uint8_t packet[RTP_PACKET_MAX];
	struct rtcp_report report;
	struct rtcp_sender sender = sender_of(s, &s->audio_out, 48000);
	int count = s->audio_in.started;
	if (count)
		report = report_of(&s->audio_in);
	size_t at = rtcp_write_sr(packet, 0, &sender, &report, count);
	at = rtcp_write_sdes(packet, at, sender.ssrc, s->local.cname);
	rtcp_send(s, &s->audio_out, packet, at);
	if (!s->remote.video.there)
		return;
	sender = sender_of(s, &s->video_out, 90000);
	double loss = 0;
	count = s->video_in.started;
	if (count) {
		report = report_of(&s->video_in);
		loss = report.fraction_lost / 256.0;
	}
	at = rtcp_write_sr(packet, 0, &sender, &report, count);
	at = rtcp_write_sdes(packet, at, sender.ssrc, s->local.cname);
	if (count && !s->remote.video.twcc_id)
		at = rtcp_write_remb(packet, at, sender.ssrc, s->video_in.ssrc, remb_next(s, loss));
	rtcp_send(s, &s->video_out, packet, at);
}

/* For the peer's congestion control: what came, and when. */
static void feedback_send(struct session *s)
{
	uint32_t ssrc = s->video_in.started ? s->video_in.ssrc : s->audio_in.ssrc;
	uint8_t packet[RTP_PACKET_MAX];
	for (size_t bytes; (bytes = twcc_write(&s->arrivals, packet, 0, s->audio_out.ssrc, ssrc)) > 0;) {
		s->feedbacks_out++;
		rtcp_send(s, s->remote.video.there ? &s->video_out : &s->audio_out, packet, bytes);
	}
}

static void on_nack(const uint16_t *sequences, int count, void *data)
{
	struct session *s = data;
	uint8_t packet[RTP_PACKET_MAX];
	size_t at = rtcp_write_nack(packet, 0, s->video_out.ssrc, s->video_in.ssrc, sequences, count);
	rtcp_send(s, &s->video_out, packet, at);
}

static void on_pli(void *data)
{
	struct session *s = data;
	uint8_t packet[RTP_PACKET_MAX];
	if (s->video_in.ssrc)
		rtcp_send(s, &s->video_out, packet,
			  rtcp_write_pli(packet, 0, s->video_out.ssrc, s->video_in.ssrc));
}

static void on_video_unit(const uint8_t *bytes, size_t size, uint32_t rtp_time, bool keyframe, void *data)
{
	struct session *s = data;
	const struct unit unit = { .codec = s->codec_in, .bytes = bytes, .size = size, .rtp_time = rtp_time,
				   .keyframe = keyframe };
	if (s->units && unit_channel_send(s->units, &unit) < 0)
		video_receive_ask_keyframe(s->video_receive, now_us());
}

static const struct video_receive_ops video_ops = { on_video_unit, on_nack, on_pli };

/* ---- in ---- */

static void sequence_note(struct in_stream *in, uint16_t sequence)
{
	if (!in->started) {
		in->started = true;
		in->base = in->highest = sequence;
	}
	int ahead = (int16_t)(sequence - in->highest);
	if (ahead > 0) {
		if (sequence < in->highest)
			in->cycles += 65536;
		in->highest = sequence;
	}
	in->received++;
}

static void jitter_note(struct in_stream *in, uint32_t rtp_time)
{
	uint32_t arrival = (uint32_t)(now_us() * in->clock_hz / 1000000);
	uint32_t transit = arrival - rtp_time;
	int32_t d = (int32_t)(transit - in->transit);
	if (in->packets > 0)
		in->jitter += (fabs((double)d) - in->jitter) / 16;
	in->transit = transit;
}

static void stream_note(struct in_stream *in, const struct rtp *rtp, size_t bytes)
{
	if (in->started && in->ssrc != rtp->ssrc) { /* the peer's program was started anew */
		int clock_hz = in->clock_hz;
		*in = (struct in_stream){ .clock_hz = clock_hz };
	}
	in->ssrc = rtp->ssrc;
	sequence_note(in, rtp->sequence);
	jitter_note(in, rtp->time);
	in->packets++;
	in->bytes += bytes;
}

static void rtx_receive(struct session *s, const struct rtp *rtx, const struct sdp_format *format)
{
	if (rtx->payload_bytes < 3)
		return; /* probing */
	struct rtp rtp = *rtx;
	rtp.sequence = (uint16_t)(rtx->payload[0] << 8 | rtx->payload[1]);
	rtp.payload += 2;
	rtp.payload_bytes -= 2;
	rtp.payload_type = (uint8_t)format->payload_type;
	video_receive_put(s->video_receive, &rtp, true, now_us());
}

static int64_t rtt_us(const struct session *s)
{
	return (int64_t)(s->rtt_ms * 1000);
}

/* Transports that are not bundled may use the same numbers. */
static bool is_of(const struct sdp_stream *stream, int transport)
{
	return stream->there && stream->transport == transport;
}

/* The peer may send any format that we said we take, and change it. */
static void video_packet_receive(struct session *s, const struct rtp *rtp, size_t bytes,
				 const struct sdp_format *format, bool rtx)
{
	if (rtx && format->codec == s->codec_in) {
		rtx_receive(s, rtp, format);
	} else if (!rtx) {
		s->codec_in = format->codec;
		video_receive_codec(s->video_receive, format->codec);
		stream_note(&s->video_in, rtp, bytes);
		s->rate_bytes += bytes;
		video_receive_put(s->video_receive, rtp, false, now_us());
		video_receive_tick(s->video_receive, now_us(), rtt_us(s)); /* a repair may be due */
	}
}

/* The number that all packets of a transport share. */
static void number_note(struct session *s, int transport, const struct rtp *rtp)
{
	int id = lead(s)->twcc_id ? lead(s)->twcc_id : number_id(s, &s->remote.audio);
	if (id == 0 || transport != lead(s)->transport)
		return;
	int number = twcc_read_extension(rtp->extension_profile, rtp->extension, rtp->extension_bytes, id);
	if (number >= 0)
		twcc_arrived(&s->arrivals, (uint16_t)number, now_us());
}

static void rtp_receive(struct session *s, int transport, const uint8_t *packet, size_t bytes)
{
	struct rtp rtp;
	struct sdp_format format;
	bool rtx;
	if (rtp_parse(packet, bytes, &rtp) < 0)
		return;
	number_note(s, transport, &rtp);
	if (is_of(&s->local.audio, transport) && rtp.payload_type == s->local.audio.payload_type) {
		stream_note(&s->audio_in, &rtp, bytes);
		if (s->sound && rtp.payload_bytes > 0)
			sound_receive(s->sound, rtp.payload, rtp.payload_bytes, rtp.sequence, rtp.time, now_us());
	} else if (is_of(&s->local.video, transport) &&
		   sdp_format_find(&s->local.video, rtp.payload_type, &format, &rtx)) {
		video_packet_receive(s, &rtp, bytes, &format, rtx);
	}
}

static void on_rtcp_sender(uint32_t ssrc, uint64_t ntp, uint32_t rtp_time, void *data)
{
	struct session *s = data;
	struct in_stream *streams[] = { &s->audio_in, &s->video_in };
	(void)rtp_time;
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++)
		if (streams[i]->ssrc == ssrc) {
			streams[i]->last_sr = (uint32_t)(ntp >> 16);
			streams[i]->sr_us = now_us();
		}
}

static void on_rtcp_report(const struct rtcp_report *report, void *data)
{
	struct session *s = data;
	double loss = report->fraction_lost / 256.0;
	if (report->ssrc == s->audio_out.ssrc) {
		s->audio_loss_out = loss;
		sound_network(s->sound, (int)(loss * 100 + 0.5), (int)uplink_audio_bps(s->uplink, AUDIO_BITRATE));
	} else if (report->ssrc == s->video_out.ssrc) {
		s->video_loss_out = loss;
	} else {
		return;
	}
	if (report->last_sr == 0)
		return;
	uint32_t away = (uint32_t)(ntp_now() >> 16) - report->last_sr - report->delay_sr;
	if (away < 10 * 65536)
		s->rtt_ms = away * 1000.0 / 65536;
	if (report->ssrc == s->video_out.ssrc)
		uplink_report(s->uplink, loss, rtt_us(s));
}

static void on_rtcp_nack(uint32_t ssrc, uint16_t sequence, void *data)
{
	struct session *s = data;
	if (ssrc != s->video_out.ssrc)
		return;
	s->nacks_in++;
	uplink_nack(s->uplink, sequence, rtt_us(s));
}

static void on_rtcp_keyframe(uint32_t ssrc, void *data)
{
	struct session *s = data;
	if (ssrc != s->video_out.ssrc)
		return;
	s->plis_in++;
	uplink_want_keyframe(s->uplink, rtt_us(s));
}

static void on_rtcp_remb(double bits_per_second, void *data)
{
	struct session *s = data;
	s->remb_in = bits_per_second;
	uplink_remb(s->uplink, bits_per_second);
}

static void on_rtcp_transport(const uint8_t *part, size_t length, void *data)
{
	uplink_feedback(((struct session *)data)->uplink, part, length);
}

static const struct rtcp_ops rtcp_ops = { on_rtcp_sender, on_rtcp_report, on_rtcp_nack, on_rtcp_keyframe,
					  on_rtcp_remb, on_rtcp_transport };

/* Whatever the peer's keys made says that it is there: one without camera and microphone sends reports only. */
static void went_up(struct session *s)
{
	if (s->up)
		return;
	s->up = true;
	s->ops->up(s->data);
}

static void on_packet(int transport, bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data)
{
	struct session *s = data;
	s->received_packets++;
	s->received_bytes += wire_bytes;
	went_up(s);
	if (rtcp)
		rtcp_parse(packet, bytes, &rtcp_ops, s);
	else
		rtp_receive(s, transport, packet, bytes);
	beat_early(s->beat, TICK_EARLY_US);
}

/* ---- rate ---- */

/* Told to the encoder when it moved by 5 %, or anyway. */
static void rate_tell(struct session *s, bool anyway)
{
	double bps = uplink_video_bps(s->uplink);
	if (!s->units || (!anyway && fabs(bps - s->told_bps) <= 0.05 * s->told_bps))
		return;
	s->told_bps = bps;
	unit_channel_set_rate(s->units, (int)bps, s->remote.video.level);
}

static int quality_of(double loss, double rtt_ms)
{
	int by_loss = loss < 0.01 ? 1 : loss < 0.03 ? 2 : loss < 0.08 ? 3 : loss < 0.2 ? 4 : 5;
	int by_rtt = rtt_ms < 150 ? 1 : rtt_ms < 300 ? 2 : rtt_ms < 600 ? 3 : 4;
	return MAX(by_loss, by_rtt);
}

static double loss_in(const struct in_stream *in)
{
	double expected = (double)(in->cycles + in->highest - in->base + 1);
	return in->started && expected > 0 ? MAX(0, 1 - in->received / expected) : 0;
}

static void heard_check(struct session *s)
{
	if (s->up && now_us() - negotiation_heard_us(s->negotiation) > LOST_US) {
		s->up = false;
		s->ops->lost("nothing was heard of the other side for 5 s", s->data);
	}
}

/* Told when it is known well, and when it moved by half a millionth. */
static void drift_check(struct session *s)
{
	struct sound_stats q;
	sound_stats(s->sound, &q);
	if (q.echo.drift_seconds < DRIFT_SECONDS || fabs(q.echo.drift_ppm - s->told_ppm) < 0.5)
		return;
	s->told_ppm = q.echo.drift_ppm;
	s->ops->drift(q.microphone.id, q.speaker.id, (int)lrint(q.echo.drift_ppm * 1000), s->data);
}

static void on_beat(void *data)
{
	struct session *s = data;
	s->ticks++;
	negotiation_tick(s->negotiation);
	if (s->video_receive)
		video_receive_tick(s->video_receive, now_us(), rtt_us(s));
	uplink_tick(s->uplink);
	if (s->ticks % (s->received_bps < FEEDBACK_LEAST_BPS ? 10 : s->received_bps < FEEDBACK_LOW_BPS ? 5 : 3) == 0)
		feedback_send(s);
	if (s->ticks % RATE_TICKS == 0)
		rate_tell(s, false);
	if (s->ticks % REPORT_TICKS == 0 && negotiation_is_ready(s->negotiation)) {
		s->received_bps = (double)(s->received_bytes - s->bytes_before) * 8;
		s->bytes_before = s->received_bytes;
		reports_send(s);
		heard_check(s);
	}
	if (s->ticks % QUALITY_TICKS == 0)
		drift_check(s);
	if (s->ticks % QUALITY_TICKS == 0 && s->up)
		s->ops->quality(quality_of(MAX(s->audio_loss_out, s->video_loss_out), s->rtt_ms),
				quality_of(loss_in(&s->audio_in), s->rtt_ms), s->data);
}

/* ---- set-up ---- */

static void on_description(const char *type, const char *sdp, void *data)
{
	struct session *s = data;
	s->ops->description(type, sdp, s->data);
}

static void on_candidates(cJSON *candidates, void *data)
{
	struct session *s = data;
	s->ops->candidates(candidates, s->data);
}

static void on_agreed(const struct sdp *local, const struct sdp *remote, void *data)
{
	struct session *s = data;
	bool first = !s->described;
	pthread_mutex_lock(&s->lock);
	s->local = *local;
	s->remote = *remote;
	s->audio_out.transport = remote->audio.transport;
	s->video_out.transport = s->rtx_out.transport = remote->video.transport;
	s->described = true;
	s->sender.single_nal = remote->video.codec == VIDEO_H264 && remote->video.mode == 0;
	pthread_mutex_unlock(&s->lock);
	uplink_new_path(s->uplink);
	codec_tell(s);
	if (first && s->units)
		unit_channel_request_idr(s->units); /* what came before it was not kept */
}

static void on_ready(void *data)
{
	struct session *s = data;
	if (negotiation_has_keys(s->negotiation, s->video_out.transport))
		uplink_open(s->uplink);
}

static void on_broken(void *data)
{
	struct session *s = data;
	if (s->up) {
		s->up = false;
		s->ops->lost("the network path is gone", s->data);
	} else {
		log_warning("media: no network path to the other side yet");
	}
}

static void on_failed(const char *why, void *data)
{
	struct session *s = data;
	s->ops->failed(why, s->data);
}

static const struct negotiation_ops negotiation_ops = { on_description, on_candidates, on_agreed, on_ready, on_broken,
							on_failed, on_packet };

static void on_sound_device(const char *kind, const char *id, const char *state, const char *text, void *data)
{
	struct session *s = data;
	s->ops->device(kind, id, state, text, s->data);
}

static const struct sound_ops sound_ops = { on_sound_packet, on_sound_device };

void session_description(struct session *s, const char *type, const char *text)
{
	negotiation_description(s->negotiation, type, text);
}

void session_candidates(struct session *s, const cJSON *candidates)
{
	negotiation_candidates(s->negotiation, candidates);
}

static unsigned int drifts_parse(const cJSON *list, struct sound_drift drifts[DRIFTS_MAX])
{
	unsigned int n = 0;
	const cJSON *one;
	cJSON_ArrayForEach(one, list) {
		if (n == DRIFTS_MAX)
			break;
		g_strlcpy(drifts[n].microphone, message_string(one, "microphone", ""), SOUND_ID);
		g_strlcpy(drifts[n].speaker, message_string(one, "speaker", ""), SOUND_ID);
		drifts[n++].ppm = message_number(one, "nanos", 0) / 1000;
	}
	return n;
}

static int parts_open(struct session *s, const cJSON *start)
{
	const cJSON *settings = message_member(start, "settings");
	struct sound_drift drifts[DRIFTS_MAX];
	const struct sound_settings sound = {
		.microphone = message_string(start, "microphone", "null:"),
		.speaker = message_string(start, "speaker", "null:"),
		.bitrate_bps = AUDIO_BITRATE,
		.echo_cancel = message_bool(settings, "echo_cancel", true),
		.noise_suppress = message_bool(settings, "noise_suppress", true),
		.gain_control = message_bool(settings, "gain_control", true),
		.drifts = drifts,
		.drift_count = drifts_parse(message_member(settings, "drifts"), drifts),
	};
	int r = sound_start(&sound, &sound_ops, s, &s->sound);
	if (r < 0)
		return r;
	const struct negotiation_settings negotiation = {
		.anchor = g_str_equal(message_string(start, "role", ""), "offer"),
		.video = message_bool(start, "video", true),
		.loopback = message_bool(settings, "loopback", false),
		.interface = message_string(settings, "interface", ""),
		.servers = message_member(start, "ice_servers"),
		.streams = &s->local,
	};
	return negotiation_open(&negotiation, &negotiation_ops, s, &s->negotiation);
}

static void streams_init(struct session *s)
{
	struct out_stream *streams[] = { &s->audio_out, &s->video_out, &s->rtx_out };
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
		streams[i]->ssrc = g_random_int() | 1;
		streams[i]->sequence = (uint16_t)g_random_int_range(0, 32768);
	}
	s->local.audio.ssrc = s->audio_out.ssrc;
	s->local.video.ssrc = s->video_out.ssrc;
	s->local.video.rtx_ssrc = s->rtx_out.ssrc;
	g_snprintf(s->local.cname, sizeof(s->local.cname), "%08x%08x", g_random_int(), g_random_int());
	s->audio_in.clock_hz = 48000;
	s->video_in.clock_hz = 90000;
}

int session_open(const cJSON *start, const struct session_ops *ops, void *data, struct session **ret_session)
{
	const cJSON *settings = message_member(start, "settings");
	struct session *s = g_new0(struct session, 1);
	s->ops = ops;
	s->data = data;
	s->video_enabled = true;
	pthread_mutex_init(&s->lock, NULL);
	s->sender.picture = (uint16_t)g_random_int();
	streams_init(s);
	s->video_receive = video_receive_create(&video_ops, s);
	g_autofree char *codecs_why = NULL;
	s->uplink = uplink_create(&uplink_ops, s, &s->lock, message_number(settings, "video_bitrate_bps", 800000),
				  s->video_out.sequence);
	int r = video_codecs_parse(message_string(settings, "video_codecs", "h264 vp8"), s->local.codecs, &codecs_why);
	if (r == 0)
		r = s->video_receive && s->uplink ? parts_open(s, start) : -ENOMEM;
	if (r < 0) {
		session_close(s);
		return r;
	}
	s->beat = beat_start(TICK_US, on_beat, s);
	*ret_session = s;
	return 0;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	beat_stop(s->beat);
	sound_stop(s->sound);
	unit_channel_close(s->units);
	video_receive_destroy(s->video_receive);
	uplink_destroy(s->uplink);
	negotiation_close(s->negotiation);
	pthread_mutex_destroy(&s->lock);
	g_free(s);
}

/* ---- verbs ---- */

void session_units(struct session *s, int fd)
{
	unit_channel_close(s->units);
	s->units = NULL;
	int r = unit_channel_open(fd, NULL, &unit_ops, s, &s->units);
	if (r < 0) {
		log_error("unit channel: %s", g_strerror(-r));
		return;
	}
	codec_tell(s);
	rate_tell(s, true);
	video_receive_ask_keyframe(s->video_receive, now_us());
}

void session_gate(struct session *s, bool open)
{
	g_atomic_int_set(&s->gate, open);
	sound_gate(s->sound, open);
	if (open && s->units)
		unit_channel_request_idr(s->units);
}

void session_video_rate(struct session *s, double bits_per_second)
{
	uplink_set_most(s->uplink, bits_per_second);
	rate_tell(s, true);
}

/* A picture that waits to leave is not seen after the switch was turned. */
static void video_look(struct session *s)
{
	if (s->video_muted || !s->video_enabled)
		uplink_drop(s->uplink);
}

void session_mute(struct session *s, bool audio, bool video)
{
	sound_mute(s->sound, audio);
	s->video_muted = video;
	video_look(s);
}

void session_enable(struct session *s, bool audio, bool video)
{
	sound_enable(s->sound, audio);
	s->video_enabled = video;
	video_look(s);
}

void session_tone(struct session *session, struct tone *tone)
{
	if (session->sound)
		sound_play_tone(session->sound, tone);
	else
		tone_destroy(tone);
}

void session_gain(struct session *s, const char *kind, double gain)
{
	sound_gain(s->sound, kind, gain);
}

void session_playout_mute(struct session *s, bool on)
{
	sound_playout_mute(s->sound, on);
}

void session_switch(struct session *s, const char *kind, const char *id)
{
	sound_switch(s->sound, kind, id);
}

static void add(cJSON *json, const char *name, double value)
{
	cJSON_AddNumberToObject(json, name, round(value * 100) / 100);
}

static void stats_port(cJSON *json, const char *kind, const struct port_stats *port)
{
	char name[32];
	cJSON_AddStringToObject(json, kind, port->id);
	g_snprintf(name, sizeof(name), "%s_dbfs", kind);
	add(json, name, port->dbfs);
	g_snprintf(name, sizeof(name), "%s_xruns", kind);
	add(json, name, port->xruns);
	g_snprintf(name, sizeof(name), "%s_missed", kind);
	add(json, name, (double)port->missed);
}

static void stats_sound(struct session *s, cJSON *json)
{
	struct sound_stats q;
	sound_stats(s->sound, &q);
	stats_port(json, "microphone", &q.microphone);
	stats_port(json, "speaker", &q.speaker);
	add(json, "echo_reduced_db", q.echo.erle_db);
	add(json, "echo_linear_db", q.echo.linear_db);
	cJSON_AddBoolToObject(json, "echo_converged", q.echo.converged);
	add(json, "drift_ppm", q.echo.drift_ppm);
	add(json, "drift_seconds", q.echo.drift_seconds);
	add(json, "captured", (double)q.captured);
	add(json, "encoded", (double)q.encoded);
	add(json, "received", (double)q.jitter.received);
	add(json, "decoded", (double)q.jitter.decoded);
	add(json, "concealed", (double)q.jitter.concealed);
	add(json, "fec", (double)q.jitter.fec);
	add(json, "late", (double)q.jitter.late);
	add(json, "discarded", (double)q.jitter.discarded);
	add(json, "jitter_ms", q.jitter.jitter_ms);
	add(json, "delay_ms", q.jitter.delay_ms);
}

static void stats_video(struct session *s, cJSON *json)
{
	struct video_receive_stats v;
	video_receive_stats(s->video_receive, &v);
	cJSON_AddStringToObject(json, "codec", video_codec_name(s->remote.video.codec));
	cJSON_AddStringToObject(json, "remote_codec", video_codec_name(s->codec_in));
	if (s->remote.video.codec == VIDEO_H264)
		add(json, "packetization_mode", s->remote.video.mode);
	add(json, "loss_percent", 100 * loss_in(&s->video_in));
	add(json, "loss_out_percent", 100 * s->video_loss_out);
	add(json, "packets", (double)v.packets);
	add(json, "units", (double)v.units);
	add(json, "keyframes", (double)v.keyframes);
	add(json, "dropped_units", (double)v.dropped_units);
	add(json, "malformed_units", (double)v.malformed);
	add(json, "unsendable_units", (double)s->unsendable);
	add(json, "nacks_sent", (double)v.nacks);
	add(json, "recovered", (double)v.recovered);
	add(json, "plis_sent", (double)v.plis);
	add(json, "nacks_received", (double)s->nacks_in);
	add(json, "plis_received", (double)s->plis_in);
	add(json, "rate_bps", s->told_bps);
	add(json, "remb_bps", s->remb_in);
}

static void stats_uplink(struct session *s, cJSON *json)
{
	struct uplink_stats u;
	uplink_stats(s->uplink, &u);
	cJSON_AddStringToObject(json, "judged_by", u.congestion.has_feedback ? "feedback" : "reports");
	add(json, "rate_bps", u.congestion.rate_bps);
	add(json, "delivered_bps", u.congestion.delivered_bps);
	add(json, "queue_ms", u.congestion.queue_ms);
	add(json, "loss_percent", 100 * u.congestion.loss);
	add(json, "window_bytes", (double)u.congestion.window_bytes);
	add(json, "flying_bytes", (double)u.congestion.flying_bytes);
	add(json, "waiting_bytes", (double)u.queued_bytes);
	add(json, "cuts", (double)u.congestion.cuts);
	add(json, "silences", (double)u.congestion.silences);
	add(json, "feedbacks_received", (double)u.congestion.feedbacks);
	add(json, "feedbacks_refused", (double)u.bad_feedbacks);
	add(json, "feedbacks_sent", (double)s->feedbacks_out);
	add(json, "rtx_packets", (double)u.rtx_packets);
	add(json, "rtx_refused", (double)u.rtx_refused);
	add(json, "dropped_packets", (double)u.dropped_packets);
}

cJSON *session_stats(struct session *s)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "up", s->up);
	negotiation_stats(s->negotiation, json);
	add(json, "rtt_ms", s->rtt_ms);
	pthread_mutex_lock(&s->lock);
	add(json, "packets_sent", (double)s->sent_packets);
	add(json, "bytes_sent", (double)s->sent_bytes);
	pthread_mutex_unlock(&s->lock);
	add(json, "packets_received", (double)s->received_packets);
	add(json, "bytes_received", (double)s->received_bytes);
	cJSON *audio = cJSON_AddObjectToObject(json, "audio");
	cJSON_AddStringToObject(audio, "codec", s->remote.audio.there ? "opus" : "");
	add(audio, "loss_percent", 100 * loss_in(&s->audio_in));
	add(audio, "loss_out_percent", 100 * s->audio_loss_out);
	add(audio, "jitter_ms", s->audio_in.jitter / 48);
	stats_video(s, cJSON_AddObjectToObject(json, "video"));
	stats_uplink(s, cJSON_AddObjectToObject(json, "uplink"));
	stats_sound(s, cJSON_AddObjectToObject(json, "sound"));
	return json;
}
