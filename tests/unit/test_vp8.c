/* VP8 in RTP (RFC 7741), and which codec a call gets: descriptors of every shape, frames cut and joined, what does not
 * belong together is refused, hostile bytes harm nobody; offers and answers of one and of several codecs. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/devices/vp8_frame.h"
#include "core/media/sdp.h"
#include "core/media/video_receive.h"
#include "core/media/vp8.h"
#include "drivers-glue/drivers.h"

static void test_descriptors(void)
{
	static const struct {
		uint8_t bytes[8];
		size_t size; /* the payload: descriptor and one byte of a frame */
		bool start;
		int partition, picture;
		size_t descriptor; /* 0: refused */
	} cases[] = {
		{ { 0x10, 1 }, 2, true, 0, -1, 1 },			    /* the smallest */
		{ { 0x03, 1 }, 2, false, 3, -1, 1 },
		{ { 0x30, 1 }, 2, true, 0, -1, 1 },			    /* N: nobody refers to it */
		{ { 0x90, 0x80, 0x11, 1 }, 4, true, 0, 0x11, 3 },	    /* picture ID of 7 bits */
		{ { 0x90, 0x80, 0x81, 0x23, 1 }, 5, true, 0, 0x123, 4 },    /* of 15 */
		{ { 0x90, 0xe0, 0xff, 0xff, 7, 0x20, 1 }, 7, true, 0, 0x7fff, 6 }, /* TL0PICIDX, TID */
		{ { 0x90, 0x70, 7, 0x2f, 1 }, 5, true, 0, -1, 4 },	    /* TL0PICIDX, TID and KEYIDX share one */
		{ { 0x90, 0x10, 0x0f, 1 }, 4, true, 0, -1, 3 },		    /* KEYIDX alone */
		{ { 0x90, 0x00, 1 }, 3, true, 0, -1, 2 },		    /* nothing more after all */
		{ { 0x10 }, 1, 0, 0, 0, 0 },				    /* no frame behind it */
		{ { 0x90 }, 1, 0, 0, 0, 0 },
		{ { 0x90, 0x80 }, 2, 0, 0, 0, 0 },
		{ { 0x90, 0x80, 0x11 }, 3, 0, 0, 0, 0 },
		{ { 0x90, 0x80, 0x81 }, 3, 0, 0, 0, 0 },
		{ { 0x90, 0x80, 0x81, 0x23 }, 4, 0, 0, 0, 0 },
		{ { 0x90, 0xe0, 0x81, 0x23, 7 }, 5, 0, 0, 0, 0 },
		{ { 0 }, 0, 0, 0, 0, 0 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct vp8_descriptor d;
		uint8_t *exact = g_malloc(MAX(cases[i].size, 1));
		memcpy(exact, cases[i].bytes, cases[i].size);
		int r = vp8_descriptor_read(exact, cases[i].size, &d);
		g_assert_cmpint(r, ==, cases[i].descriptor ? 0 : -EBADMSG);
		if (r == 0) {
			g_assert_true(d.start == cases[i].start);
			g_assert_cmpint(d.partition, ==, cases[i].partition);
			g_assert_cmpint(d.picture, ==, cases[i].picture);
			g_assert_cmpuint(d.bytes, ==, cases[i].descriptor);
		}
		g_free(exact);
	}
}

/* ---- cut and joined ---- */

struct packets {
	GPtrArray *all; /* GBytes */
	unsigned int lasts;
};

static void keep(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	struct packets *packets = data;
	g_assert_cmpuint(bytes, <=, PAYLOAD_MAX);
	packets->lasts += last;
	g_ptr_array_add(packets->all, g_bytes_new(payload, bytes));
}

static struct packets packets_of(struct payload_sender *sender, const uint8_t *unit, size_t size)
{
	struct packets packets = { g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref), 0 };
	g_assert_cmpint(payload_vp8.cut(sender, unit, size, keep, &packets), ==, 0);
	g_assert_cmpuint(packets.lasts, ==, 1);
	return packets;
}

static int join(struct payload_unit *unit, const struct packets *packets, unsigned int index)
{
	gsize size;
	const uint8_t *bytes = g_bytes_get_data(packets->all->pdata[index], &size);
	return payload_vp8.join(unit, bytes, size);
}

/* Real frames of the encoder, whole through packets; picture IDs count on and wrap. */
static void test_frames(void)
{
	const struct encoder_wish wish = { 640, 360, 30, 3000000, VIDEO_VP8, 0 };
	struct encoder *encoder;
	struct frame *frame;
	struct picture picture;
	struct payload_sender sender = { .picture = 0x7ffe };
	char why[128];
	GRand *random = g_rand_new_with_seed(3);
	unsigned int most = 0;
	g_autofree uint8_t *bytes = g_malloc(VIDEO_UNIT_MAX);
	g_assert_cmpint(encoder_vpx.open("", &wish, &encoder, why, sizeof(why)), ==, 0);
	g_assert_cmpint(frame_new(FRAME_I420, 640, 360, &frame), ==, 0);
	g_assert_cmpint(frame_picture(frame, &picture), ==, 0);
	for (uint32_t n = 1; n <= 20; n++) {
		struct encoded encoded;
		frame->capture_us = n * 33333;
		for (int i = 0; i < 640 * 360; i++) /* what is noise needs many packets */
			picture.planes[0][i / 640 * picture.strides[0] + i % 640] = (uint8_t)g_rand_int(random);
		g_assert_cmpint(encoder_vpx.encode(encoder, frame, n == 10, &encoded), ==, 0);
		if (encoded.size == 0)
			continue;
		uint16_t id = sender.picture;
		struct packets packets = packets_of(&sender, encoded.bytes, encoded.size);
		struct payload_unit unit = { .bytes = bytes, .capacity = VIDEO_UNIT_MAX };
		bool keyframe;
		most = MAX(most, packets.all->len);
		for (unsigned int i = 0; i < packets.all->len; i++)
			g_assert_cmpint(join(&unit, &packets, i), ==, 0);
		g_assert_cmpint(unit.picture, ==, id + 1);
		g_assert_cmpint(payload_vp8.finish(&unit, &keyframe), ==, 0);
		g_assert_true(keyframe == encoded.keyframe);
		g_assert_cmpmem(bytes, (int)unit.size, encoded.bytes, (int)encoded.size);
		g_ptr_array_unref(packets.all);
	}
	g_assert_cmpuint(sender.picture, <, 0x7ffe); /* it wrapped */
	g_assert_cmpuint(most, >, 3);
	encoder_vpx.close(encoder);
	frame_release(frame);
	g_rand_free(random);
}

/* A frame without its begin, pieces of two frames, a frame larger than its room, a header that lies. */
static void test_refused(void)
{
	uint8_t frame[4000] = { 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01 }, room[4000];
	struct payload_sender sender = { 0 };
	struct packets one = packets_of(&sender, frame, sizeof(frame)), two = packets_of(&sender, frame, sizeof(frame));
	struct payload_unit unit = { .bytes = room, .capacity = sizeof(room) };
	bool keyframe;
	g_assert_cmpuint(one.all->len, ==, 4);
	g_assert_cmpint(join(&unit, &one, 1), ==, -EBADMSG);
	g_assert_cmpint(join(&unit, &one, 0), ==, 0);
	g_assert_cmpint(join(&unit, &two, 1), ==, -EBADMSG);
	g_assert_cmpint(join(&unit, &one, 1), ==, 0);
	unit = (struct payload_unit){ .bytes = room, .capacity = 1200 };
	g_assert_cmpint(join(&unit, &one, 0), ==, 0);
	g_assert_cmpint(join(&unit, &one, 1), ==, -EMSGSIZE);
	g_assert_cmpint(payload_vp8.cut(&sender, frame, 0, keep, &one), ==, -EBADMSG);
	struct vp8_frame read;
	g_assert_cmpint(vp8_frame_read(frame, sizeof(frame), &read), ==, 0);
	g_assert_true(read.keyframe && read.shown);
	g_assert_cmpint(read.width, ==, 640);
	g_assert_cmpint(read.height, ==, 360);
	for (size_t size = 0; size < 10; size++)
		g_assert_cmpint(vp8_frame_read(frame, size, &read), ==, -EBADMSG);
	frame[2] = 0xff; /* a first partition larger than the frame */
	unit = (struct payload_unit){ .bytes = frame, .capacity = sizeof(frame), .size = sizeof(frame) };
	g_assert_cmpint(payload_vp8.finish(&unit, &keyframe), ==, -EBADMSG);
	frame[2] = 0;
	frame[3] = 0x9c; /* no start code */
	g_assert_cmpint(payload_vp8.finish(&unit, &keyframe), ==, -EBADMSG);
	g_ptr_array_unref(one.all);
	g_ptr_array_unref(two.all);
}

/* ---- hostile bytes ---- */

static void count_unit(const uint8_t *unit, size_t size, uint32_t rtp_time, bool keyframe, void *data)
{
	unsigned int sum = 0;
	(void)rtp_time, (void)keyframe;
	for (size_t i = 0; i < size; i++) /* a sanitizer looks at each */
		sum += unit[i];
	*(unsigned int *)data += 1 + (sum & 0);
}

static void ignore_nack(const uint16_t *sequences, int count, void *data)
{
	(void)sequences, (void)count, (void)data;
}

static void ignore_pli(void *data)
{
	(void)data;
}

static uint8_t *noise(GRand *random, size_t length)
{
	uint8_t *bytes = g_malloc(length);
	for (size_t b = 0; b < length; b++)
		bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
	if (g_rand_boolean(random)) /* a short descriptor, oftener than chance has it */
		bytes[0] = (uint8_t)(bytes[0] & 0xf0 & ~0x40);
	return bytes;
}

static void parse_noise(GRand *random, const uint8_t *bytes, size_t length)
{
	uint8_t room[256];
	struct payload_unit unit = { .bytes = room, .capacity = sizeof(room),
				     .size = (size_t)g_rand_int_range(random, 0, 257) };
	struct vp8_frame frame;
	payload_vp8.join(&unit, bytes, length);
	g_assert_cmpuint(unit.size, <=, sizeof(room));
	vp8_frame_read(bytes, length, &frame);
}

/* Noise, exactly as long as it is, through the parser alone and through the receiver: bad packets are dropped and
 * counted, and after them a good frame is taken. */
static void test_hostile(void)
{
	static const struct video_receive_ops ops = { count_unit, ignore_nack, ignore_pli };
	unsigned int units = 0;
	struct video_receive_stats stats;
	struct video_receive *receive = video_receive_create(&ops, &units);
	GRand *random = g_rand_new_with_seed(21);
	video_receive_codec(receive, VIDEO_VP8);
	for (int i = 0; i < 50000; i++) {
		size_t length = (size_t)g_rand_int_range(random, 1, 40);
		uint8_t *bytes = noise(random, length);
		parse_noise(random, bytes, length);
		const struct rtp rtp = { .sequence = (uint16_t)i, .time = (uint32_t)i / 3, .marker = i % 3 == 2,
					 .payload = bytes, .payload_bytes = length };
		video_receive_put(receive, &rtp, false, i * 1000);
		g_free(bytes);
	}
	video_receive_stats(receive, &stats);
	g_test_message("%u units of noise passed, %u malformed of %u dropped", units, (unsigned int)stats.malformed,
		       (unsigned int)stats.dropped_units);
	g_assert_cmpuint(stats.malformed, >, 1000);
	g_assert_cmpuint(stats.dropped_units, >=, stats.malformed);
	units = 0;
	uint8_t good[] = { 0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 1, 2, 3 };
	const struct rtp rtp = { .sequence = (uint16_t)50000, .time = 1000000, .marker = true, .payload = good,
				 .payload_bytes = sizeof(good) };
	video_receive_put(receive, &rtp, false, 60000000);
	g_assert_cmpuint(units, ==, 1);
	video_receive_destroy(receive);
	g_rand_free(random);
}

/* ---- which codec ---- */

#define BEGIN                                                                                                         \
	"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"   \
	"a=fingerprint:sha-256 AB\r\na=setup:actpass\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\n" \
	"a=rtpmap:111 opus/48000/2\r\n"
#define VIDEO(types) "m=video 9 UDP/TLS/RTP/SAVPF " types "\r\na=mid:1\r\na=rtcp-mux\r\n"
#define VP8_LINES                                                        \
	"a=rtpmap:120 VP8/90000\r\na=fmtp:120 max-fs=12288;max-fr=60\r\n" \
	"a=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\n"
#define H264_0 "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1\r\n"
#define H264_1 "a=rtpmap:126 H264/90000\r\na=fmtp:126 profile-level-id=42e01f;packetization-mode=1\r\n"
#define H264_2 "a=rtpmap:98 H264/90000\r\na=fmtp:98 profile-level-id=42e01f;packetization-mode=2\r\n"

static const struct {
	const char *name, *text;
	enum video_codec codecs[VIDEO_CODECS + 1];
	bool offer;
	int payload_type; /* -1: no video */
	enum video_codec codec;
	int mode, rtx_type, level;
} choices[] = {
	{ "VP8 first, we like H.264", BEGIN VIDEO("120 124 126 97") VP8_LINES H264_1 H264_0, { VIDEO_H264, VIDEO_VP8 },
	  true, 126, VIDEO_H264, 1, -1, 31 },
	{ "we like VP8", BEGIN VIDEO("97 126 120 124") VP8_LINES H264_1 H264_0, { VIDEO_VP8, VIDEO_H264 }, true, 120,
	  VIDEO_VP8, 0, 124, 42 },
	{ "mode 0 alone", BEGIN VIDEO("120 97") VP8_LINES H264_0, { VIDEO_H264, VIDEO_VP8 }, true, 97, VIDEO_H264, 0, -1,
	  31 },
	{ "mode 2 is nothing", BEGIN VIDEO("98 120 124") VP8_LINES H264_2, { VIDEO_H264, VIDEO_VP8 }, true, 120,
	  VIDEO_VP8, 0, 124, 42 },
	{ "only VP8, we have none", BEGIN VIDEO("120 124") VP8_LINES, { VIDEO_H264 }, true, -1, VIDEO_NONE, 0, 0, 0 },
	{ "only H.264, we have none", BEGIN VIDEO("126") H264_1, { VIDEO_VP8 }, true, -1, VIDEO_NONE, 0, 0, 0 },
	{ "an answer's own order counts", BEGIN VIDEO("120 124 126") VP8_LINES H264_1, { VIDEO_H264, VIDEO_VP8 }, false,
	  120, VIDEO_VP8, 0, 124, 42 },
	{ "an answer with what we did not offer", BEGIN VIDEO("126 120 124") VP8_LINES H264_1, { VIDEO_VP8 }, false, 120,
	  VIDEO_VP8, 0, 124, 42 },
};

static void test_choose(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
		struct sdp sdp;
		const char *why = NULL;
		g_test_message("%s", choices[i].name);
		g_assert_cmpint(sdp_parse(choices[i].text, &sdp, &why), ==, 0);
		sdp_choose(&sdp, choices[i].codecs, choices[i].offer);
		g_assert_true(sdp.audio.there);
		g_assert_true(sdp.video.there == (choices[i].payload_type >= 0));
		if (!sdp.video.there)
			continue;
		g_assert_cmpint(sdp.video.payload_type, ==, choices[i].payload_type);
		g_assert_cmpint(sdp.video.codec, ==, choices[i].codec);
		g_assert_cmpint(sdp.video.mode, ==, choices[i].mode);
		g_assert_cmpint(sdp.video.rtx_type, ==, choices[i].rtx_type);
		g_assert_cmpint(sdp.video.level, ==, choices[i].level);
		g_assert_cmpint(sdp.video.other_count, ==, 0);
	}
}

/* Our own offer, read by ourselves: three formats, each with RTX; one is answered; a refused picture is refused. */
static void test_offer(void)
{
	struct sdp offer = { .ufrag = "abcd", .password = "0123456789012345678901", .fingerprint_hash = "sha-256",
			     .fingerprint = "AB:CD", .cname = "callbox", .codecs = { VIDEO_H264, VIDEO_VP8 } };
	struct sdp read, answer = offer;
	struct sdp_format format;
	char text[SDP_BYTES_MAX];
	const char *why = NULL;
	bool rtx;
	sdp_offer(&offer, true);
	g_assert_cmpint(sdp_write(&offer, 42, text, sizeof(text)), ==, 0);
	g_assert_nonnull(strstr(text, "m=video 9 UDP/TLS/RTP/SAVPF 102 103 104 105 96 97\r\n"));
	g_assert_cmpint(sdp_parse(text, &read, &why), ==, 0);
	g_assert_cmpint(read.video.other_count, ==, 2);
	g_assert_true(sdp_format_find(&read.video, 105, &format, &rtx));
	g_assert_true(rtx && format.payload_type == 104 && format.mode == 0 && format.codec == VIDEO_H264);
	g_assert_true(sdp_format_find(&read.video, 96, &format, &rtx));
	g_assert_true(!rtx && format.codec == VIDEO_VP8 && format.rtx_type == 97 && format.nack);
	g_assert_false(sdp_format_find(&read.video, 111, &format, &rtx));
	sdp_choose(&read, (enum video_codec[]){ VIDEO_VP8, VIDEO_NONE }, true);
	g_assert_cmpint(sdp_answer(&read, &answer), ==, 0);
	g_assert_cmpint(sdp_write(&answer, 42, text, sizeof(text)), ==, 0);
	g_assert_nonnull(strstr(text, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	g_assert_null(strstr(text, "H264"));
	g_assert_cmpint(sdp_parse(choices[4].text, &read, &why), ==, 0);
	sdp_choose(&read, (enum video_codec[]){ VIDEO_H264, VIDEO_NONE }, true);
	answer = (struct sdp){ .ufrag = "abcd", .password = "p", .fingerprint = "AB", .cname = "callbox" };
	g_assert_cmpint(sdp_answer(&read, &answer), ==, 0);
	g_assert_cmpint(sdp_write(&answer, 42, text, sizeof(text)), ==, 0);
	g_assert_nonnull(strstr(text, "m=video 0 "));
}

static void test_words(void)
{
	static const struct {
		const char *words;
		enum video_codec codecs[VIDEO_CODECS];
		const char *why; /* part of it */
	} cases[] = {
		{ "h264 vp8", { VIDEO_H264, VIDEO_VP8 }, NULL }, { "VP8  H264", { VIDEO_VP8, VIDEO_H264 }, NULL },
		{ " vp8 ", { VIDEO_VP8, VIDEO_NONE }, NULL },	 { "", { 0 }, "at least one" },
		{ "h264 av1", { 0 }, "\"av1\"" },		 { "vp8 vp8", { 0 }, "twice" },
		{ "h264, vp8", { 0 }, "\"h264,\"" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		enum video_codec codecs[VIDEO_CODECS + 1] = { VIDEO_NONE };
		g_autofree char *why = NULL;
		int r = video_codecs_parse(cases[i].words, codecs, &why);
		g_assert_cmpint(r, ==, cases[i].why ? -EINVAL : 0);
		for (size_t k = 0; k < VIDEO_CODECS; k++)
			g_assert_cmpint(codecs[k], ==, cases[i].codecs[k]);
		if (cases[i].why)
			g_assert_nonnull(strstr(why, cases[i].why));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vp8/descriptors", test_descriptors);
	g_test_add_func("/vp8/frames", test_frames);
	g_test_add_func("/vp8/refused", test_refused);
	g_test_add_func("/vp8/hostile", test_hostile);
	g_test_add_func("/codec/choose", test_choose);
	g_test_add_func("/codec/offer", test_offer);
	g_test_add_func("/codec/words", test_words);
	return g_test_run();
}
