#include "core/base/sound_cards.h"

#include <errno.h>
#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lowest PCM device of a direction: a folder "pcm0c", "pcm3p". */
static int first_device(const char *folder, char direction)
{
	int least = -1;
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		char *end;
		if (strncmp(name, "pcm", 3) != 0 || !g_ascii_isdigit(name[3]))
			continue;
		long number = strtol(name + 3, &end, 10);
		if (end[0] == direction && end[1] == '\0' && (least < 0 || number < least))
			least = (int)number;
	}
	if (dir)
		g_dir_close(dir);
	return least;
}

/* " 0 [PCH            ]: HDA-Intel - HDA Intel PCH" */
static bool head_parse(const char *line, struct sound_card *card)
{
	char *after;
	long number = strtol(line, &after, 10);
	const char *open = strchr(line, '['), *close = open ? strstr(open, "]: ") : NULL;
	const char *dash = close ? strstr(close, " - ") : NULL;
	if (after == line || number < 0 || number >= SOUND_CARDS_MAX || !dash)
		return false;
	memset(card, 0, sizeof(*card));
	card->number = (int)number;
	g_strlcpy(card->id, open + 1, MIN(sizeof(card->id), (size_t)(close - open)));
	g_strchomp(card->id);
	g_strlcpy(card->driver, close + 3, MIN(sizeof(card->driver), (size_t)(dash - close) - 2));
	g_strlcpy(card->name, dash + 3, sizeof(card->name));
	return true;
}

unsigned int sound_cards_load(const char *proc, struct sound_card cards[SOUND_CARDS_MAX])
{
	unsigned int n = 0;
	g_autofree char *file = g_build_filename(proc, "cards", NULL);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return 0;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line && n < SOUND_CARDS_MAX; line++) {
		struct sound_card *card = &cards[n];
		if (!head_parse(*line, card))
			continue;
		if (line[1])
			g_strlcpy(card->longname, g_strstrip(line[1]), sizeof(card->longname));
		g_autofree char *folder = g_strdup_printf("%s/card%d", proc, card->number);
		card->microphone = first_device(folder, 'c');
		card->speaker = first_device(folder, 'p');
		n++;
	}
	return n;
}

bool sound_card_fits(const struct sound_card *card, const char *pattern)
{
	return fnmatch(pattern, card->id, FNM_CASEFOLD) == 0 || fnmatch(pattern, card->name, FNM_CASEFOLD) == 0 ||
	       fnmatch(pattern, card->longname, FNM_CASEFOLD) == 0;
}

bool sound_card_is_loopback(const struct sound_card *card)
{
	return strcmp(card->driver, "Loopback") == 0;
}

/* The program that holds a substream: "owner_pid   : 123" of its status; NULL: it is free. */
static char *holder_of(const char *file)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL) || g_str_has_prefix(text, "closed"))
		return NULL;
	const char *owner = strstr(text, "owner_pid");
	const char *colon = owner ? strchr(owner, ':') : NULL;
	long pid = colon ? strtol(colon + 1, NULL, 10) : 0;
	g_autofree char *comm = g_strdup_printf("/proc/%ld/comm", pid);
	char *name = NULL;
	if (pid > 0 && g_file_get_contents(comm, &name, NULL, NULL))
		return g_strchomp(name);
	return g_strdup("another program");
}

/* Who uses it, when every substream is in use. */
static char *holder_of_all(const char *pcm)
{
	g_autofree char *holder = NULL;
	for (int i = 0; i < 64; i++) {
		g_autofree char *folder = g_strdup_printf("%s/sub%d", pcm, i);
		g_autofree char *file = g_build_filename(folder, "status", NULL);
		if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
			break;
		char *found = holder_of(file);
		if (!found)
			return NULL;
		g_free(holder);
		holder = found;
	}
	return g_steal_pointer(&holder);
}

bool sound_card_trouble(const char *proc, const struct sound_card *card, bool capture, char *ret_why,
			size_t why_bytes)
{
	int device = capture ? card->microphone : card->speaker;
	char letter = capture ? 'c' : 'p';
	ret_why[0] = '\0';
	if (device < 0) {
		g_strlcpy(ret_why, capture ? "it has no microphone" : "it has no speaker", why_bytes);
		return true;
	}
	g_autofree char *node = g_strdup_printf("/dev/snd/pcmC%dD%d%c", card->number, device, letter);
	if (access(node, R_OK | W_OK) < 0 && errno == EACCES) {
		g_snprintf(ret_why, why_bytes, "no permission for %s: add the user to group audio", node);
		return true;
	}
	g_autofree char *pcm = g_strdup_printf("%s/card%d/pcm%d%c", proc, card->number, device, letter);
	g_autofree char *holder = holder_of_all(pcm);
	if (holder)
		g_snprintf(ret_why, why_bytes, "busy: %s uses it", holder);
	return holder != NULL;
}
