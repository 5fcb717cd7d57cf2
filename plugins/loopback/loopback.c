/* loopback: the smallest provider, to copy: an IM network inside one machine.
 *
 * Each device binds a datagram socket FOLDER/ACCOUNT,DEVICE,BOOT in the folder that the account file's
 * `server` names. To send is to write to every socket whose name begins with the account. There is no server, no secret
 * and no store: a device that is away misses what is said. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/signalling/provider_abi.h"

#define MESSAGE_BYTES 65536

struct loopback {
	const struct callbox_host *host;
	char folder[80], account[64], party[80];
	struct sockaddr_un address;
	int fd, wake;
};

static const char *text(const cJSON *json, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return value ? value : "";
}

static int say(const struct callbox_host *host, int r, const char *what)
{
	host->log(host->data, 0, what);
	return r;
}

static void loopback_close(void *state)
{
	struct loopback *l = state;
	if (l->fd >= 0) {
		close(l->fd);
		unlink(l->address.sun_path);
	}
	if (l->wake >= 0)
		close(l->wake);
	free(l);
}

static int configure(struct loopback *l, const cJSON *config)
{
	const char *device = text(config, "device"), *boot = text(config, "boot");
	const char *folder = text(cJSON_GetObjectItemCaseSensitive(config, "config"), "server");
	l->address.sun_family = AF_UNIX;
	int a = snprintf(l->folder, sizeof(l->folder), "%s", folder);
	int b = snprintf(l->account, sizeof(l->account), "%s", text(config, "account"));
	int c = snprintf(l->party, sizeof(l->party), "%s:%s", device, boot);
	int d = snprintf(l->address.sun_path, sizeof(l->address.sun_path), "%s/%s,%s,%s", folder, l->account,
			 device, boot);
	if (folder[0] != '/' || strpbrk(l->account, ",/") || strpbrk(device, ",/"))
		return -EINVAL;
	return a < (int)sizeof(l->folder) && b < (int)sizeof(l->account) && c < (int)sizeof(l->party) &&
	       d < (int)sizeof(l->address.sun_path) ? 0 : -ENAMETOOLONG;
}

static int loopback_open(const struct callbox_host *host, const char *config, void **ret_state)
{
	struct loopback *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->host = host;
	l->fd = l->wake = -1;
	cJSON *json = cJSON_Parse(config);
	int r = configure(l, json);
	cJSON_Delete(json);
	if (r < 0) {
		free(l);
		return say(host, r, "conf: server must be the absolute path of a folder, short enough for a socket");
	}
	mkdir(l->folder, 0700);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->wake < 0 || l->fd < 0 || bind(l->fd, (struct sockaddr *)&l->address, sizeof(l->address)) < 0) {
		r = -errno;
		loopback_close(l);
		return say(host, r, "conf: server: the socket cannot be made in that folder");
	}
	*ret_state = l;
	return 0;
}

static void loopback_run(void *state)
{
	struct loopback *l = state;
	static char event[MESSAGE_BYTES + 1];
	l->host->status(l->host->data, "online", l->folder, "[\"ring_all\",\"age\",\"ordered\",\"trickle\"]");
	l->host->synced(l->host->data);
	for (;;) {
		struct pollfd fds[2] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->wake, .events = POLLIN } };
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			return;
		ssize_t n = recv(l->fd, event, MESSAGE_BYTES, 0);
		if (n > 0) {
			event[n] = '\0';
			l->host->event(l->host->data, event);
		}
	}
}

/* Whether NAME (ACCOUNT,DEVICE,BOOT) is meant by user and party. */
static int is_meant(const char *name, const char *user, const char *party)
{
	size_t n = strlen(user);
	char want[160];
	if (strncmp(name, user, n) != 0 || name[n] != ',')
		return 0;
	snprintf(want, sizeof(want), "%s", party);
	char *colon = strrchr(want, ':');
	if (colon)
		*colon = ',';
	return strcmp(party, "*") == 0 || strcmp(name + n + 1, want) == 0;
}

static int deliver(struct loopback *l, const cJSON *command, const char *event)
{
	DIR *dir = opendir(l->folder);
	int delivered = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };
		if (!is_meant(e->d_name, text(command, "to_user"), text(command, "to_party")))
			continue;
		if (snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", l->folder, e->d_name) >=
		    (int)sizeof(to.sun_path))
			continue;
		if (sendto(l->fd, event, strlen(event), MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) >= 0)
			delivered++;
		else if (errno == ECONNREFUSED)
			unlink(to.sun_path); /* its process is gone */
	}
	if (dir)
		closedir(dir);
	return delivered;
}

static void loopback_command(void *state, const char *text_of_command)
{
	struct loopback *l = state;
	cJSON *command = cJSON_Parse(text_of_command);
	uint64_t id = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(command, "id"));
	if (strcmp(text(command, "kind"), "ice_servers") == 0) {
		l->host->result(l->host->data, id, NULL, NULL, "{\"servers\":[]}");
		cJSON_Delete(command);
		return;
	}
	static const char *const copied[] = { "kind", "call_id", "to_party", "seq", "body" };
	cJSON *event = cJSON_CreateObject();
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		cJSON_AddItemToObject(event, copied[i], cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(
									command, copied[i]), 1));
	cJSON_AddStringToObject(event, "from_user", l->account);
	cJSON_AddStringToObject(event, "from_party", l->party);
	cJSON_AddNumberToObject(event, "age_ms", 0);
	cJSON_AddBoolToObject(event, "replay", 0);
	char *printed = cJSON_PrintUnformatted(event);
	int delivered = deliver(l, command, printed);
	l->host->result(l->host->data, id, delivered ? NULL : "away", delivered ? NULL : "no device is there", NULL);
	cJSON_free(printed);
	cJSON_Delete(event);
	cJSON_Delete(command);
}

static void loopback_stop(void *state)
{
	const uint64_t one = 1;
	if (write(((struct loopback *)state)->wake, &one, sizeof(one)) < 0)
		return; /* already woken */
}

__attribute__((visibility("default"))) extern const struct callbox_provider callbox_provider;
const struct callbox_provider callbox_provider = {
	.abi = CALLBOX_PROVIDER_ABI, .size = sizeof(struct callbox_provider), .name = "loopback",
	.open = loopback_open, .run = loopback_run, .command = loopback_command, .stop = loopback_stop,
	.close = loopback_close,
};
