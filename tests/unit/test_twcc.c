/* Transport-wide feedback: what is written is read back, whatever order and gaps it came in; and hostile bytes. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/media/rtp.h"
#include "core/media/twcc.h"

#define NUMBERS 70000

struct book { /* what was told of each number; unwrapped */
	int64_t arrival_us[NUMBERS];
	int told[NUMBERS];
	int64_t last;
	unsigned int statuses;
};

static void note(uint16_t sequence, bool arrived, int64_t arrival_us, void *data)
{
	struct book *book = data;
	int64_t number = book->last + (int16_t)(sequence - (uint16_t)book->last);
	g_assert_cmpint(number, >=, 0);
	g_assert_cmpint(number, <, NUMBERS);
	g_assert_true(arrived == (arrival_us != 0));
	if (arrived)
		book->arrival_us[number] = arrival_us;
	book->told[number]++;
	book->last = number;
	book->statuses++;
}

static size_t feedback(struct twcc_arrivals *arrivals, uint8_t **ret_exact)
{
	uint8_t bytes[TWCC_FEEDBACK_BYTES + 8];
	size_t length = twcc_write(arrivals, bytes, 0, 1, 2);
	g_assert_cmpuint(length, <=, TWCC_FEEDBACK_BYTES);
	g_assert_cmpuint(length % 4, ==, 0);
	*ret_exact = g_malloc(length ? length : 1); /* a sanitizer sees one byte too far */
	memcpy(*ret_exact, bytes, length);
	return length;
}

static unsigned int all_feedback(struct twcc_arrivals *arrivals, struct twcc_clock *clock, struct book *book)
{
	unsigned int count = 0;
	uint8_t *exact;
	for (size_t length; (length = feedback(arrivals, &exact)) > 0; count++) {
		g_assert_cmpint(exact[0] & 31, ==, TWCC_FORMAT);
		g_assert_cmpint(exact[1], ==, 205);
		g_assert_cmpint(twcc_parse(exact, length, clock, note, book), ==, 0);
		g_free(exact);
	}
	g_free(exact);
	return count;
}

struct road {
	const char *name;
	double loss;
	int64_t gap_us, jitter_us; /* between packets; jitter lets them overtake each other */
	int feedback_every;
};

static const struct road roads[] = {
	{ "quiet", 0, 2000, 0, 30 },	       { "lossy", 0.3, 2000, 0, 30 },
	{ "shuffled", 0.05, 1000, 4000, 50 },  { "slow", 0.1, 150000, 0, 3 },
	{ "very slow", 0, 9000000, 0, 4 },     { "burst", 0.01, 10, 0, 1500 },
	{ "nearly nothing", 0.97, 2000, 0, 700 },
};

static void play(const struct road *road, GRand *random)
{
	struct twcc_arrivals *arrivals = g_new0(struct twcc_arrivals, 1);
	struct book *book = g_new0(struct book, 1);
	struct twcc_clock clock = { 0 };
	int64_t *sent_us = g_new0(int64_t, NUMBERS), now = 5000000000, offset = 0;
	int first = 65000, last = 68000, compared = 0;
	book->last = first;
	for (int n = first; n < last; n++, now += road->gap_us) {
		if (n % road->feedback_every == 0)
			all_feedback(arrivals, &clock, book);
		if (n > first && n < last - 1 && g_rand_double(random) < road->loss)
			continue;
		int64_t late = road->jitter_us ? g_rand_int_range(random, 0, (int)road->jitter_us) : 0;
		int other = road->jitter_us && n % 7 == 3 ? n + 1 : road->jitter_us && n % 7 == 4 ? n - 1 : n;
		sent_us[other] = now + late;
		twcc_arrived(arrivals, (uint16_t)other, now + late);
	}
	all_feedback(arrivals, &clock, book);
	for (int n = first; n < last; n++) {
		g_assert_cmpint(book->told[n], >, 0);
		g_assert_true((sent_us[n] != 0) == (book->arrival_us[n] != 0));
		if (!sent_us[n])
			continue;
		if (compared++ == 0)
			offset = book->arrival_us[n] - sent_us[n];
		g_assert_cmpint(ABS(book->arrival_us[n] - sent_us[n] - offset), <=, 500);
	}
	g_test_message("%s: %d packets, %u statuses", road->name, compared, book->statuses);
	g_free(sent_us);
	g_free(book);
	g_free(arrivals);
}

static void test_round_trip(void)
{
	GRand *random = g_rand_new_with_seed(21);
	for (size_t i = 0; i < G_N_ELEMENTS(roads); i++)
		play(&roads[i], random);
	g_rand_free(random);
}

static void count(uint16_t sequence, bool arrived, int64_t arrival_us, void *data)
{
	int *counts = data;
	(void)sequence, (void)arrival_us;
	counts[arrived]++;
}

/* The bytes of the draft's figures: a run of lost ones, a vector of one bit, one of two bits, both kinds of delta. */
static void test_bytes(void)
{
	static const uint8_t part[] = {
		0xaf, 205, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0, 15, 0, 0, 1, 9, /* header: 15 from 65534 on */
		0x00, 0x05, 0xc6, 0x00, /* five did not come; two bits: lost small large lost, three more lost */
		0xa0, 0x00,		/* one bit: small first; two more not there */
		0x04, 0xff, 0xfc, 0x08, 0, 2,
	};
	struct twcc_clock clock = { 0 };
	int counts[2] = { 0 };
	g_assert_cmpint(twcc_parse(part, sizeof(part), &clock, count, counts), ==, 0);
	g_assert_cmpint(counts[0], ==, 12);
	g_assert_cmpint(counts[1], ==, 3);
	for (size_t length = 0; length < sizeof(part) - 2; length++) { /* cut anywhere: nothing is told */
		int none[2] = { 0 };
		uint8_t *exact = g_memdup2(part, length);
		if (length > 0)
			exact[0] &= 0xdf;
		g_assert_cmpint(twcc_parse(exact, length, &clock, count, none), ==,
				length >= sizeof(part) - 2 ? 0 : -EBADMSG);
		g_assert_cmpint(none[0] + none[1], ==, 0);
		g_free(exact);
	}
}

static void test_clock(void)
{
	struct twcc_clock clock = { 0 };
	struct book *book = g_new0(struct book, 1);
	uint8_t part[] = { 0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0, 0x20, 1, 0, 0 };
	g_assert_cmpint(twcc_parse(part, sizeof(part), &clock, note, book), ==, 0);
	int64_t before = book->arrival_us[0];
	memset(part + 16, 0, 3); /* 64 ms later the reference has gone round */
	g_assert_cmpint(twcc_parse(part, sizeof(part), &clock, note, book), ==, 0);
	g_assert_cmpint(book->arrival_us[0] - before, ==, 64000);
	memset(part + 16, 0xff, 3); /* an old one overtaken by it */
	g_assert_cmpint(twcc_parse(part, sizeof(part), &clock, note, book), ==, 0);
	g_assert_cmpint(book->arrival_us[0], ==, before);
	g_free(book);
}

static void test_extension(void)
{
	uint8_t block[TWCC_EXTENSION_BYTES];
	static const uint8_t others[] = { 0x10, 7, 0, 0, 0x52, 1, 2, 3, 0x31, 0xab, 0xcd, 0 };
	static const uint8_t wide[] = { 1, 0, 5, 1, 9, 3, 2, 0x12, 0x34, 0 };
	static const uint8_t cut[] = { 0x3f, 1, 2 };
	for (int id = 1; id < 15; id++) {
		twcc_write_extension(block, id, 0xfffe);
		g_assert_cmpint(twcc_read_extension(0xbede, block + 4, 4, id), ==, 0xfffe);
		g_assert_cmpint(twcc_read_extension(0xbede, block + 4, 4, id % 14 + 1), ==, -1);
	}
	g_assert_cmpint(twcc_read_extension(0xbede, others, sizeof(others), 3), ==, 0xabcd);
	g_assert_cmpint(twcc_read_extension(0x1000, wide, sizeof(wide), 3), ==, 0x1234);
	g_assert_cmpint(twcc_read_extension(0xbede, cut, sizeof(cut), 3), ==, -1);
	g_assert_cmpint(twcc_read_extension(0xabcd, others, sizeof(others), 3), ==, -1);
}

/* Of a whole RTP packet, and of one from somebody who says more. */
static void test_packet(void)
{
	static const uint8_t payload[] = { 1, 2, 3 };
	static const struct rtp rtp = { .payload_type = 102, .marker = true, .sequence = 7, .time = 9, .ssrc = 11,
					.transport_id = 5, .transport_sequence = 4711 };
	uint8_t packet[RTP_HEADER_MAX + sizeof(payload)];
	struct rtp read;
	g_assert_cmpuint(rtp_write(packet, &rtp), ==, RTP_HEADER_MAX);
	memcpy(packet + RTP_HEADER_MAX, payload, sizeof(payload));
	g_assert_cmpint(rtp_parse(packet, sizeof(packet), &read), ==, 0);
	g_assert_cmpuint(read.payload_bytes, ==, sizeof(payload));
	g_assert_cmpint(read.payload[0], ==, 1);
	g_assert_cmpint(twcc_read_extension(read.extension_profile, read.extension, read.extension_bytes, 5), ==, 4711);
	g_assert_cmpint(twcc_read_extension(read.extension_profile, read.extension, read.extension_bytes, 4), ==, -1);
	packet[15] = 200; /* longer than the packet */
	g_assert_cmpint(rtp_parse(packet, sizeof(packet), &read), ==, -EBADMSG);
	const struct rtp plain = { .payload_type = 102 };
	g_assert_cmpuint(rtp_write(packet, &plain), ==, RTP_HEADER_BYTES);
	g_assert_cmpint(rtp_parse(packet, RTP_HEADER_BYTES, &read), ==, 0);
	g_assert_cmpint(twcc_read_extension(read.extension_profile, read.extension, read.extension_bytes, 5), ==, -1);
}

static void test_jump(void)
{
	struct twcc_arrivals *arrivals = g_new0(struct twcc_arrivals, 1);
	struct twcc_clock clock = { 0 };
	int counts[2] = { 0 };
	uint8_t *exact;
	twcc_arrived(arrivals, 10, 1000000);
	twcc_arrived(arrivals, 10, 1000000);
	twcc_arrived(arrivals, 30000, 1100000); /* the peer's program was started anew */
	size_t length = feedback(arrivals, &exact);
	g_assert_cmpint(twcc_parse(exact, length, &clock, count, counts), ==, 0);
	g_assert_cmpint(counts[0] + counts[1], ==, 1);
	g_free(exact);
	twcc_arrived(arrivals, 30010, 1200000);
	twcc_arrived(arrivals, 29000, 1200000);
	twcc_arrived(arrivals, 20000, 1200000); /* far too old */
	g_assert_cmpint(arrivals->end - arrivals->next, ==, 1011);
	g_free(arrivals);
}

/* Random bytes, exactly as long as they are; half of them a good feedback with some bytes changed. */
static void test_hostile(void)
{
	GRand *random = g_rand_new_with_seed(22);
	struct twcc_clock clock = { 0 };
	unsigned int good = 0;
	for (int i = 0; i < 40000; i++) {
		struct twcc_arrivals *arrivals = g_new0(struct twcc_arrivals, 1);
		uint8_t *bytes;
		for (int n = g_rand_int_range(random, 1, 60); n > 0; n--)
			twcc_arrived(arrivals, (uint16_t)g_rand_int_range(random, 0, 90),
				     g_rand_int_range(random, 1000, 20000000));
		size_t length = feedback(arrivals, &bytes);
		for (int n = g_rand_int_range(random, 0, 8); n > 0; n--)
			bytes[g_rand_int_range(random, 0, (int)length)] = (uint8_t)g_rand_int(random);
		if (g_rand_boolean(random)) {
			length = (size_t)g_rand_int_range(random, 0, (int)length);
			uint8_t *less = g_memdup2(bytes, length);
			g_free(bytes);
			bytes = less;
		}
		int counts[2] = { 0 };
		good += twcc_parse(bytes, length, &clock, count, counts) == 0;
		g_assert_cmpint(counts[0] + counts[1], <=, TWCC_STATUSES_MAX);
		if (length > 2)
			twcc_read_extension(g_rand_boolean(random) ? 0xbede : 0x1003, bytes, length,
					    g_rand_int_range(random, 1, 15));
		g_free(bytes);
		g_free(arrivals);
	}
	g_test_message("%u of 40000 were believed", good);
	g_assert_cmpuint(good, >, 1000);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/twcc/round-trip", test_round_trip);
	g_test_add_func("/twcc/bytes", test_bytes);
	g_test_add_func("/twcc/clock", test_clock);
	g_test_add_func("/twcc/extension", test_extension);
	g_test_add_func("/twcc/packet", test_packet);
	g_test_add_func("/twcc/jump", test_jump);
	g_test_add_func("/twcc/hostile", test_hostile);
	return g_test_run();
}
