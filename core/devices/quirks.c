#include "core/devices/quirks.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define AT(member) offsetof(struct quirk, member)

const struct setting quirk_table[] = {
	{ "skip_formats", SETTING_LIST, AT(skip_formats), NULL, 0, 0, NULL,
	  "Formats, by their V4L2 codes such as NV12, YUYV or MJPG, that the camera offers and must not be asked for." },
	{ "size", SETTING_STRING, AT(size), NULL, 0, 0, NULL,
	  "WIDTHxHEIGHT that is asked for, whatever a call wishes." },
	{ "fps", SETTING_INT, AT(fps), "0", 0, 240, NULL,
	  "Pictures a second that are asked for; 0: as the call wishes." },
	{ "settle_frames", SETTING_INT, AT(settle_frames), "0", 0, 300, NULL,
	  "Pictures that are dropped after each start, while exposure settles." },
	{ "warm_up", SETTING_DURATION_MS, AT(warm_up_ms), "2s", 500, 60000, NULL,
	  "How long the camera may give no picture before it is started anew." },
	{ "ignore_timestamps", SETTING_BOOL, AT(ignore_timestamps), "no", 0, 0, NULL,
	  "Takes the time of arrival for the time of capture." },
	{ "ignore_sequence", SETTING_BOOL, AT(ignore_sequence), "no", 0, 0, NULL,
	  "Does not count gaps in the sequence numbers as lost pictures." },
	{ "expbuf", SETTING_BOOL, AT(expbuf), "yes", 0, 0, NULL,
	  "Whether buffers may go to graphics hardware without a copy." },
	{ "convert", SETTING_BOOL, AT(convert), "no", 0, 0, NULL,
	  "Lets libv4l2 convert the pictures; else that is done only when none of the camera's formats is known." },
	{ "h264", SETTING_BOOL, AT(h264), "no", 0, 0, NULL,
	  "Sends the camera's own H.264 although it cannot be asked for a key frame, because it makes one each few "
	  "seconds." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

static const char *const kinds[] = { "driver", "card", "usb" };

struct section {
	unsigned int kind;
	char *pattern, *lines; /* lines: as many newlines before them as in the file */
};

struct quirks {
	char *file;
	GArray *sections;
};

static void section_clear(void *data)
{
	struct section *section = data;
	g_free(section->pattern);
	g_free(section->lines);
}

void quirks_free(struct quirks *quirks)
{
	if (!quirks)
		return;
	g_array_unref(quirks->sections);
	g_free(quirks->file);
	g_free(quirks);
}

void quirk_clear(struct quirk *quirk)
{
	settings_clear(quirk_table, quirk);
}

int quirk_size_parse(const char *text, int *ret_width, int *ret_height)
{
	char *end;
	gint64 width = g_ascii_strtoll(text, &end, 10), height = *end == 'x' ? g_ascii_strtoll(end + 1, &end, 10) : 0;
	if (*end || width < 16 || height < 16 || width > 4096 || height > 4096)
		return -EINVAL;
	*ret_width = (int)width;
	*ret_height = (int)height;
	return 0;
}

/* A line that begins with "[": 0 and the section it opens, or -EINVAL with the reason. */
static int head_parse(char *line, struct section *section, char **ret_why)
{
	size_t length = strlen(line);
	char *blank = strchr(line, ' ');
	if (length < 2 || line[length - 1] != ']' || !blank) {
		*ret_why = g_strdup("a section is [driver PATTERN], [card PATTERN] or [usb VENDOR:PRODUCT]");
		return -EINVAL;
	}
	line[length - 1] = *blank = '\0';
	char *pattern = g_strstrip(blank + 1);
	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(line + 1, kinds[i]) == 0 && pattern[0]) {
			*section = (struct section){ .kind = i, .pattern = g_strdup(pattern) };
			return 0;
		}
	*ret_why = g_strdup_printf("\"%s\" is none of driver, card, usb, or it has no pattern", line + 1);
	return -EINVAL;
}

/* The last line that sets the key. */
static unsigned int line_of(const char *lines, const char *key)
{
	g_auto(GStrv) list = g_strsplit(lines, "\n", -1);
	unsigned int number = 0;
	for (unsigned int i = 0; list[i]; i++)
		if (g_str_has_prefix(g_strchug(list[i]), key))
			number = i + 1;
	return number;
}

/* Each section is tried on its own, so that the file's mistakes are told when it is loaded. */
static int sections_check(const struct quirks *quirks, char **ret_error)
{
	int r = 0, width, height;
	for (unsigned int i = 0; r == 0 && i < quirks->sections->len; i++) {
		const struct section *section = &g_array_index(quirks->sections, struct section, i);
		struct quirk quirk = { 0 };
		settings_defaults(quirk_table, &quirk);
		r = settings_parse(quirk_table, quirks->file, section->lines, &quirk, ret_error);
		if (r == 0 && quirk.size && quirk_size_parse(quirk.size, &width, &height) < 0) {
			*ret_error = g_strdup_printf("%s:%u: size: \"%s\" is no WIDTHxHEIGHT of 16 to 4096",
						     quirks->file, line_of(section->lines, "size"), quirk.size);
			r = -EINVAL;
		}
		quirk_clear(&quirk);
	}
	return r;
}

static void section_begin(struct quirks *quirks, struct section *section, GString *lines)
{
	if (quirks->sections->len > 0)
		g_array_index(quirks->sections, struct section, quirks->sections->len - 1).lines =
			g_strdup(lines->str);
	for (char *c = lines->str; *c; c++) /* what was said belongs to the section before */
		*c = *c == '\n' ? '\n' : ' ';
	if (section)
		g_array_append_val(quirks->sections, *section);
}

static int lines_parse(struct quirks *quirks, const char *text, char **ret_error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) kept = g_string_new(NULL);
	for (unsigned int i = 0; lines[i]; i++) {
		g_autofree char *line = g_strstrip(g_strdup(lines[i])), *why = NULL;
		struct section section;
		bool head = line[0] == '[', said = line[0] && line[0] != '#';
		if (head && head_parse(line, &section, &why) == 0)
			section_begin(quirks, &section, kept);
		else if (said && !head && quirks->sections->len == 0)
			why = g_strdup("stands before the first [section]");
		if (why) {
			*ret_error = g_strdup_printf("%s:%u: %s: %s", quirks->file, i + 1, lines[i], why);
			return -EINVAL;
		}
		g_string_append_printf(kept, "%s\n", head ? "" : lines[i]);
	}
	section_begin(quirks, NULL, kept);
	return sections_check(quirks, ret_error);
}

int quirks_load(const char *file, struct quirks **ret_quirks, char **ret_error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length = 0;
	if (!g_file_get_contents(file, &text, &length, &error)) {
		*ret_error = g_strdup(error->message);
		return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? -ENOENT : -EIO;
	}
	if (strlen(text) != length || !g_utf8_validate(text, -1, NULL)) {
		*ret_error = g_strdup_printf("%s: not UTF-8 text", file);
		return -EINVAL;
	}
	struct quirks *quirks = g_new0(struct quirks, 1);
	quirks->file = g_strdup(file);
	quirks->sections = g_array_new(FALSE, FALSE, sizeof(struct section));
	g_array_set_clear_func(quirks->sections, section_clear);
	int r = lines_parse(quirks, text, ret_error);
	if (r < 0)
		quirks_free(quirks);
	else
		*ret_quirks = quirks;
	return r;
}

void quirks_find(const struct quirks *quirks, const struct camera_names *names, struct quirk *ret_quirk)
{
	const char *const by_kind[] = { names->driver, names->card, names->usb };
	memset(ret_quirk, 0, sizeof(*ret_quirk));
	settings_defaults(quirk_table, ret_quirk);
	for (unsigned int i = 0; quirks && i < quirks->sections->len; i++) {
		const struct section *section = &g_array_index(quirks->sections, struct section, i);
		g_autofree char *error = NULL;
		if (g_pattern_match_simple(section->pattern, by_kind[section->kind]))
			settings_parse(quirk_table, quirks->file, section->lines, ret_quirk, &error);
	}
}
