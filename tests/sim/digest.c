#include "tests/sim/digest.h"

#include <string.h>

uint64_t digest_number(uint64_t digest, uint64_t number)
{
	uint64_t z = (digest ^ number) * 0xbf58476d1ce4e5b9;
	return (z ^ (z >> 29)) * 0x94d049bb133111eb + 1;
}

uint64_t digest_text(uint64_t digest, const char *text)
{
	for (const char *c = text; c && *c; c++)
		digest = digest_number(digest, (unsigned char)*c);
	return digest_number(digest, text ? 256 : 257);
}

static uint64_t digest_json(uint64_t digest, const cJSON *json)
{
	for (const cJSON *item = json; item; item = item->next) {
		uint64_t bits;
		memcpy(&bits, &item->valuedouble, sizeof(bits));
		digest = digest_number(digest, item->type & 0xff);
		digest = digest_number(digest, cJSON_IsNumber(item) ? bits : 0);
		digest = digest_text(digest, item->string);
		digest = digest_text(digest, item->valuestring);
		digest = digest_json(digest, item->child);
	}
	return digest_number(digest, json ? 258 : 259);
}

uint64_t digest_output(uint64_t digest, const struct call_output *output)
{
	const char *texts[] = { output->account, output->call_id, output->kind, output->to_user, output->to_party };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		digest = digest_text(digest, texts[i]);
	digest = digest_number(digest, output->type);
	digest = digest_number(digest, output->seq);
	digest = digest_number(digest, (uint64_t)output->deadline_ms);
	digest = digest_number(digest, (output->on ? 4 : 0) + (output->soft ? 2 : 0) + (output->anchor ? 1 : 0));
	digest = digest_number(digest, output->call_type);
	return digest_json(digest, output->json);
}
