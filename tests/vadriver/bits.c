#include "tests/vadriver/bits.h"

void bit_writer_init(struct bit_writer *writer)
{
	*writer = (struct bit_writer){ .room = 4096, .bytes = g_malloc(4096) };
}

void bit_writer_finish(struct bit_writer *writer)
{
	g_clear_pointer(&writer->bytes, g_free);
}

size_t bit_writer_bits(const struct bit_writer *writer)
{
	return writer->size * 8 + writer->cached;
}

void put_bits(struct bit_writer *writer, uint32_t value, unsigned int count)
{
	if (count == 0)
		return;
	uint64_t mask = (UINT64_C(1) << count) - 1;
	writer->cache = writer->cache << count | (value & mask);
	writer->cached += count;
	if (writer->size + 8 > writer->room) {
		writer->room *= 2;
		writer->bytes = g_realloc(writer->bytes, writer->room);
	}
	while (writer->cached >= 8) {
		writer->cached -= 8;
		writer->bytes[writer->size++] = (uint8_t)(writer->cache >> writer->cached);
	}
}

void put_ue(struct bit_writer *writer, uint32_t value)
{
	uint32_t plus = value + 1;
	unsigned int length = 32 - (unsigned int)__builtin_clz(plus);
	put_bits(writer, 0, length - 1);
	put_bits(writer, plus, length);
}

void put_se(struct bit_writer *writer, int32_t value)
{
	put_ue(writer, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

void put_trailing(struct bit_writer *writer)
{
	put_bits(writer, 1, 1);
	put_bits(writer, 0, (8 - writer->cached) % 8);
}

void put_copy(struct bit_writer *writer, const uint8_t *bytes, size_t bits)
{
	size_t byte;
	for (byte = 0; byte < bits / 8; byte++)
		put_bits(writer, bytes[byte], 8);
	unsigned int rest = bits % 8;
	if (rest != 0)
		put_bits(writer, bytes[byte] >> (8 - rest), rest);
}

void bit_reader_init(struct bit_reader *reader, const uint8_t *bytes, size_t bits)
{
	*reader = (struct bit_reader){ .bytes = bytes, .bits = bits };
}

uint32_t get_bits(struct bit_reader *reader, unsigned int count)
{
	uint32_t value = 0;
	for (; count > 0; count--) {
		if (reader->at >= reader->bits) {
			reader->over = true;
			return 0;
		}
		value = value << 1 | (reader->bytes[reader->at / 8] >> (7 - reader->at % 8) & 1u);
		reader->at++;
	}
	return value;
}

uint32_t get_ue(struct bit_reader *reader)
{
	unsigned int zeros = 0;
	while (!reader->over && get_bits(reader, 1) == 0)
		zeros++;
	if (reader->over || zeros > 31) {
		reader->over = true;
		return 0;
	}
	return (UINT32_C(1) << zeros) - 1 + get_bits(reader, zeros);
}

int32_t get_se(struct bit_reader *reader)
{
	uint32_t code = get_ue(reader);
	return code & 1 ? (int32_t)(code / 2) + 1 : -(int32_t)(code / 2);
}

void nal_escape(GByteArray *to, const uint8_t *rbsp, size_t size)
{
	unsigned int zeros = 0;
	size_t from = 0;
	for (size_t i = 0; i < size; i++) {
		if (zeros >= 2 && rbsp[i] <= 3) {
			const uint8_t prevention = 3;
			g_byte_array_append(to, rbsp + from, (guint)(i - from));
			g_byte_array_append(to, &prevention, 1);
			from = i;
			zeros = 0;
		}
		zeros = rbsp[i] == 0 ? zeros + 1 : 0;
	}
	g_byte_array_append(to, rbsp + from, (guint)(size - from));
}

size_t nal_unescape(GByteArray *to, const uint8_t *bytes, size_t size)
{
	unsigned int zeros = 0;
	size_t from = 0, taken = 0;
	for (size_t i = 0; i < size; i++) {
		if (zeros >= 2 && bytes[i] == 3) {
			g_byte_array_append(to, bytes + from, (guint)(i - from));
			from = i + 1;
			zeros = 0;
			taken++;
			continue;
		}
		zeros = bytes[i] == 0 ? zeros + 1 : 0;
	}
	g_byte_array_append(to, bytes + from, (guint)(size - from));
	return taken;
}
