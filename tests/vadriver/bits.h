/* bits: writing and reading of H.264's syntax elements (ITU-T H.264, 7.2 and 9.1), most significant bit first, and
 * the emulation prevention of 7.4.1. A reader never leaves its bytes: it gives zeros and says over. */
#ifndef TESTS_VADRIVER_BITS_H
#define TESTS_VADRIVER_BITS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_writer {
	uint8_t *bytes;
	size_t size, room; /* whole bytes written */
	uint64_t cache;
	unsigned int cached; /* bits below a byte */
};

struct bit_reader {
	const uint8_t *bytes;
	size_t bits, at;
	bool over;
};

void bit_writer_init(struct bit_writer *writer);
void bit_writer_finish(struct bit_writer *writer);
size_t bit_writer_bits(const struct bit_writer *writer);
void put_bits(struct bit_writer *writer, uint32_t value, unsigned int count); /* count 0..32 */
void put_ue(struct bit_writer *writer, uint32_t value);
void put_se(struct bit_writer *writer, int32_t value);
/* rbsp_trailing_bits: the writer ends on a byte. */
void put_trailing(struct bit_writer *writer);
/* Copies the first bits of bytes. */
void put_copy(struct bit_writer *writer, const uint8_t *bytes, size_t bits);

void bit_reader_init(struct bit_reader *reader, const uint8_t *bytes, size_t bits);
uint32_t get_bits(struct bit_reader *reader, unsigned int count); /* count 0..32 */
uint32_t get_ue(struct bit_reader *reader);
int32_t get_se(struct bit_reader *reader);

/* Appends rbsp with emulation prevention bytes. */
void nal_escape(GByteArray *to, const uint8_t *rbsp, size_t size);
/* Appends without them; returns how many were taken out. */
size_t nal_unescape(GByteArray *to, const uint8_t *bytes, size_t size);

#endif
