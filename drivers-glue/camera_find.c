#include "drivers-glue/camera_find.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers-glue/camera_device.h"

#define NODES_MAX 64
#define BY_ID "/dev/v4l/by-id"

/* Whether a link of by-id that fits the glob leads to the node. */
static bool by_id_fits(const char *glob, dev_t node)
{
	bool fits = false;
	DIR *dir = opendir(BY_ID);
	for (const struct dirent *e; dir && !fits && (e = readdir(dir));) {
		char path[300];
		struct stat st;
		snprintf(path, sizeof(path), BY_ID "/%s", e->d_name);
		fits = fnmatch(glob, e->d_name, 0) == 0 && stat(path, &st) == 0 && st.st_rdev == node;
	}
	if (dir)
		closedir(dir);
	return fits;
}

static bool fits(const char *glob, const char *node, const struct camera_device *device)
{
	struct stat st;
	return fnmatch(glob, device->card, 0) == 0 || fnmatch(glob, device->driver, 0) == 0 ||
	       (device->usb[0] && fnmatch(glob, device->usb, 0) == 0) || fnmatch(glob, node, 0) == 0 ||
	       (stat(node, &st) == 0 && by_id_fits(glob, st.st_rdev));
}

/* A camera without a signal is one, too; a busy one, or one without permission, cannot be asked what it is. */
static bool is_camera(const char *glob, const char *node)
{
	struct camera_device device;
	int r = camera_device_open(&device, node, NULL);
	bool good = (r == 0 || r == -ENOLINK) && (!glob || fits(glob, node, &device));
	camera_device_close(&device);
	return good;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int first_camera(const char *glob, char node[CAMERA_NODE_BYTES])
{
	int numbers[NODES_MAX], n = 0, r = -ENOENT;
	DIR *dir = opendir("/dev");
	for (const struct dirent *e; dir && n < NODES_MAX && (e = readdir(dir));) {
		char *end;
		if (strncmp(e->d_name, "video", 5) != 0 || e->d_name[5] < '0' || e->d_name[5] > '9')
			continue;
		long number = strtol(e->d_name + 5, &end, 10);
		if (*end == '\0' && number < 1000)
			numbers[n++] = (int)number;
	}
	if (dir)
		closedir(dir);
	qsort(numbers, (size_t)n, sizeof(numbers[0]), by_number);
	for (int i = 0; r < 0 && i < n; i++) {
		snprintf(node, CAMERA_NODE_BYTES, "/dev/video%d", numbers[i]);
		r = is_camera(glob, node) ? 0 : -ENOENT;
	}
	return r;
}

int camera_node_find(const char *address, char node[CAMERA_NODE_BYTES])
{
	if (strcmp(address, "auto") == 0)
		return first_camera(NULL, node);
	if (strncmp(address, "match:", 6) == 0)
		return first_camera(address + 6, node);
	if (strlen(address) >= CAMERA_NODE_BYTES)
		return -ENOENT;
	memcpy(node, address, strlen(address) + 1);
	return 0;
}
