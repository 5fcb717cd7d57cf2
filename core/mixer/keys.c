#include "core/mixer/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glib-unix.h>
#include <linux/input.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"

#define LOOK_MS 1000
#define DEVICES "/sys/class/input"

struct key {
	struct keys *keys;
	char *node; /* "event3" */
	int fd;
	guint source;
};

struct keys {
	char *pattern;
	void (*pressed)(void *data);
	void *data;
	GPtrArray *open; /* struct key */
	guint look;
};

static void key_free(void *data)
{
	struct key *key = data;
	if (key->source)
		g_source_remove(key->source);
	close(key->fd);
	g_free(key->node);
	g_free(key);
}

static gboolean on_input(int fd, GIOCondition condition, void *data)
{
	struct key *key = data;
	struct keys *keys = key->keys;
	struct input_event events[32];
	(void)condition;
	ssize_t n = read(fd, events, sizeof(events));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(events[0]); i++)
		if (events[i].type == EV_KEY && events[i].value == 1 &&
		    (events[i].code == KEY_MICMUTE || events[i].code == KEY_MUTE))
			keys->pressed(keys->data);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return G_SOURCE_CONTINUE;
	log_info("mute button: %s has gone", key->node);
	key->source = 0;
	g_ptr_array_remove(keys->open, key);
	return G_SOURCE_REMOVE;
}

static bool is_open(const struct keys *keys, const char *node)
{
	for (unsigned int i = 0; i < keys->open->len; i++)
		if (strcmp(((struct key *)keys->open->pdata[i])->node, node) == 0)
			return true;
	return false;
}

static void try_open(struct keys *keys, const char *node)
{
	g_autofree char *file = g_strdup_printf("%s/%s/device/name", DEVICES, node), *name = NULL;
	g_autofree char *device = g_strdup_printf("/dev/input/%s", node);
	if (!g_file_get_contents(file, &name, NULL, NULL) ||
	    fnmatch(keys->pattern, g_strchomp(name), FNM_CASEFOLD) != 0)
		return;
	int fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		log_once(LOG_LEVEL_WARNING, "mute button: %s (%s): %s%s", device, name, g_strerror(errno),
			 errno == EACCES ? ": add the user to group input" : "");
		return;
	}
	struct key *key = g_new0(struct key, 1);
	*key = (struct key){ .keys = keys, .node = g_strdup(node), .fd = fd };
	key->source = g_unix_fd_add(fd, G_IO_IN | G_IO_ERR | G_IO_HUP, on_input, key);
	g_ptr_array_add(keys->open, key);
	log_info("mute button: %s (%s)", device, name);
}

static gboolean on_look(void *data)
{
	struct keys *keys = data;
	GDir *dir = g_dir_open(DEVICES, 0, NULL);
	for (const char *node; dir && (node = g_dir_read_name(dir));)
		if (g_str_has_prefix(node, "event") && !is_open(keys, node))
			try_open(keys, node);
	if (dir)
		g_dir_close(dir);
	return G_SOURCE_CONTINUE;
}

struct keys *keys_open(const char *pattern, void (*pressed)(void *data), void *data)
{
	struct keys *keys = g_new0(struct keys, 1);
	keys->pattern = g_strdup(pattern);
	keys->pressed = pressed;
	keys->data = data;
	keys->open = g_ptr_array_new_with_free_func(key_free);
	keys->look = g_timeout_add(LOOK_MS, on_look, keys);
	on_look(keys);
	return keys;
}

void keys_close(struct keys *keys)
{
	if (!keys)
		return;
	g_source_remove(keys->look);
	g_ptr_array_free(keys->open, TRUE);
	g_free(keys->pattern);
	g_free(keys);
}
