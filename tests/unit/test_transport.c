/* Two transports in one process with real ICE, DTLS and SRTP between them: packets by the fast path both ways, with one
 * component and two, by IPv4 and IPv6; while it is restarted; without a fast path; and a peer whose address is another
 * suddenly, behind a NAT of the test's. */
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/media/transport.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)
#define BYTES 300

struct end {
	struct transport *transport;
	struct end *other;
	struct ice_settings settings;
	struct sdp_transport words; /* its description */
	bool client, ready, mute;   /* mute: its candidates are not told */
	int says_port;		    /* instead of its candidates' */
	int port;		    /* of its last candidate */
	_Atomic unsigned int received;
	unsigned int rtcp, refused;
	uint16_t last;
};

static struct certificate *certificate;

static void on_candidate(const char *candidate, void *data)
{
	struct end *end = data;
	if (!candidate)
		return;
	g_auto(GStrv) words = g_strsplit(candidate, " ", -1);
	end->port = (int)strtol(words[5], NULL, 10);
	if (end->says_port) {
		g_free(words[5]);
		words[5] = g_strdup_printf("%d", end->says_port);
	}
	g_autofree char *line = g_strjoinv(" ", words);
	if (!end->mute)
		transport_candidate(end->other->transport, line);
}

static void on_ready(void *data)
{
	((struct end *)data)->ready = true;
}

static void on_broken(void *data)
{
	(void)data;
}

static void on_failed(const char *why, void *data)
{
	(void)data;
	g_error("%s", why);
}

static void on_packet(bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data)
{
	struct end *end = data;
	g_assert_cmpuint(wire_bytes, >, bytes);
	if (rtcp) {
		end->rtcp++;
		return;
	}
	g_assert_cmpuint(bytes, ==, BYTES);
	end->last = (uint16_t)(packet[2] << 8 | packet[3]);
	end->received++;
}

static void on_refused(void *data)
{
	((struct end *)data)->refused++;
}

static const struct transport_ops ops = { on_candidate, on_ready, on_broken, on_failed, on_packet, on_refused };

#define UNTIL(fact) \
	do { \
		gint64 limit_ = g_get_monotonic_time() + LIMIT_US; \
		while (!(fact)) { \
			if (g_get_monotonic_time() > limit_) \
				g_error("not within 20 s: %s", #fact); \
			if (!g_main_context_iteration(NULL, FALSE)) \
				g_usleep(200); \
		} \
	} while (0)

/* Tells the other side; its credentials are those of the newest generation. */
static void introduce(struct end *end)
{
	end->words = (struct sdp_transport){ .there = true, .fingerprint_hash = "sha-256", .mux = true };
	g_strlcpy(end->words.fingerprint, certificate->fingerprint, sizeof(end->words.fingerprint));
	transport_credentials(end->transport, &end->words);
	transport_remote(end->other->transport, &end->words, end->other->client);
}

static void ends_open(struct end ends[2], const char *interface, unsigned int components)
{
	for (int i = 0; i < 2; i++) {
		ends[i].other = &ends[1 - i];
		ends[i].client = i == 0;
		ends[i].settings = (struct ice_settings){ .controlling = i == 1, .interface = interface };
		g_assert_cmpint(transport_open(&ends[i].settings, components, certificate, &ops, &ends[i],
					       &ends[i].transport), ==, 0);
	}
	for (int i = 0; i < 2; i++)
		introduce(&ends[i]);
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(transport_gather(ends[i].transport), ==, 0);
}

static void ends_close(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		g_assert_cmpuint(ends[i].refused, ==, 0);
		transport_close(ends[i].transport);
	}
}

static int send_one(struct end *end, bool rtcp, uint16_t sequence,
		    int (*send)(struct transport *transport, bool rtcp, uint8_t *packet, size_t *bytes))
{
	uint8_t packet[BYTES + 40] = { 0x80, rtcp ? 200 : 96, (uint8_t)(sequence >> 8), (uint8_t)sequence };
	size_t bytes = rtcp ? 28 : BYTES;
	if (rtcp) {
		packet[2] = 0;
		packet[3] = 6;
	}
	packet[rtcp ? 7 : 11] = 1;
	return send(end->transport, rtcp, packet, &bytes);
}

static struct fast_path_stats fast_path_of(const struct end *end)
{
	struct fast_path_stats stats;
	transport_fast_path(end->transport, &stats);
	return stats;
}

/* A burst, a packet alone and a report, each way; a burst may be larger than what leaves by one system call. */
static void talk(struct end ends[2], uint16_t *sequence, uint16_t burst)
{
	for (int i = 0; i < 2; i++) {
		struct end *from = &ends[i], *to = from->other;
		unsigned int heard = to->received, reports = to->rtcp;
		for (int n = 0; n < burst; n++)
			g_assert_cmpint(send_one(from, false, ++*sequence, transport_queue), ==, 0);
		transport_flush(from->transport);
		UNTIL(to->received == heard + burst);
		g_assert_cmpuint(to->last, ==, *sequence);
		g_assert_cmpint(send_one(from, false, ++*sequence, transport_send), ==, 0);
		g_assert_cmpint(send_one(from, true, 0, transport_send), ==, 0);
		UNTIL(to->received == heard + burst + 1u && to->rtcp == reports + 1);
	}
}

struct road {
	const char *interface;
	unsigned int components;
};

static const struct road four = { "127.0.0.1", 1 }, four_apart = { "127.0.0.1", 2 }, six = { "::1", 1 };

static bool has_address(const struct road *road)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = road == &six ? socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	bool there = road != &six || (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	if (fd >= 0)
		close(fd);
	return there;
}

static void test_both_ways(const void *data)
{
	const struct road *road = data;
	struct end ends[2] = { 0 };
	uint16_t sequence = 0;
	if (!has_address(road)) {
		g_test_skip("the machine has no such address");
		return;
	}
	ends_open(ends, road->interface, road->components);
	UNTIL(ends[0].ready && ends[1].ready);
	UNTIL(fast_path_of(&ends[0]).open && fast_path_of(&ends[1]).open);
	struct fast_path_stats before[2] = { fast_path_of(&ends[0]), fast_path_of(&ends[1]) };
	talk(ends, &sequence, 100);
	for (int i = 0; i < 2; i++) {
		struct fast_path_stats now = fast_path_of(&ends[i]);
		g_assert_cmpuint(now.sent - before[i].sent, >=, 102); /* and what DTLS says again */
		g_assert_cmpuint(now.received - before[i].received, ==, 102);
	}
	ends_close(ends);
}

/* ---- restarts, while another thread sends ---- */

struct talker {
	struct end *end;
	_Atomic bool stop;
	unsigned int sent;
};

/* Few are on their way at a time: no buffer runs over, or the other side is not heard for some time. */
static void *talk_thread(void *data)
{
	struct talker *talker = data;
	for (unsigned int pause = 0; !talker->stop;) {
		if (talker->sent > talker->end->other->received + 20 && ++pause < 2000) {
			g_usleep(100);
			continue;
		}
		pause = 0;
		talker->sent += send_one(talker->end, false, (uint16_t)talker->sent, transport_send) == 0;
	}
	return NULL;
}

static void restart_begin(struct end ends[2])
{
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(transport_restart(ends[i].transport, 1), ==, 0);
	for (int i = 0; i < 2; i++)
		introduce(&ends[i]);
	for (int i = 0; i < 2; i++)
		transport_gather(ends[i].transport);
}

static void restart(struct end ends[2])
{
	char before[2][300], now[2][300];
	for (int i = 0; i < 2; i++)
		transport_pair(ends[i].transport, before[i], sizeof(before[i]));
	restart_begin(ends);
	for (int i = 0; i < 2; i++) {
		UNTIL(!transport_is_restarting(ends[i].transport));
		transport_pair(ends[i].transport, now[i], sizeof(now[i]));
		g_assert_cmpstr(before[i], !=, now[i]);
	}
}

static void test_restart(void)
{
	struct end ends[2] = { 0 };
	ends_open(ends, "127.0.0.1", 1);
	UNTIL(ends[0].ready && ends[1].ready);
	struct talker talker = { .end = &ends[0] };
	GThread *thread = g_thread_new("talker", talk_thread, &talker);
	for (int round = 0; round < 4; round++) {
		restart(ends);
		UNTIL(fast_path_of(&ends[0]).open && fast_path_of(&ends[1]).open);
		unsigned int heard = ends[1].received;
		UNTIL(ends[1].received > heard + 500 && fast_path_of(&ends[1]).received > 100);
	}
	talker.stop = true;
	g_thread_join(thread);
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (ends[1].received < talker.sent && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, FALSE);
	g_test_message("%u sent, %u lost", talker.sent, talker.sent - ends[1].received);
	g_assert_cmpuint(ends[1].received, ==, talker.sent);
	ends_close(ends);
}

/* ---- no fast path ---- */

/* The process has no descriptor left when the pair is selected. */
static void test_refused(void)
{
	struct end ends[2] = { 0 };
	struct rlimit before, none;
	uint16_t sequence = 0;
	ends_open(ends, "127.0.0.1", 1);
	UNTIL(ends[0].ready && ends[1].ready);
	getrlimit(RLIMIT_NOFILE, &before);
	restart_begin(ends);
	none = before;
	int lowest = dup(STDERR_FILENO);
	close(lowest);
	none.rlim_cur = (rlim_t)lowest;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	UNTIL(!transport_is_restarting(ends[0].transport) && !transport_is_restarting(ends[1].transport));
	talk(ends, &sequence, 30);
	for (int i = 0; i < 2; i++)
		g_assert_false(fast_path_of(&ends[i]).open);
	setrlimit(RLIMIT_NOFILE, &before);
	restart(ends);
	UNTIL(fast_path_of(&ends[0]).open && fast_path_of(&ends[1]).open);
	talk(ends, &sequence, 30);
	ends_close(ends);
}

/* ---- a NAT ---- */

struct nat {
	int in, out; /* in: for end 1, which takes it for end 0; out: what end 0 sees of end 1 */
	guint sources[2];
	struct sockaddr_in inside, outside;
	bool rebound; /* end 1's own checks are not let through any more: only nat_check() is to tell of it */
	unsigned int answers, carried; /* by the newest address: STUN's answers, end 1's SRTP */
};

static int nat_socket(struct sockaddr_in *ret_address)
{
	socklen_t bytes = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	g_assert_cmpint(bind(fd, (struct sockaddr *)ret_address, bytes), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)ret_address, &bytes), ==, 0);
	return fd;
}

static gboolean on_nat(int fd, GIOCondition condition, void *data)
{
	struct nat *nat = data;
	uint8_t datagram[2048];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof(from);
	(void)condition;
	ssize_t bytes = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &from_bytes);
	if (bytes < 0)
		return G_SOURCE_CONTINUE;
	if (fd == nat->in)
		nat->inside = from;
	if (fd == nat->in && nat->rebound && datagram[0] == 0 && datagram[1] == 1)
		return G_SOURCE_CONTINUE;
	nat->carried += fd == nat->in && datagram[0] >= 128;
	nat->answers += fd == nat->out && datagram[0] == 1 && datagram[1] == 1;
	const struct sockaddr_in *to = fd == nat->in ? &nat->outside : &nat->inside;
	sendto(fd == nat->in ? nat->out : nat->in, datagram, (size_t)bytes, 0, (const struct sockaddr *)to, sizeof(*to));
	return G_SOURCE_CONTINUE;
}

/* The old mapping is gone, end 1 does not know. */
static void nat_rebind(struct nat *nat, struct sockaddr_in *ret_address)
{
	g_source_remove(nat->sources[1]);
	close(nat->out);
	nat->out = nat_socket(ret_address);
	nat->sources[1] = g_unix_fd_add(nat->out, G_IO_IN, on_nat, nat);
	nat->answers = nat->carried = 0;
	nat->rebound = true;
}

/* What end 1's next check would be: it comes once in many seconds. */
static void nat_check(struct nat *nat, const struct end ends[2])
{
	static const uint16_t known[] = { 0 };
	uint8_t buffer[STUN_MAX_MESSAGE_SIZE];
	StunAgent agent;
	StunMessage message;
	g_autofree char *username = g_strdup_printf("%s:%s", ends[0].words.ufrag, ends[1].words.ufrag);
	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	size_t bytes = stun_usage_ice_conncheck_create(
		&agent, &message, buffer, sizeof(buffer), (const uint8_t *)username, strlen(username),
		(const uint8_t *)ends[0].words.password, strlen(ends[0].words.password), TRUE, TRUE, 0x7fffffff, 1, NULL,
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	g_assert_cmpuint(bytes, >, 0);
	sendto(nat->out, buffer, bytes, 0, (struct sockaddr *)&nat->outside, sizeof(nat->outside));
}

/* The peer's packets count from the moment in which a check has come from there, which libnice got with the fast path
 * beside it; ours go there when that pair is selected. */
static void test_rebound(void)
{
	struct nat nat = { 0 };
	struct end ends[2] = { { .mute = false }, { .mute = true } };
	struct sockaddr_in address;
	char pair[300];
	uint16_t sequence = 0;
	nat.in = nat_socket(&address);
	ends[0].says_port = ntohs(address.sin_port);
	nat.out = nat_socket(&address);
	nat.sources[0] = g_unix_fd_add(nat.in, G_IO_IN, on_nat, &nat);
	nat.sources[1] = g_unix_fd_add(nat.out, G_IO_IN, on_nat, &nat);
	nat.outside = address;
	ends_open(ends, "127.0.0.1", 1);
	UNTIL(ends[0].port);
	nat.outside.sin_port = htons((uint16_t)ends[0].port);
	UNTIL(ends[0].ready && ends[1].ready);
	UNTIL(fast_path_of(&ends[0]).open && fast_path_of(&ends[1]).open);
	talk(ends, &sequence, 30);

	nat_rebind(&nat, &address);
	unsigned int heard = ends[0].received;
	g_assert_cmpint(send_one(&ends[1], false, ++sequence, transport_send), ==, 0);
	UNTIL(nat.carried == 1);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(ends[0].received, ==, heard);
	nat_check(&nat, ends);
	UNTIL(nat.answers > 0);
	g_autofree char *port = g_strdup_printf(":%d", ntohs(address.sin_port));
	UNTIL((transport_pair(ends[0].transport, pair, sizeof(pair)), g_str_has_suffix(pair, port)));
	talk(ends, &sequence, 30);
	g_assert_cmpuint(ends[0].received, ==, heard + 31);
	g_assert_true(fast_path_of(&ends[0]).open);
	ends_close(ends);
	for (int i = 0; i < 2; i++)
		g_source_remove(nat.sources[i]);
	close(nat.in);
	close(nat.out);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	g_assert_cmpint(certificate_create(&certificate), ==, 0);
	g_test_add_data_func("/transport/both-ways/ipv4", &four, test_both_ways);
	g_test_add_data_func("/transport/both-ways/ipv6", &six, test_both_ways);
	g_test_add_data_func("/transport/both-ways/rtcp-apart", &four_apart, test_both_ways);
	g_test_add_func("/transport/restart", test_restart);
	g_test_add_func("/transport/refused", test_refused);
	g_test_add_func("/transport/rebound", test_rebound);
	int r = g_test_run();
	certificate_destroy(certificate);
	return r;
}
