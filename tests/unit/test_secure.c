/* DTLS and SRTP between two ends in memory: keys, packets both ways, and everything that must be refused. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/media/secure.h"

struct end {
	struct secure *secure;
	struct end *other;
	GQueue out; /* GBytes on their way to the other */
	struct certificate *certificate;
	const char *fingerprint;
	bool ready;
	char *failed;
	int drop; /* of the first datagrams */
};

static void on_send(const uint8_t *datagram, size_t bytes, void *data)
{
	struct end *end = data;
	if (end->drop-- > 0)
		return;
	g_queue_push_tail(&end->out, g_bytes_new(datagram, bytes));
}

static void on_ready(void *data)
{
	((struct end *)data)->ready = true;
}

static void on_failed(const char *why, void *data)
{
	struct end *end = data;
	g_free(end->failed);
	end->failed = g_strdup(why);
}

static const struct secure_ops ops = { on_send, on_ready, on_failed };

static void pair_open(struct end ends[2])
{
	memset(ends, 0, 2 * sizeof(ends[0]));
	for (int i = 0; i < 2; i++) {
		ends[i].other = &ends[1 - i];
		g_assert_cmpint(certificate_create(&ends[i].certificate), ==, 0);
		ends[i].fingerprint = ends[i].certificate->fingerprint;
		g_assert_cmpint(secure_create(&ops, &ends[i], ends[i].certificate, &ends[i].secure), ==, 0);
	}
}

static void pair_close(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		secure_destroy(ends[i].secure);
		certificate_destroy(ends[i].certificate);
		ends[i].secure = NULL;
	}
	for (int i = 0; i < 2; i++) {
		g_queue_clear_full(&ends[i].out, (GDestroyNotify)g_bytes_unref);
		g_free(ends[i].failed);
	}
}

static bool carry(struct end ends[2])
{
	bool any = false;
	for (int i = 0; i < 2; i++)
		for (GBytes *b; (b = g_queue_pop_head(&ends[i].out)); g_bytes_unref(b)) {
			size_t size;
			const uint8_t *bytes = g_bytes_get_data(b, &size);
			secure_receive(ends[i].other->secure, bytes, size);
			any = true;
		}
	return any;
}

/* Until both are ready, one has failed, or 10 s have passed. */
static void shake(struct end ends[2])
{
	gint64 limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	while (!(ends[0].ready && ends[1].ready) && !ends[0].failed && !ends[1].failed &&
	       g_get_monotonic_time() < limit) {
		if (carry(ends))
			continue;
		g_usleep(5000);
		for (int i = 0; i < 2; i++)
			if (secure_timeout_ms(ends[i].secure) == 1)
				secure_tick(ends[i].secure);
	}
}

static void start_both(struct end ends[2])
{
	g_assert_cmpint(secure_start(ends[1].secure, false, "sha-256", ends[0].fingerprint), ==, 0);
	g_assert_cmpint(secure_start(ends[0].secure, true, "sha-256", ends[1].fingerprint), ==, 0);
}

static size_t packet_make(uint8_t *packet, uint16_t sequence)
{
	memset(packet, 0x55, 212);
	packet[0] = 0x80;
	packet[1] = 96;
	packet[2] = (uint8_t)(sequence >> 8);
	packet[3] = (uint8_t)sequence;
	memset(packet + 4, 1, 8);
	return 212;
}

static void test_packets(void)
{
	struct end ends[2];
	uint8_t plain[300], packet[300], again[300];
	pair_open(ends);
	size_t bytes = packet_make(packet, 1);
	/* no keys: nothing leaves */
	g_assert_cmpint(secure_protect(ends[0].secure, false, packet, &bytes), ==, -ENOTCONN);
	start_both(ends);
	shake(ends);
	g_assert_true(ends[0].ready && ends[1].ready);
	g_assert_cmpstr(secure_profile(ends[0].secure), ==, "SRTP_AEAD_AES_128_GCM");
	for (uint16_t i = 1; i < 200; i++) {
		struct end *from = &ends[i % 2];
		bytes = packet_make(plain, i);
		memcpy(packet, plain, bytes);
		size_t sent = bytes;
		g_assert_cmpint(secure_protect(from->secure, false, packet, &sent), ==, 0);
		g_assert_cmpuint(sent, >, bytes);
		g_assert_cmpint(memcmp(packet + 12, plain + 12, 200), !=, 0);
		memcpy(again, packet, sent);
		size_t got = sent, twice = sent;
		g_assert_cmpint(secure_unprotect(from->other->secure, false, packet, &got), ==, 0);
		g_assert_cmpmem(packet, (int)got, plain, (int)bytes);
		g_assert_cmpint(secure_unprotect(from->other->secure, false, again, &twice), ==, -EBADMSG); /* replayed */
	}
	bytes = packet_make(packet, 5000);
	g_assert_cmpint(secure_protect(ends[0].secure, false, packet, &bytes), ==, 0);
	packet[100] ^= 1;
	g_assert_cmpint(secure_unprotect(ends[1].secure, false, packet, &bytes), ==, -EBADMSG); /* damaged */
	pair_close(ends);
}

static void test_wrong_fingerprint(void)
{
	struct end ends[2];
	pair_open(ends);
	g_assert_cmpint(secure_start(ends[1].secure, false, "sha-256", ends[1].fingerprint), ==, 0);
	g_assert_cmpint(secure_start(ends[0].secure, true, "sha-256", ends[1].fingerprint), ==, 0);
	shake(ends);
	g_assert_false(ends[1].ready);
	g_assert_nonnull(strstr(ends[1].failed, "certificate"));
	g_assert_cmpint(secure_start(ends[0].secure, true, "md5", "AB"), <, 0);
	pair_close(ends);
}

static void test_lost_hello(void)
{
	struct end ends[2];
	pair_open(ends);
	ends[0].drop = 1;
	gint64 began = g_get_monotonic_time();
	start_both(ends);
	shake(ends);
	g_assert_true(ends[0].ready && ends[1].ready);
	g_test_message("a lost ClientHello cost %d ms", (int)((g_get_monotonic_time() - began) / 1000));
	pair_close(ends);
}

/* The ClientHello before secure_start(), and noise before and during the handshake: still a call. */
static void test_noise(void)
{
	struct end ends[2];
	GRand *random = g_rand_new_with_seed(8);
	pair_open(ends);
	g_assert_cmpint(secure_start(ends[0].secure, true, "sha-256", ends[1].fingerprint), ==, 0);
	carry(ends);
	g_assert_cmpint(secure_start(ends[1].secure, false, "sha-256", ends[0].fingerprint), ==, 0);
	for (int round = 0; round < 30; round++)
		for (int i = 0; i < 2; i++) {
			uint8_t noise[100];
			for (size_t b = 0; b < sizeof(noise); b++)
				noise[b] = (uint8_t)g_rand_int_range(random, 0, 256);
			noise[0] = (uint8_t)g_rand_int_range(random, 20, 64);
			secure_receive(ends[i].secure, noise, sizeof(noise));
		}
	shake(ends);
	g_assert_true(ends[0].ready && ends[1].ready);
	pair_close(ends);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/secure/packets", test_packets);
	g_test_add_func("/secure/wrong-fingerprint", test_wrong_fingerprint);
	g_test_add_func("/secure/lost-hello", test_lost_hello);
	g_test_add_func("/secure/noise", test_noise);
	return g_test_run();
}
