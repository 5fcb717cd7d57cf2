/* What callbox-media does to bytes: H.264 payloads both ways, loss and repair, descriptions, RTCP, the sound's
 * jitter buffer, and what hostile bytes do to each parser: nothing. */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <opus.h>
#include <string.h>

#include "core/media/h264.h"
#include "core/media/rtp.h"
#include "core/media/sdp.h"
#include "core/media/sound/jitter.h"
#include "core/media/video_receive.h"

/* A VP8 frame that is none, but for its header. */
static GByteArray *vp8_make(GRand *random, size_t size, bool keyframe)
{
	static const uint8_t start[] = { 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01 };
	static const uint8_t inter[] = { 0x11, 0, 0 };
	GByteArray *unit = g_byte_array_new();
	g_byte_array_append(unit, keyframe ? start : inter, keyframe ? sizeof(start) : sizeof(inter));
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)g_rand_int_range(random, 0, 256);
		g_byte_array_append(unit, &byte, 1);
	}
	return unit;
}

/* An access unit of SPS, PPS and one slice of `size` bytes that hold no start code. */
static GByteArray *unit_make(GRand *random, size_t size, bool keyframe)
{
	static const uint8_t sps[] = { 0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 1, 2, 3 };
	static const uint8_t pps[] = { 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80 };
	const uint8_t slice[] = { 0, 0, 0, 1, (uint8_t)(keyframe ? 0x65 : 0x41) };
	GByteArray *unit = g_byte_array_new();
	if (keyframe) {
		g_byte_array_append(unit, sps, sizeof(sps));
		g_byte_array_append(unit, pps, sizeof(pps));
	}
	g_byte_array_append(unit, slice, sizeof(slice));
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)g_rand_int_range(random, 1, 256);
		g_byte_array_append(unit, &byte, 1);
	}
	return unit;
}

struct joined {
	uint8_t unit[300000];
	size_t size;
	bool fragment;
	unsigned int payloads, lasts;
};

static void join_one(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	struct joined *j = data;
	j->payloads++;
	j->lasts += last;
	g_assert_cmpuint(bytes, <=, PAYLOAD_MAX);
	g_assert_cmpint(h264_join(payload, bytes, j->unit, &j->size, sizeof(j->unit), &j->fragment), ==, 0);
}

static void test_h264(void)
{
	static const size_t sizes[] = { 1, 100, 1148, 1149, 1150, 1151, 2300, 5000, 100000 };
	GRand *random = g_rand_new_with_seed(1);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
		for (int keyframe = 0; keyframe < 2; keyframe++) {
			GByteArray *unit = unit_make(random, sizes[i], keyframe);
			struct joined *j = g_new0(struct joined, 1);
			g_assert_cmpint(h264_cut(unit->data, unit->len, join_one, j), ==, 0);
			g_assert_false(j->fragment);
			g_assert_cmpuint(j->lasts, ==, 1);
			g_assert_cmpmem(j->unit, (int)j->size, unit->data, (int)unit->len);
			g_assert_true(h264_is_keyframe(j->unit, j->size) == keyframe);
			g_free(j);
			g_byte_array_unref(unit);
		}
	g_rand_free(random);
}

static void single_one(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	int type = payload[0] & 31;
	g_assert_true(type >= 1 && type <= 23);
	join_one(payload, bytes, last, data);
}

/* packetization-mode 0: a packet is a NAL unit, or the whole unit stays here. */
static void test_h264_single(void)
{
	GRand *random = g_rand_new_with_seed(1);
	for (size_t size = 1; size < 2 * PAYLOAD_MAX; size += 7) {
		GByteArray *unit = unit_make(random, size, true);
		struct joined *j = g_new0(struct joined, 1);
		bool fits = size + 1 <= PAYLOAD_MAX;
		g_assert_cmpint(h264_cut_single(unit->data, unit->len, single_one, j), ==, fits ? 0 : -EMSGSIZE);
		g_assert_cmpuint(j->payloads, ==, fits ? 3 : 0);
		if (fits)
			g_assert_cmpmem(j->unit, (int)j->size, unit->data, (int)unit->len);
		g_free(j);
		g_byte_array_unref(unit);
	}
	g_rand_free(random);
}

/* ---- a lossy network between a cutter and a video_receive ---- */

struct network {
	struct video_receive *receive;
	enum video_codec codec;
	struct payload_sender sender;
	GRand *random;
	GPtrArray *units; /* GByteArray, as sent */
	struct { uint8_t bytes[RTP_PACKET_MAX]; size_t size; bool marker; uint32_t time; } history[65536];
	uint16_t sequence;
	uint32_t time;
	int64_t now_us;
	int loss_percent;
	GQueue asked; /* sequences */
	unsigned int arrived, plis;
	bool want_keyframe;
};

static void packet_arrives(struct network *n, uint16_t sequence, bool again)
{
	const struct rtp rtp = { .marker = n->history[sequence].marker, .sequence = sequence,
				 .time = n->history[sequence].time, .payload = n->history[sequence].bytes,
				 .payload_bytes = n->history[sequence].size };
	if (g_rand_int_range(n->random, 0, 100) >= n->loss_percent)
		video_receive_put(n->receive, &rtp, again, n->now_us);
}

static void packet_leaves(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	struct network *n = data;
	uint16_t sequence = n->sequence++;
	memcpy(n->history[sequence].bytes, payload, bytes);
	n->history[sequence].size = bytes;
	n->history[sequence].marker = last;
	n->history[sequence].time = n->time;
	packet_arrives(n, sequence, false);
}

static void on_unit(const uint8_t *unit, size_t size, uint32_t rtp_time, bool keyframe, void *data)
{
	struct network *n = data;
	const GByteArray *sent = n->units->pdata[rtp_time / 3000];
	(void)keyframe;
	g_assert_cmpmem(unit, (int)size, sent->data, (int)sent->len);
	n->arrived++;
}

static void on_nack(const uint16_t *sequences, int count, void *data)
{
	struct network *n = data;
	for (int i = 0; i < count; i++)
		g_queue_push_tail(&n->asked, GUINT_TO_POINTER((guint)sequences[i] + 1));
}

static void on_pli(void *data)
{
	struct network *n = data;
	n->plis++;
	n->want_keyframe = true;
}

static unsigned int send_over(enum video_codec codec, int loss_percent, unsigned int count)
{
	static const struct video_receive_ops ops = { on_unit, on_nack, on_pli };
	struct network *n = g_new0(struct network, 1);
	n->random = g_rand_new_with_seed(5);
	n->units = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
	n->loss_percent = loss_percent;
	n->sequence = 65000; /* wraps on the way */
	n->sender.picture = 0x7ff0;
	n->receive = video_receive_create(&ops, n);
	video_receive_codec(n->receive, codec);
	for (unsigned int i = 0; i < count; i++) {
		bool keyframe = i == 0 || n->want_keyframe;
		n->want_keyframe = false;
		n->time = i * 3000;
		size_t size = (size_t)g_rand_int_range(n->random, 50, 6000);
		GByteArray *unit = codec == VIDEO_VP8 ? vp8_make(n->random, size, keyframe)
						      : unit_make(n->random, size, keyframe);
		g_ptr_array_add(n->units, unit);
		g_assert_cmpint(payload_format_of(codec)->cut(&n->sender, unit->data, unit->len, packet_leaves, n), ==,
				0);
		for (int half = 0; half < 2; half++) {
			n->now_us += 16667;
			for (unsigned int a = g_queue_get_length(&n->asked); a > 0; a--)
				packet_arrives(n, (uint16_t)(GPOINTER_TO_UINT(g_queue_pop_head(&n->asked)) - 1), true);
			video_receive_tick(n->receive, n->now_us, 20000);
		}
	}
	unsigned int arrived = n->arrived;
	video_receive_destroy(n->receive);
	g_ptr_array_unref(n->units);
	g_queue_clear(&n->asked);
	g_rand_free(n->random);
	g_free(n);
	return arrived;
}

static void test_loss(void)
{
	for (enum video_codec codec = VIDEO_H264; codec <= VIDEO_VP8; codec++) {
		g_assert_cmpuint(send_over(codec, 0, 600), ==, 600);
		unsigned int at5 = send_over(codec, 5, 600), at10 = send_over(codec, 10, 600);
		g_test_message("%s: of 600 pictures %u came through 5 %% loss, %u through 10 %%",
			       video_codec_name(codec), at5, at10);
		g_assert_cmpuint(at5, >=, 590);
		g_assert_cmpuint(at10, >=, 570);
	}
}

#define TRANSPORT(name) { .ufrag = name, .password = "0123456789012345678901", .fingerprint_hash = "sha-256", \
			  .fingerprint = "AB:CD" }

static void test_sdp(void)
{
	struct sdp offer = { .transports = { TRANSPORT("abcd") }, .cname = "callbox",
			     .codecs = { VIDEO_H264, VIDEO_VP8 } };
	struct sdp read, answer = offer;
	char text[SDP_BYTES_MAX];
	const char *why = NULL;
	offer.audio.ssrc = 1;
	offer.video.ssrc = 2;
	offer.video.rtx_ssrc = 3;
	sdp_offer(&offer, true);
	g_assert_cmpint(sdp_write(&offer, 42, 1, text, sizeof(text)), ==, 0);
	g_assert_cmpint(sdp_parse(text, &read, &why), ==, 0);
	g_assert_cmpstr(read.transports[0].ufrag, ==, "abcd");
	g_assert_true(read.bundle && read.transports[0].mux);
	g_assert_false(read.transports[1].there);
	g_assert_cmpint(read.transports[0].setup, ==, SDP_ACTPASS);
	g_assert_cmpint(read.audio.payload_type, ==, 111);
	g_assert_cmpint(read.video.payload_type, ==, 102);
	g_assert_cmpint(read.video.rtx_type, ==, 103);
	g_assert_cmpuint(read.video.ssrc, ==, 2);
	g_assert_cmpuint(read.video.rtx_ssrc, ==, 3);
	g_assert_true(read.video.nack && read.video.remb);
	sdp_choose(&read, offer.codecs, true);
	g_assert_cmpint(sdp_answer(&read, &answer), ==, 0);
	answer.transports[0].setup = SDP_ACTIVE;
	g_assert_cmpint(sdp_write(&answer, 42, 1, text, sizeof(text)), ==, 0);
	g_assert_cmpint(sdp_parse(text, &read, &why), ==, 0);
	g_assert_cmpint(read.transports[0].setup, ==, SDP_ACTIVE);
	g_assert_true(read.video.there);
}

/* Another stack's offer: its own payload types, a data channel between, VP8 first, two H.264 modes. */
static void test_sdp_foreign(void)
{
	static const char text[] =
		"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a d v\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 63 96\r\na=mid:a\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
		"a=fingerprint:SHA-256 ab:cd\r\na=setup:actpass\r\na=rtpmap:63 red/48000/2\r\n"
		"a=rtpmap:96 OPUS/48000/2\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 35 36 37 38 39\r\na=mid:v\r\na=rtpmap:35 VP8/90000\r\n"
		"a=rtpmap:36 H264/90000\r\na=fmtp:36 packetization-mode=0;profile-level-id=42e01f\r\n"
		"a=rtpmap:37 H264/90000\r\na=fmtp:37 packetization-mode=1;profile-level-id=42c01f\r\n"
		"a=rtpmap:38 H264/90000\r\na=fmtp:38 packetization-mode=1;profile-level-id=640c1f\r\n"
		"a=rtpmap:39 rtx/90000\r\na=fmtp:39 apt=37\r\na=rtcp-fb:* nack\r\n";
	struct sdp offer, answer = { .transports = { TRANSPORT("x") } };
	const char *why = NULL;
	char written[SDP_BYTES_MAX];
	g_assert_cmpint(sdp_parse(text, &offer, &why), ==, 0);
	g_assert_cmpint(offer.audio.payload_type, ==, 96);
	sdp_choose(&offer, (enum video_codec[]){ VIDEO_H264, VIDEO_VP8, VIDEO_NONE }, true);
	g_assert_cmpint(offer.video.payload_type, ==, 37);
	g_assert_cmpint(offer.video.rtx_type, ==, 39);
	g_assert_cmpstr(offer.transports[0].fingerprint, ==, "AB:CD");
	g_assert_cmpint(offer.line_count, ==, 3);
	g_assert_cmpint(sdp_answer(&offer, &answer), ==, 0);
	g_assert_cmpint(sdp_write(&answer, 1, 1, written, sizeof(written)), ==, 0);
	g_assert_nonnull(strstr(written, "m=application 0 "));
	g_assert_nonnull(strstr(written, "a=group:BUNDLE a v\r\n"));
}

#define OPUS "a=rtpmap:96 opus/48000/2\r\n"
#define H264 "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=42e01f\r\n"

static struct sdp parsed(const char *text)
{
	struct sdp sdp;
	const char *why = NULL;
	if (sdp_parse(text, &sdp, &why) < 0)
		g_error("%s: %s", why, text);
	return sdp;
}

/* Nothing is bundled: each line has its own of everything; the fingerprint is everybody's; no rtcp-mux for sound. */
static void test_sdp_unbundled(void)
{
	struct sdp sdp = parsed("v=0\r\na=fingerprint:sha-384 cd:ef\r\na=setup:active\r\na=x-unknown:1\r\nk=\r\n"
				"m=audio 5000 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:ua\r\na=ice-pwd:pa\r\n" OPUS
				"m=video 5002 UDP/TLS/RTP/SAVPF 97\r\na=ice-ufrag:uv\r\na=ice-pwd:pv\r\n"
				"a=fingerprint:sha-256 ab:ab\r\na=setup:passive\r\na=rtcp-mux\r\n" H264);
	const struct sdp_transport *audio = &sdp.transports[SDP_OF_AUDIO], *video = &sdp.transports[SDP_OF_VIDEO];
	struct sdp answer = { .transports = { TRANSPORT("x"), TRANSPORT("y") } };
	char text[SDP_BYTES_MAX];
	g_assert_true(audio->there && video->there && !sdp.bundle);
	g_assert_cmpint(sdp.audio.transport, ==, SDP_OF_AUDIO);
	g_assert_cmpint(sdp.video.transport, ==, SDP_OF_VIDEO);
	g_assert_cmpstr(audio->ufrag, ==, "ua");
	g_assert_cmpstr(audio->fingerprint_hash, ==, "sha-384");
	g_assert_cmpstr(audio->fingerprint, ==, "CD:EF");
	g_assert_cmpint(audio->setup, ==, SDP_ACTIVE);
	g_assert_false(audio->mux);
	g_assert_cmpstr(video->password, ==, "pv");
	g_assert_cmpstr(video->fingerprint, ==, "AB:AB");
	g_assert_cmpint(video->setup, ==, SDP_PASSIVE);
	g_assert_true(video->mux);
	g_assert_cmpint(sdp_answer(&sdp, &answer), ==, 0);
	g_assert_cmpint(sdp_write(&answer, 1, 1, text, sizeof(text)), ==, 0);
	g_assert_null(strstr(text, "BUNDLE"));
	answer = parsed(text);
	g_assert_cmpstr(answer.transports[SDP_OF_AUDIO].ufrag, ==, "x");
	g_assert_false(answer.transports[SDP_OF_AUDIO].mux);
	g_assert_cmpstr(answer.transports[SDP_OF_VIDEO].ufrag, ==, "y");
	g_assert_true(answer.transports[SDP_OF_VIDEO].mux);
}

static void count_candidate(int line, const char *candidate, void *data)
{
	g_assert_cmpint(line, ==, 1);
	g_assert_true(g_str_has_prefix(candidate, "candidate:7 1 udp"));
	++*(int *)data;
}

/* The picture's line speaks for the group, sound's has port 0 and shares it, a third is refused. */
static void test_sdp_bundle_only(void)
{
	static const char text[] =
		"v=0\r\na=group:LS a v\r\na=group:BUNDLE v a\r\na=ice-lite\r\n"
		"m=audio 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:a\r\na=bundle-only\r\n" OPUS
		"m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:v\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
		"a=fingerprint:sha-256 ab\r\na=setup:actpass\r\na=candidate:7 1 udp 1 192.0.2.1 9 typ host\r\n" H264
		"m=audio 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:b\r\na=bundle-only\r\n" OPUS;
	struct sdp sdp = parsed(text), answer = { .transports = { TRANSPORT("x") } };
	char written[SDP_BYTES_MAX];
	int candidates = 0;
	g_assert_true(sdp.audio.there && sdp.video.there && sdp.bundle && sdp.video_first);
	g_assert_cmpstr(sdp.audio.mid, ==, "a");
	g_assert_cmpint(sdp.video.transport, ==, SDP_OF_AUDIO);
	g_assert_cmpstr(sdp.transports[SDP_OF_AUDIO].ufrag, ==, "u");
	g_assert_true(sdp.transports[SDP_OF_AUDIO].mux && sdp.transports[SDP_OF_AUDIO].lite);
	g_assert_false(sdp.transports[SDP_OF_VIDEO].there);
	sdp_candidates(text, count_candidate, &candidates);
	g_assert_cmpint(candidates, ==, 1);
	g_assert_cmpint(sdp_answer(&sdp, &answer), ==, 0);
	g_assert_cmpint(sdp_write(&answer, 1, 1, written, sizeof(written)), ==, 0);
	g_assert_nonnull(strstr(written, "a=group:BUNDLE v a\r\n"));
	g_assert_nonnull(strstr(written, "m=audio 9 "));
	/* Out of every group port 0 is what it always was. */
	sdp = parsed("m=audio 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:a\r\na=bundle-only\r\n" OPUS
		     "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
		     "a=fingerprint:sha-256 ab\r\n" H264);
	g_assert_false(sdp.audio.there);
	g_assert_true(sdp.video.there && sdp.transports[SDP_OF_VIDEO].there);
}

static void test_sdp_refused(void)
{
	static const char *const texts[] = {
		"", "v=0\r\n", "m=audio 9 RTP/AVP 0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\n",
		"a=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:sha-256 AB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct sdp sdp;
		const char *why = NULL;
		g_assert_cmpint(sdp_parse(texts[i], &sdp, &why), ==, -EBADMSG);
		g_assert_nonnull(why);
	}
}

struct heard {
	unsigned int senders, reports, nacks, keyframes;
	double remb;
	uint16_t sequences[32];
};

static void on_sender(uint32_t ssrc, uint64_t ntp, uint32_t rtp_time, void *data)
{
	g_assert_cmpuint(ssrc, ==, 7);
	g_assert_cmpuint(ntp >> 32, ==, 5);
	g_assert_cmpuint(rtp_time, ==, 99);
	((struct heard *)data)->senders++;
}

static void on_report(const struct rtcp_report *report, void *data)
{
	g_assert_cmpuint(report->fraction_lost, ==, 25);
	g_assert_cmpint(report->lost, ==, -3);
	((struct heard *)data)->reports++;
}

static void on_rtcp_nack(uint32_t ssrc, uint16_t sequence, void *data)
{
	struct heard *heard = data;
	g_assert_cmpuint(ssrc, ==, 8);
	heard->sequences[heard->nacks++ % 32] = sequence;
}

static void on_keyframe(uint32_t ssrc, void *data)
{
	g_assert_cmpuint(ssrc, ==, 8);
	((struct heard *)data)->keyframes++;
}

static void on_remb(double bits_per_second, void *data)
{
	((struct heard *)data)->remb = bits_per_second;
}

static void test_rtcp(void)
{
	static const struct rtcp_ops ops = { on_sender, on_report, on_rtcp_nack, on_keyframe, on_remb };
	static const uint16_t lost[] = { 65534, 65535, 3, 40, 41 };
	const struct rtcp_sender sender = { .ssrc = 7, .rtp_time = 99, .ntp = 5ULL << 32 };
	const struct rtcp_report report = { .ssrc = 8, .fraction_lost = 25, .lost = -3 };
	struct heard heard = { 0 };
	uint8_t packet[RTP_PACKET_MAX];
	size_t at = rtcp_write_sr(packet, 0, &sender, &report, 1);
	at = rtcp_write_sdes(packet, at, 7, "callbox");
	at = rtcp_write_nack(packet, at, 7, 8, lost, 5);
	at = rtcp_write_pli(packet, at, 7, 8);
	at = rtcp_write_remb(packet, at, 7, 8, 1234567);
	g_assert_true(rtp_is_rtcp(packet, at));
	g_assert_cmpint(rtcp_parse(packet, at, &ops, &heard), ==, 0);
	g_assert_cmpuint(heard.senders, ==, 1);
	g_assert_cmpuint(heard.reports, ==, 1);
	g_assert_cmpuint(heard.nacks, ==, 5);
	g_assert_cmpuint(heard.keyframes, ==, 1);
	g_assert_cmpfloat(fabs(heard.remb / 1234567 - 1), <, 0.001);
	for (size_t i = 0; i < 5; i++)
		g_assert_cmpuint(heard.sequences[i], ==, lost[i]);
}

static void ignore_sender(uint32_t ssrc, uint64_t ntp, uint32_t rtp_time, void *data)
{
	(void)ssrc, (void)ntp, (void)rtp_time, (void)data;
}

static void ignore_report(const struct rtcp_report *report, void *data)
{
	(void)report, (void)data;
}

static void ignore_nack(uint32_t ssrc, uint16_t sequence, void *data)
{
	(void)ssrc, (void)sequence, (void)data;
}

static void ignore_keyframe(uint32_t ssrc, void *data)
{
	(void)ssrc, (void)data;
}

static void ignore_remb(double bits_per_second, void *data)
{
	(void)bits_per_second, (void)data;
}

/* Random bytes, exactly as long as they are: a sanitizer sees one byte too far. */
static void test_fuzz(void)
{
	static const struct rtcp_ops ops = { ignore_sender, ignore_report, ignore_nack, ignore_keyframe,
					     ignore_remb };
	GRand *random = g_rand_new_with_seed(11);
	uint8_t *unit = g_malloc(4096);
	for (int i = 0; i < 50000; i++) {
		size_t length = (size_t)g_rand_int_range(random, 1, 80), size = 0;
		uint8_t *bytes = g_malloc(length);
		for (size_t b = 0; b < length; b++)
			bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		bytes[0] = (uint8_t)(g_rand_boolean(random) ? 0x80 | (bytes[0] & 63) : bytes[0]);
		if (length > 1 && g_rand_boolean(random))
			bytes[1] = (uint8_t)(200 + bytes[1] % 8);
		struct rtp rtp;
		bool fragment = g_rand_boolean(random);
		if (rtp_parse(bytes, length, &rtp) == 0)
			g_assert_true(rtp.payload + rtp.payload_bytes <= bytes + length);
		rtcp_parse(bytes, length, &ops, NULL);
		h264_join(bytes, length, unit, &size, 4096, &fragment);
		g_assert_cmpuint(size, <=, 4096);
		g_free(bytes);
	}
	g_free(unit);
	g_rand_free(random);
}

static void test_sdp_fuzz(void)
{
	static const char *const words[] = { "m=video 9 UDP/TLS/RTP/SAVPF 96 97\n", "a=mid:", "a=rtpmap:96 H264/90000\n",
					     "a=fmtp:97 apt=96\n", "a=ssrc-group:FID 1 2\n", "a=fingerprint:sha-256 ",
					     "a=ice-ufrag:", "a=rtcp-fb:* nack\n", "99999999999", "\n", "m=", "x",
					     "a=ice-pwd:yyyy\n", "m=audio 0 X 111\n", "a=rtpmap:111 opus/48000/2\n",
					     "a=rtpmap:97 VP8/90000\n", "a=fmtp:97 max-fs=999999999;max-fr=9\n" };
	GRand *random = g_rand_new_with_seed(12);
	for (int i = 0; i < 20000; i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		for (int n = g_rand_int_range(random, 0, 30); n > 0; n--)
			g_string_append(text, words[g_rand_int_range(random, 0, G_N_ELEMENTS(words))]);
		g_autofree char *exact = g_strdup(text->str);
		struct sdp sdp, answer = { 0 };
		const char *why = NULL;
		char written[SDP_BYTES_MAX];
		bool good = sdp_parse(exact, &sdp, &why) == 0;
		if (good && g_rand_boolean(random))
			sdp_choose(&sdp, (enum video_codec[]){ VIDEO_VP8, VIDEO_H264, VIDEO_NONE },
				   g_rand_boolean(random));
		if (good && sdp_answer(&sdp, &answer) == 0)
			g_assert_cmpint(sdp_write(&answer, 1, 1, written, sizeof(written)), ==, 0);
	}
	g_rand_free(random);
}

/* A tone through Opus and the jitter buffer with lost, doubled and shuffled packets: it stays a tone. */
static void test_jitter(void)
{
	int error;
	OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
	struct jitter *jitter;
	struct jitter_stats stats;
	GRand *random = g_rand_new_with_seed(2);
	opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
	g_assert_cmpint(jitter_create(&jitter), ==, 0);
	uint8_t packets[500][400];
	opus_int32 sizes[500];
	for (int i = 0; i < 500; i++) {
		int16_t samples[960];
		for (int n = 0; n < 960; n++)
			samples[n] = (int16_t)(8000 * sin(2 * G_PI * 440 * (i * 960 + n) / 48000));
		sizes[i] = opus_encode(encoder, samples, 960, packets[i], sizeof(packets[i]));
		g_assert_cmpint(sizes[i], >, 0);
	}
	double energy = 0;
	int16_t out[JITTER_SAMPLES_MAX];
	long taken = 0;
	for (int i = 0; i < 500; i++) {
		int which = i % 10 == 3 && i < 499 ? i + 1 : i % 10 == 4 ? i - 1 : i; /* pairs change places */
		if (g_rand_int_range(random, 0, 100) >= 5)
			jitter_put(jitter, packets[which], (size_t)sizes[which], (uint16_t)(65300 + which),
				   (uint32_t)which * 960, (int64_t)i * 20000 + g_rand_int_range(random, 0, 15000));
		int n = jitter_take(jitter, out);
		g_assert_cmpint(n, <=, JITTER_SAMPLES_MAX);
		taken += n;
		for (int s = 0; s < n && i > 50; s++)
			energy += (double)out[s] * out[s];
	}
	jitter_stats(jitter, &stats);
	g_test_message("decoded %" G_GUINT64_FORMAT ", FEC %" G_GUINT64_FORMAT ", concealed %" G_GUINT64_FORMAT
		       ", late %" G_GUINT64_FORMAT, stats.decoded, stats.fec, stats.concealed, stats.late);
	g_assert_cmpuint(stats.decoded, >, 400);
	g_assert_cmpint(taken, >, 480L * 900);
	double rms = sqrt(energy / (449 * 960));
	g_assert_cmpfloat(rms, >, 4000);
	g_assert_cmpfloat(rms, <, 7000);
	jitter_destroy(jitter);
	opus_encoder_destroy(encoder);
	g_rand_free(random);
}

static void test_jitter_fuzz(void)
{
	GRand *random = g_rand_new_with_seed(4);
	struct jitter *jitter;
	int16_t out[JITTER_SAMPLES_MAX];
	g_assert_cmpint(jitter_create(&jitter), ==, 0);
	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[64];
		for (size_t b = 0; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		jitter_put(jitter, bytes, (size_t)g_rand_int_range(random, 0, sizeof(bytes)),
			   (uint16_t)g_rand_int_range(random, 0, 65536), g_rand_int(random), (int64_t)i * 1000);
		int n = jitter_take(jitter, out);
		g_assert_cmpint(n, >=, 0);
		g_assert_cmpint(n, <=, JITTER_SAMPLES_MAX);
	}
	jitter_destroy(jitter);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/media/h264", test_h264);
	g_test_add_func("/media/h264-single", test_h264_single);
	g_test_add_func("/media/loss", test_loss);
	g_test_add_func("/media/sdp", test_sdp);
	g_test_add_func("/media/sdp-foreign", test_sdp_foreign);
	g_test_add_func("/media/sdp-unbundled", test_sdp_unbundled);
	g_test_add_func("/media/sdp-bundle-only", test_sdp_bundle_only);
	g_test_add_func("/media/sdp-refused", test_sdp_refused);
	g_test_add_func("/media/rtcp", test_rtcp);
	g_test_add_func("/media/fuzz", test_fuzz);
	g_test_add_func("/media/sdp-fuzz", test_sdp_fuzz);
	g_test_add_func("/media/jitter", test_jitter);
	g_test_add_func("/media/jitter-fuzz", test_jitter_fuzz);
	return g_test_run();
}
