/* Two ends of a call in one process, with real ICE, DTLS and SRTP between them over the loopback: bundled or not, RTCP
 * multiplexed or not, restarts by either side and by both at once, and what must be refused. What is said between them
 * passes a hand of the test's that may change it. */
#include <glib.h>
#include <string.h>

#include "core/media/negotiation.h"
#include "core/media/rtp.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)

struct end {
	struct scene *scene;
	struct end *other;
	struct negotiation *negotiation;
	struct sdp streams, local, remote;
	GString *last; /* description told */
	unsigned int agreed, ready, offers, answers;
	unsigned int received[SDP_TRANSPORTS], rtcp;
	char *failed;
	uint16_t sequence;
	unsigned int ticks; /* with each of so many packets, and wants a restart each time */
};

struct scene {
	struct end ends[2]; /* the first is the anchor */
	const char *const *without; /* lines that the hand takes out */
	const char *sign;  /* from, to: a word that the hand changes */
	const char *signs_to;
	bool candidates_first, holds_offers;
	GQueue held; /* struct letter */
};

struct letter {
	struct end *to;
	char *type, *text;
	cJSON *candidates;
};

static void letter_read(struct letter *letter)
{
	if (letter->candidates)
		negotiation_candidates(letter->to->negotiation, letter->candidates);
	else
		negotiation_description(letter->to->negotiation, letter->type, letter->text);
	cJSON_Delete(letter->candidates);
	g_free(letter->type);
	g_free(letter->text);
	g_free(letter);
}

static gboolean on_post(void *data)
{
	letter_read(data);
	return G_SOURCE_REMOVE;
}

static void post(struct scene *scene, struct letter *letter)
{
	bool holds = scene->holds_offers && letter->type && strcmp(letter->type, "offer") == 0;
	bool late = scene->candidates_first && letter->type;
	if (holds)
		g_queue_push_tail(&scene->held, letter);
	else if (late)
		g_timeout_add(100, on_post, letter);
	else
		g_idle_add_full(G_PRIORITY_DEFAULT, on_post, letter, NULL);
}

static char *changed(const struct scene *scene, const char *text)
{
	GString *out = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
	for (char **line = lines; *line && **line; line++) {
		bool keep = true;
		for (const char *const *without = scene->without; without && *without; without++)
			keep &= !g_str_has_prefix(*line, *without);
		if (keep)
			g_string_append_printf(out, "%s\r\n", *line);
	}
	if (scene->sign)
		g_string_replace(out, scene->sign, scene->signs_to, 0);
	return g_string_free(out, FALSE);
}

static void on_description(const char *type, const char *sdp, void *data)
{
	struct end *end = data;
	struct letter *letter = g_new0(struct letter, 1);
	g_string_assign(end->last, sdp);
	end->offers += strcmp(type, "offer") == 0;
	end->answers += strcmp(type, "answer") == 0;
	letter->to = end->other;
	letter->type = g_strdup(type);
	letter->text = changed(end->scene, sdp);
	post(end->scene, letter);
}

static void on_candidates(cJSON *candidates, void *data)
{
	struct end *end = data;
	struct letter *letter = g_new0(struct letter, 1);
	letter->to = end->other;
	letter->candidates = candidates;
	post(end->scene, letter);
}

static void on_agreed(const struct sdp *local, const struct sdp *remote, void *data)
{
	struct end *end = data;
	end->local = *local;
	end->remote = *remote;
	end->agreed++;
}

static void on_ready(void *data)
{
	((struct end *)data)->ready++;
}

static void on_broken(void *data)
{
	(void)data;
}

static void on_failed(const char *why, void *data)
{
	struct end *end = data;
	g_free(end->failed);
	end->failed = g_strdup(why);
}

static void on_packet(int transport, bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data)
{
	struct end *end = data;
	g_assert_cmpuint(wire_bytes, >, bytes);
	g_assert_cmphex(packet[0], ==, 0x80);
	if (rtcp)
		end->rtcp++;
	else
		end->received[transport]++;
	if (end->ticks == 0)
		return;
	end->ticks--;
	unsigned int offers = end->offers;
	negotiation_restart(end->negotiation, "a test");
	negotiation_tick(end->negotiation);
	g_assert_cmpuint(end->offers, ==, offers); /* what it would close is what the packet comes from */
}

static const struct negotiation_ops ops = { on_description, on_candidates, on_agreed, on_ready, on_broken, on_failed,
					    on_packet };

static void scene_open(struct scene *scene)
{
	for (int i = 0; i < 2; i++) {
		struct end *end = &scene->ends[i];
		end->scene = scene;
		end->other = &scene->ends[1 - i];
		end->last = g_string_new(NULL);
		memcpy(end->streams.cname, "callbox", 8);
		end->streams.codecs[0] = VIDEO_H264;
		end->streams.codecs[1] = VIDEO_VP8;
		end->streams.audio.ssrc = (uint32_t)(i + 1) * 10;
		end->streams.video.ssrc = (uint32_t)(i + 1) * 10 + 1;
	}
	for (int i = 1; i >= 0; i--) {
		const struct negotiation_settings settings = { .anchor = i == 0, .video = true, .loopback = true,
							       .streams = &scene->ends[i].streams };
		g_assert_cmpint(negotiation_open(&settings, &ops, &scene->ends[i], &scene->ends[i].negotiation), ==, 0);
	}
}

static void scene_close(struct scene *scene)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
	for (int i = 0; i < 2; i++) {
		negotiation_close(scene->ends[i].negotiation);
		g_string_free(scene->ends[i].last, TRUE);
		g_free(scene->ends[i].failed);
	}
}

static gboolean on_beat(void *data)
{
	struct scene *scene = data;
	for (int i = 0; i < 2; i++)
		negotiation_tick(scene->ends[i].negotiation);
	return G_SOURCE_CONTINUE;
}

/* Turns the loop until the fact is there. */
#define UNTIL(scene, fact) \
	do { \
		gint64 limit_ = g_get_monotonic_time() + LIMIT_US; \
		guint beat_ = g_timeout_add(5, on_beat, scene); \
		while (!(fact) && g_get_monotonic_time() < limit_) \
			g_main_context_iteration(NULL, TRUE); \
		g_source_remove(beat_); \
		if (!(fact)) \
			g_error("not within 20 s: %s; %s; %s", #fact, (scene)->ends[0].last->str, \
				(scene)->ends[1].last->str); \
	} while (0)

static int send_one(struct end *end, int transport, bool rtcp)
{
	uint8_t packet[300];
	size_t bytes = rtcp ? 28 : 100;
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x80;
	packet[1] = rtcp ? 200 : 96;
	packet[2] = rtcp ? 0 : (uint8_t)(++end->sequence >> 8);
	packet[3] = rtcp ? 6 : (uint8_t)end->sequence;
	packet[rtcp ? 7 : 11] = (uint8_t)(transport + 1);
	return negotiation_send(end->negotiation, transport, rtcp, packet, &bytes);
}

/* One packet of sound, picture and RTCP of each, each way. */
static void talk(struct scene *scene)
{
	for (int i = 0; i < 2; i++) {
		struct end *from = &scene->ends[i], *to = from->other;
		int audio = from->remote.audio.transport, video = from->remote.video.transport;
		unsigned int heard = to->received[audio], seen = to->received[video], reports = to->rtcp;
		g_assert_cmpint(send_one(from, audio, false), ==, 0);
		UNTIL(scene, to->received[audio] == heard + 1);
		seen += audio == video;
		g_assert_cmpint(send_one(from, video, false), ==, 0);
		UNTIL(scene, to->received[video] == seen + 1);
		g_assert_cmpint(send_one(from, audio, true), ==, 0);
		g_assert_cmpint(send_one(from, video, true), ==, 0);
		UNTIL(scene, to->rtcp == reports + 2);
		g_assert_null(to->failed);
	}
}

static double stat(const struct end *end, const char *name, char *text, size_t text_bytes)
{
	cJSON *json = cJSON_CreateObject();
	negotiation_stats(end->negotiation, json);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	if (text)
		g_strlcpy(text, cJSON_IsString(item) ? item->valuestring : "", text_bytes);
	cJSON_Delete(json);
	return value;
}

static void pair_of(const struct end *end, char pair[300])
{
	stat(end, "candidate_pair", pair, 300);
}

static void connect(struct scene *scene, unsigned int transports)
{
	scene_open(scene);
	UNTIL(scene, scene->ends[0].ready >= transports && scene->ends[1].ready >= transports);
	for (int i = 0; i < 2; i++)
		g_assert_cmpfloat(stat(&scene->ends[i], "transports", NULL, 0), ==, transports);
	talk(scene);
	for (int i = 0; i < 2; i++)
		g_assert_cmpfloat(stat(&scene->ends[i], "fast_path_received", NULL, 0), >, 0);
}

static void test_bundled(void)
{
	struct scene scene = { 0 };
	connect(&scene, 1);
	g_assert_cmpint(scene.ends[0].local.video.transport, ==, SDP_OF_AUDIO);
	g_assert_nonnull(strstr(scene.ends[1].last->str, "a=group:BUNDLE 0 1\r\n"));
	scene_close(&scene);
}

/* No group: sound and picture each have their ICE, their handshake, their keys. */
static void test_unbundled(void)
{
	static const char *const group[] = { "a=group:", NULL };
	struct scene scene = { .without = group };
	connect(&scene, 2);
	g_assert_cmpint(scene.ends[0].local.video.transport, ==, SDP_OF_VIDEO);
	g_assert_null(strstr(scene.ends[1].last->str, "a=group:"));
	scene_close(&scene);
}

/* The offer multiplexes; the answer does not: the next offer has a component for each. */
static void test_rtcp_apart(void)
{
	static const char *const lines[] = { "a=group:", "a=rtcp-mux", NULL };
	struct scene scene = { .without = lines };
	connect(&scene, 2);
	g_assert_cmpuint(scene.ends[0].offers, ==, 2);
	g_assert_cmpuint(scene.ends[0].agreed, ==, 1);
	g_assert_null(strstr(scene.ends[0].last->str, "a=rtcp-mux"));
	g_assert_null(strstr(scene.ends[1].last->str, "a=rtcp-mux"));
	scene_close(&scene);
}

/* Candidates overtake their description, in the first exchange and in a restart. */
static void test_overtaken(void)
{
	struct scene scene = { .candidates_first = true };
	connect(&scene, 1);
	char before[300], pair[300];
	pair_of(&scene.ends[0], before);
	negotiation_restart(scene.ends[0].negotiation, "a test");
	UNTIL(&scene, (pair_of(&scene.ends[0], pair), strcmp(before, pair) != 0));
	talk(&scene);
	scene_close(&scene);
}

/* The picture's, where it has its own, too. */
static void pairs_of(const struct end *end, char pairs[SDP_TRANSPORTS][300])
{
	stat(end, "candidate_pair", pairs[SDP_OF_AUDIO], 300);
	stat(end, "candidate_pair_video", pairs[SDP_OF_VIDEO], 300);
}

static bool all_differ(char before[SDP_TRANSPORTS][300], char now[SDP_TRANSPORTS][300])
{
	bool differ = true;
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		differ &= !now[i][0] || strcmp(before[i], now[i]) != 0;
	return differ;
}

/* Packets go on while it lasts, by the old pair and then by the new one; one handshake is enough. */
static void restart(struct scene *scene, int who)
{
	char before[2][SDP_TRANSPORTS][300], now[2][SDP_TRANSPORTS][300];
	unsigned int ready = scene->ends[0].ready, agreed = scene->ends[0].agreed;
	for (int i = 0; i < 2; i++)
		pairs_of(&scene->ends[i], before[i]);
	negotiation_restart(scene->ends[who].negotiation, "a test");
	gint64 limit = g_get_monotonic_time() + LIMIT_US;
	for (bool both = false; !both;) {
		if (g_get_monotonic_time() > limit)
			g_error("not within 20 s: both ends go on by another pair");
		both = true;
		on_beat(scene); /* what talks fast enough never waits for one */
		for (int i = 0; i < 2; i++) {
			pairs_of(&scene->ends[i], now[i]);
			both &= all_differ(before[i], now[i]);
		}
		talk(scene);
	}
	g_assert_cmpuint(scene->ends[0].ready, ==, ready);
	g_assert_cmpuint(scene->ends[0].agreed, ==, agreed + 1);
	g_test_message("%s, then %s", before[0][SDP_OF_AUDIO], now[0][SDP_OF_AUDIO]);
}

static void test_restart(void)
{
	static const char *const group[] = { "a=group:", NULL };
	static const char *const *const withouts[] = { NULL, group };
	for (size_t i = 0; i < G_N_ELEMENTS(withouts); i++) {
		struct scene scene = { .without = withouts[i] };
		connect(&scene, (unsigned int)i + 1);
		restart(&scene, 0);
		restart(&scene, 1);
		restart(&scene, 1);
		restart(&scene, 0);
		g_assert_cmpfloat(stat(&scene.ends[0], "ice_restarts", NULL, 0), ==, 4);
		scene_close(&scene);
	}
}

/* Restarts that are wanted while packets are received, in the middle of one another too, wait for the packet's end. */
static void test_in_packet(void)
{
	static const char *const lines[] = { "a=group:", "a=rtcp-mux", NULL };
	static const char *const *const withouts[] = { NULL, lines };
	for (size_t i = 0; i < G_N_ELEMENTS(withouts); i++) {
		struct scene scene = { .without = withouts[i] };
		struct end *anchor = &scene.ends[0], *other = &scene.ends[1];
		connect(&scene, (unsigned int)i + 1);
		unsigned int offers = anchor->offers;
		anchor->ticks = 20;
		UNTIL(&scene, (send_one(other, other->remote.audio.transport, false), anchor->ticks == 0));
		UNTIL(&scene, anchor->offers > offers);
		unsigned int heard = anchor->received[anchor->remote.audio.transport];
		UNTIL(&scene, (send_one(other, other->remote.audio.transport, false),
			       anchor->received[anchor->remote.audio.transport] > heard));
		g_assert_null(anchor->failed);
		scene_close(&scene);
	}
}

/* Both offer at once: one exchange settles it, the anchor's. */
static void test_glare(void)
{
	struct scene scene = { 0 };
	connect(&scene, 1);
	char before[300], pair[300];
	pair_of(&scene.ends[1], before);
	scene.holds_offers = true;
	for (int i = 0; i < 2; i++)
		negotiation_restart(scene.ends[i].negotiation, "a test");
	UNTIL(&scene, g_queue_get_length(&scene.held) == 2);
	scene.holds_offers = false;
	while (!g_queue_is_empty(&scene.held))
		letter_read(g_queue_pop_head(&scene.held));
	UNTIL(&scene, scene.ends[0].agreed == 2 && scene.ends[1].agreed == 2);
	UNTIL(&scene, (pair_of(&scene.ends[1], pair), strcmp(before, pair) != 0));
	talk(&scene);
	g_assert_cmpuint(scene.ends[0].offers, ==, 2);
	g_assert_cmpuint(scene.ends[0].answers, ==, 0);
	g_assert_cmpuint(scene.ends[1].offers, ==, 1);
	g_assert_cmpuint(scene.ends[1].answers, ==, 2);
	restart(&scene, 1); /* and nothing is left over */
	scene_close(&scene);
}

/* An offer that asks for nothing new is answered as things are. */
static void test_same_again(void)
{
	struct scene scene = { 0 };
	connect(&scene, 1);
	g_autofree char *first = g_strdup(scene.ends[0].last->str);
	char before[300], pair[300];
	pair_of(&scene.ends[1], before);
	negotiation_description(scene.ends[1].negotiation, "offer", first);
	g_assert_cmpuint(scene.ends[1].answers, ==, 2);
	g_assert_cmpfloat(stat(&scene.ends[1], "ice_restarts", NULL, 0), ==, 0);
	talk(&scene);
	pair_of(&scene.ends[1], pair);
	g_assert_cmpstr(before, ==, pair);
	scene_close(&scene);
}

/* Another certificate in mid-call is another peer. */
static void test_other_peer(void)
{
	struct scene scene = { 0 };
	connect(&scene, 1);
	scene.sign = "a=fingerprint:sha-256 ";
	scene.signs_to = "a=fingerprint:sha-256 00:";
	negotiation_restart(scene.ends[0].negotiation, "a test");
	UNTIL(&scene, scene.ends[1].failed);
	g_assert_nonnull(strstr(scene.ends[1].failed, "certificate changed"));
	g_assert_cmpuint(scene.ends[1].answers, ==, 1);
	scene_close(&scene);
}

/* Names of the link, addresses of the link, nonsense: left out, and nothing waits for them. */
static void test_odd_candidates(void)
{
	static const char *const odd[] = {
		"candidate:1 1 UDP 2122260223 550e8400-e29b-41d4-a716-446655440000.local 50000 typ host",
		"candidate:1 1 UDP 2122260223 printer.local 50000 typ host",
		"candidate:1 1 UDP 2122260223 fe80::1 50000 typ host", "candidate:", "", "candidate:1 1 UDP x y z",
		"candidate:1 2 UDP 2122260223 127.0.0.1 50000 typ host",
		"candidate:1 1 UDP 2122260223 127.0.0.1 50000 typ host ufrag nobody",
	};
	struct scene scene = { 0 };
	connect(&scene, 1);
	gint64 start = g_get_monotonic_time();
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
			cJSON *list = cJSON_CreateArray(), *one = cJSON_CreateObject();
			cJSON_AddStringToObject(one, "mid", "0");
			cJSON_AddStringToObject(one, "candidate", odd[i]);
			cJSON_AddItemToArray(list, one);
			negotiation_candidates(scene.ends[0].negotiation, list);
			cJSON_Delete(list);
		}
	gint64 took = g_get_monotonic_time() - start;
	g_test_message("160 odd candidates: %.1f ms", (double)took / 1000);
	g_assert_cmpint(took, <, G_USEC_PER_SEC);
	restart(&scene, 0);
	scene_close(&scene);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	g_test_add_func("/negotiation/bundled", test_bundled);
	g_test_add_func("/negotiation/unbundled", test_unbundled);
	g_test_add_func("/negotiation/rtcp-apart", test_rtcp_apart);
	g_test_add_func("/negotiation/overtaken", test_overtaken);
	g_test_add_func("/negotiation/restart", test_restart);
	g_test_add_func("/negotiation/in-packet", test_in_packet);
	g_test_add_func("/negotiation/glare", test_glare);
	g_test_add_func("/negotiation/same-again", test_same_again);
	g_test_add_func("/negotiation/other-peer", test_other_peer);
	g_test_add_func("/negotiation/odd-candidates", test_odd_candidates);
	return g_test_run();
}
