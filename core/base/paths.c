#include "core/base/paths.h"

#include <glib.h>

static const struct { const char *variable, *built_in; } folders[PATH_FOLDERS] = {
	[PATH_RUN] = { "CALLBOX_RUN_DIR", CALLBOX_RUN_DIR },
	[PATH_STATE] = { "CALLBOX_STATE_DIR", CALLBOX_STATE_DIR },
	[PATH_CONF] = { "CALLBOX_CONF_DIR", CALLBOX_CONF_DIR },
	[PATH_LIBEXEC] = { "CALLBOX_LIBEXEC_DIR", CALLBOX_LIBEXEC_DIR },
	[PATH_PLUGIN] = { "CALLBOX_PLUGIN_DIR", CALLBOX_PLUGIN_DIR },
	[PATH_DATA] = { "CALLBOX_DATA_DIR", CALLBOX_DATA_DIR },
};
static const char *chosen[PATH_FOLDERS];

void paths_init(void)
{
	for (int i = 0; i < PATH_FOLDERS; i++) {
		const char *value = g_getenv(folders[i].variable);
		chosen[i] = g_intern_string(value && g_path_is_absolute(value) ? value
										: folders[i].built_in);
	}
}

const char *path_folder(enum path_folder folder)
{
	if (!chosen[folder])
		paths_init();
	return chosen[folder];
}

char *path_join(enum path_folder folder, const char *file)
{
	return g_build_filename(path_folder(folder), file, NULL);
}
