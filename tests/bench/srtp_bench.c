/* srtp_bench: CPU time a packet of callbox's road between packet and network: protect and send, receive and unprotect,
 * through two whole transports (ICE, DTLS, AES-GCM) on the loopback; beside it, in turns, libsrtp2 alone plus sendmmsg
 * and recvmmsg alone, on packets of the same size in the same bursts.
 *
 * usage: srtp_bench [ROUNDS]             one line of JSON: medians in microseconds a packet */
#include <arpa/inet.h>
#include <glib.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/media/transport.h"

#define PACKET 1200  /* before protection */
#define ROOM 1280
#define BURST 32
#define BURSTS 200 /* a round */
#define ROUNDS_MAX 200
#define LIMIT_US (20 * G_USEC_PER_SEC)

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void packet_fill(uint8_t *packet, uint16_t sequence)
{
	memset(packet, 0x5a, PACKET);
	memcpy(packet, (const uint8_t[]){ 0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence, 0, 0, 0, 1, 0, 0, 0, 7 },
	       12);
}

/* ---- callbox ---- */

struct end {
	struct transport *transport, *other;
	bool ready;
	unsigned int received;
};

static void on_candidate(const char *candidate, void *data)
{
	struct end *end = data;
	if (candidate)
		transport_candidate(end->other, candidate);
}

static void on_ready(void *data)
{
	((struct end *)data)->ready = true;
}

static void on_broken(void *data)
{
	(void)data;
	g_error("no pair works");
}

static void on_failed(const char *why, void *data)
{
	(void)data;
	g_error("%s", why);
}

static void on_packet(bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data)
{
	(void)rtcp, (void)packet, (void)wire_bytes;
	((struct end *)data)->received += bytes == PACKET;
}

static void on_refused(void *data)
{
	(void)data;
	g_error("a packet was refused");
}

static const struct transport_ops ops = { on_candidate, on_ready, on_broken, on_failed, on_packet, on_refused };

static void introduce(const struct end *from, const struct certificate *certificate, bool client)
{
	struct sdp_transport words = { .there = true, .fingerprint_hash = "sha-256", .mux = true };
	g_strlcpy(words.fingerprint, certificate->fingerprint, sizeof(words.fingerprint));
	transport_credentials(from->transport, &words);
	transport_remote(from->other, &words, client);
}

static void ends_open(struct end ends[2], const struct certificate *certificate)
{
	static const struct ice_settings settings[2] = { { .controlling = true, .loopback = true },
							 { .loopback = true } };
	for (int i = 0; i < 2; i++)
		if (transport_open(&settings[i], 1, certificate, &ops, &ends[i], &ends[i].transport) < 0)
			g_error("no transport");
	ends[0].other = ends[1].transport;
	ends[1].other = ends[0].transport;
	introduce(&ends[0], certificate, true);
	introduce(&ends[1], certificate, false);
	gint64 limit = g_get_monotonic_time() + LIMIT_US;
	if (transport_gather(ends[0].transport) < 0 || transport_gather(ends[1].transport) < 0)
		g_error("no candidates");
	while ((!ends[0].ready || !ends[1].ready) && g_get_monotonic_time() < limit)
		g_main_context_iteration(NULL, TRUE);
	if (!ends[0].ready || !ends[1].ready)
		g_error("the transports did not come up");
}

struct spent {
	double out, in; /* microseconds, of a round */
};

static struct spent round_callbox(struct end ends[2], uint16_t *sequence)
{
	static uint8_t packets[BURST][ROOM];
	struct spent spent = { 0 };
	for (int n = 0; n < BURSTS; n++) {
		unsigned int wanted = ends[1].received + BURST;
		for (int i = 0; i < BURST; i++)
			packet_fill(packets[i], ++*sequence);
		double began = cpu_us();
		for (int i = 0; i < BURST; i++) {
			size_t bytes = PACKET;
			if (transport_queue(ends[0].transport, false, packets[i], &bytes) < 0)
				g_error("a packet was not sent");
		}
		transport_flush(ends[0].transport);
		double middle = cpu_us();
		while (ends[1].received < wanted)
			g_main_context_iteration(NULL, FALSE);
		spent.out += middle - began;
		spent.in += cpu_us() - middle;
	}
	return spent;
}

/* ---- the bare parts ---- */

struct bare {
	srtp_t out, in;
	int from, to;
	struct iovec pieces[BURST];
	struct mmsghdr messages[BURST];
	uint8_t packets[BURST][ROOM];
};

static srtp_t srtp_make(srtp_ssrc_type_t direction)
{
	static uint8_t key[28] = "sixteen bytes key, 12 salted";
	srtp_policy_t policy = { .ssrc.type = direction, .key = key, .window_size = 1024, .allow_repeat_tx = 1 };
	srtp_t srtp;
	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	if (srtp_create(&srtp, &policy) != srtp_err_status_ok)
		g_error("no SRTP");
	return srtp;
}

static struct bare *bare_open(void)
{
	struct bare *b = g_new0(struct bare, 1);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	b->out = srtp_make(ssrc_any_outbound);
	b->in = srtp_make(ssrc_any_inbound);
	b->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	b->to = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(b->to, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(b->to, (struct sockaddr *)&address, &length) < 0 ||
	    connect(b->from, (struct sockaddr *)&address, sizeof(address)) < 0)
		g_error("no sockets");
	for (int i = 0; i < BURST; i++) {
		b->pieces[i].iov_base = b->packets[i];
		b->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &b->pieces[i], .msg_iovlen = 1 };
	}
	return b;
}

static void bare_close(struct bare *b)
{
	srtp_dealloc(b->out);
	srtp_dealloc(b->in);
	close(b->from);
	close(b->to);
	g_free(b);
}

static struct spent round_bare(struct bare *b, uint16_t *sequence)
{
	struct spent spent = { 0 };
	for (int n = 0; n < BURSTS; n++) {
		for (int i = 0; i < BURST; i++)
			packet_fill(b->packets[i], ++*sequence);
		double began = cpu_us();
		for (int i = 0; i < BURST; i++) {
			int bytes = PACKET;
			if (srtp_protect(b->out, b->packets[i], &bytes) != srtp_err_status_ok)
				g_error("not protected");
			b->pieces[i].iov_len = (size_t)bytes;
		}
		if (sendmmsg(b->from, b->messages, BURST, 0) != BURST)
			g_error("not sent");
		double middle = cpu_us();
		for (int i = 0; i < BURST; i++)
			b->pieces[i].iov_len = ROOM;
		if (recvmmsg(b->to, b->messages, BURST, MSG_DONTWAIT, NULL) != BURST)
			g_error("not received");
		for (int i = 0; i < BURST; i++) {
			int bytes = (int)b->messages[i].msg_len;
			if (srtp_unprotect(b->in, b->packets[i], &bytes) != srtp_err_status_ok || bytes != PACKET)
				g_error("not unprotected");
		}
		spent.out += middle - began;
		spent.in += cpu_us() - middle;
	}
	return spent;
}

/* ---- in turns ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(values[0]), by_size);
	return values[count / 2] / (BURST * BURSTS);
}

int main(int argc, char **argv)
{
	static double own_out[ROUNDS_MAX], own_in[ROUNDS_MAX], bare_out[ROUNDS_MAX], bare_in[ROUNDS_MAX];
	int rounds = argc > 1 ? (int)CLAMP(strtol(argv[1], NULL, 10), 1, ROUNDS_MAX) : 11;
	struct certificate *certificate;
	struct end ends[2] = { 0 };
	uint16_t sequences[2] = { 0 };
	if (certificate_create(&certificate) < 0)
		g_error("no certificate");
	ends_open(ends, certificate);
	struct bare *bare = bare_open();
	for (int i = -1; i < rounds; i++) { /* the first warms up */
		struct spent own = round_callbox(ends, &sequences[0]), alone = round_bare(bare, &sequences[1]);
		own_out[MAX(i, 0)] = own.out;
		own_in[MAX(i, 0)] = own.in;
		bare_out[MAX(i, 0)] = alone.out;
		bare_in[MAX(i, 0)] = alone.in;
	}
	printf("{\"profile\":\"%s\",\"bytes\":%d,\"burst\":%d,\"sendUs\":%.3f,\"receiveUs\":%.3f,\"bareSendUs\":%.3f,"
	       "\"bareReceiveUs\":%.3f}\n",
	       transport_profile(ends[0].transport), PACKET, BURST, median(own_out, rounds), median(own_in, rounds),
	       median(bare_out, rounds), median(bare_in, rounds));
	bare_close(bare);
	transport_close(ends[0].transport);
	transport_close(ends[1].transport);
	certificate_destroy(certificate);
	return 0;
}
