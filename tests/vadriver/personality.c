#include "tests/vadriver/personality.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <va/va.h>

static const struct {
	const char *word;
	size_t offset;
} switches[] = {
	{ "cqp-only", offsetof(struct personality, cqp_only) },
	{ "lp-only", offsetof(struct personality, lp_only) },
	{ "no-derive", offsetof(struct personality, no_derive) },
	{ "odd-pitch", offsetof(struct personality, odd_pitch) },
	{ "no-import", offsetof(struct personality, no_import) },
	{ "no-proc", offsetof(struct personality, no_proc) },
	{ "no-sync-buffer", offsetof(struct personality, no_sync_buffer) },
	{ "no-decode", offsetof(struct personality, no_decode) },
	{ "no-encode", offsetof(struct personality, no_encode) },
	{ "strict-order", offsetof(struct personality, strict_order) },
	{ "segments", offsetof(struct personality, segments) },
};

static const struct {
	const char *word;
	size_t offset;
	unsigned int max;
} numbers[] = {
	{ "packed=", offsetof(struct personality, packed), 31 },
	{ "import-pitch=", offsetof(struct personality, import_pitch), 4096 },
};

static const char *const fault_words[] = {
	[FAULT_ERROR] = "error",
	[FAULT_SILENT_ERROR] = "silent-error",
	[FAULT_HANG] = "hang",
	[FAULT_STUCK] = "stuck",
	[FAULT_LATENCY] = "latency",
	[FAULT_CORRUPT] = "corrupt",
	[FAULT_ABORT] = "abort",
	[FAULT_REFUSE] = "refuse",
};

static const char *const kind_words[] = {
	[CONTEXT_DECODE] = "decode:",
	[CONTEXT_ENCODE] = "encode:",
	[CONTEXT_PROC] = "proc:",
};

static bool personality_word(struct personality *personality, const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(switches); i++) {
		if (strcmp(word, switches[i].word) == 0) {
			*(bool *)((char *)personality + switches[i].offset) = true;
			return true;
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		guint64 value;
		if (!g_str_has_prefix(word, numbers[i].word))
			continue;
		if (!g_ascii_string_to_unsigned(word + strlen(numbers[i].word), 10, 0, numbers[i].max, &value,
				    NULL))
			return false;
		*(unsigned int *)((char *)personality + numbers[i].offset) = (unsigned int)value;
		return true;
	}
	return false;
}

int personality_load(struct personality *personality, const char *words, char **ret_word)
{
	struct personality loaded = {
		.packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE |
				VA_ENC_PACKED_HEADER_SLICE | VA_ENC_PACKED_HEADER_MISC |
				VA_ENC_PACKED_HEADER_RAW_DATA,
		.import_pitch = 2,
	};
	g_auto(GStrv) list = g_strsplit(words != NULL ? words : "", ",", -1);
	for (char **word = list; *word != NULL; word++) {
		if (**word != '\0' && !personality_word(&loaded, *word)) {
			*ret_word = g_strdup(*word);
			return -EINVAL;
		}
	}
	loaded.import_pitch = MAX(loaded.import_pitch, 1);
	*personality = loaded;
	return 0;
}

/* Reads "SIGN number" when SIGN stands at the cursor. */
static bool signed_number(const char **at, const char *sign, unsigned int *ret_value)
{
	char *end;
	if (!g_str_has_prefix(*at, sign))
		return true;
	guint64 value = g_ascii_strtoull(*at + strlen(sign), &end, 10);
	if (end == *at + strlen(sign) || value > 1000000)
		return false;
	*ret_value = (unsigned int)value;
	*at = end;
	return true;
}

static bool fault_word(struct fault *fault, const char *word)
{
	*fault = (struct fault){ .context_kind = -1 };
	for (int kind = 0; kind < CONTEXT_KINDS; kind++) {
		if (g_str_has_prefix(word, kind_words[kind])) {
			fault->context_kind = kind;
			word += strlen(kind_words[kind]);
			break;
		}
	}
	size_t length = strcspn(word, "=@#");
	for (size_t i = 0; i < G_N_ELEMENTS(fault_words); i++) {
		if (strlen(fault_words[i]) != length || strncmp(word, fault_words[i], length) != 0)
			continue;
		fault->kind = (enum fault_kind)i;
		word += length;
		if (!signed_number(&word, "=", &fault->value) || !signed_number(&word, "@", &fault->frame))
			return false;
		fault->onwards = *word == '+';
		word += fault->onwards;
		return signed_number(&word, "#", &fault->context) && *word == '\0';
	}
	return false;
}

int faults_load(struct faults *faults, const char *words, char **ret_word)
{
	struct faults loaded = { .count = 0 };
	g_auto(GStrv) list = g_strsplit(words != NULL ? words : "", ",", -1);
	for (char **word = list; *word != NULL; word++) {
		if (**word == '\0')
			continue;
		if (loaded.count == G_N_ELEMENTS(loaded.list) ||
				!fault_word(&loaded.list[loaded.count], *word)) {
			*ret_word = g_strdup(*word);
			return -EINVAL;
		}
		loaded.count++;
	}
	*faults = loaded;
	return 0;
}

const struct fault *fault_find(const struct faults *faults, enum fault_kind kind,
		enum context_kind context_kind, unsigned int context, unsigned int frame)
{
	for (unsigned int i = 0; i < faults->count; i++) {
		const struct fault *f = &faults->list[i];
		bool frame_met = f->frame == 0 || f->frame == frame || (f->onwards && frame > f->frame);
		if (f->kind == kind && frame_met && (f->context == 0 || f->context == context) &&
				(f->context_kind < 0 || f->context_kind == (int)context_kind))
			return f;
	}
	return NULL;
}
