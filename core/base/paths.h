/* paths: the folders of this installation, each replaceable by an environment variable so that a build
 * tree or a test runs without being installed. Returned strings live as long as the process.
 * Call from any thread after the first call of paths_init(). */
#ifndef CALLBOX_BASE_PATHS_H
#define CALLBOX_BASE_PATHS_H

enum path_folder {
	PATH_RUN,     /* CALLBOX_RUN_DIR: sockets */
	PATH_STATE,   /* CALLBOX_STATE_DIR: history, plugin stores */
	PATH_CONF,    /* CALLBOX_CONF_DIR: callbox.conf, accounts/ */
	PATH_LIBEXEC, /* CALLBOX_LIBEXEC_DIR: programs that callboxd starts */
	PATH_PLUGIN,  /* CALLBOX_PLUGIN_DIR: providers */
	PATH_DATA,    /* CALLBOX_DATA_DIR: call.fsm as shipped */
	PATH_FOLDERS,
};

void paths_init(void);
const char *path_folder(enum path_folder folder);
/* Folder and file joined; caller frees (g_free). */
char *path_join(enum path_folder folder, const char *file);

#endif
