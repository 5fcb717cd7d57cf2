/* loopback: the smallest provider, to copy: an IM network inside one machine.
 *
 * Each device binds a datagram socket FOLDER/ACCOUNT,DEVICE,BOOT in the folder that the account file's
 * `server` names. To send is to write to every socket whose name begins with the account. There is no server, no secret
 * and no store: a device that is away misses what is said.
 *
 * Threads: command() is called on the host's thread and must not wait, so what a full socket does not take at once is
 * left in a list, and run(), which has the plugin's own thread, tries again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/signalling/provider_abi.h"

#define MESSAGE_BYTES 65536
#define RETRY_MS 5
enum { RETRY = 1, STOP = 1 << 30 }; /* what the eventfd adds up */

/* A message that a full socket did not take. */
struct waiting {
	struct waiting *next;
	struct sockaddr_un to;
	int64_t deadline_ms;
	char event[];
};

struct loopback {
	const struct callbox_host *host;
	char folder[80], account[64], party[80];
	struct sockaddr_un address;
	int fd, wake;
	pthread_mutex_t lock; /* protects waiting and the order of sending */
	struct waiting *waiting;
	char received[MESSAGE_BYTES + 1]; /* run()'s own */
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
	for (struct waiting *w; (w = l->waiting);) {
		l->waiting = w->next;
		free(w);
	}
	pthread_mutex_destroy(&l->lock);
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
	pthread_mutex_init(&l->lock, NULL);
	cJSON *json = cJSON_Parse(config);
	int r = configure(l, json);
	cJSON_Delete(json);
	if (r < 0) {
		loopback_close(l);
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

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int send_one(struct loopback *l, const struct sockaddr_un *to, const char *event)
{
	ssize_t n = sendto(l->fd, event, strlen(event), MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof(*to));
	return n < 0 ? -errno : 0;
}

/* 0: sent, or left for later; else nobody is there. */
static int send_or_keep(struct loopback *l, const struct sockaddr_un *to, const char *event, int64_t deadline_ms)
{
	pthread_mutex_lock(&l->lock);
	/* What waits already goes first, or the order would be lost. */
	int r = l->waiting ? -EAGAIN : send_one(l, to, event);
	struct waiting *w = r == -EAGAIN ? malloc(sizeof(*w) + strlen(event) + 1) : NULL;
	if (w) {
		struct waiting **last = &l->waiting;
		while (*last)
			last = &(*last)->next;
		*w = (struct waiting){ .to = *to, .deadline_ms = deadline_ms };
		memcpy(w->event, event, strlen(event) + 1);
		*last = w;
		r = 0;
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

/* Returns how long to wait for the next try, -1: for ever. */
static int try_again(struct loopback *l)
{
	pthread_mutex_lock(&l->lock);
	for (struct waiting *w; (w = l->waiting);) {
		if (w->deadline_ms > now_ms() && send_one(l, &w->to, w->event) == -EAGAIN)
			break;
		l->waiting = w->next;
		free(w);
	}
	int timeout = l->waiting ? RETRY_MS : -1;
	pthread_mutex_unlock(&l->lock);
	return timeout;
}

static void wake(struct loopback *l, uint64_t why)
{
	if (write(l->wake, &why, sizeof(why)) < 0)
		return; /* already woken */
}

static void loopback_run(void *state)
{
	struct loopback *l = state;
	l->host->status(l->host->data, "online", l->folder, "[\"ring_all\",\"age\",\"ordered\",\"trickle\"]");
	l->host->synced(l->host->data);
	for (;;) {
		struct pollfd fds[2] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->wake, .events = POLLIN } };
		uint64_t why = 0;
		if (poll(fds, 2, try_again(l)) < 0 && errno != EINTR)
			return;
		if (fds[1].revents && read(l->wake, &why, sizeof(why)) > 0 && why >= STOP)
			return;
		ssize_t n = recv(l->fd, l->received, MESSAGE_BYTES, 0);
		if (n > 0) {
			l->received[n] = '\0';
			l->host->event(l->host->data, l->received);
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
	double limit = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(command, "deadline_ms"));
	int64_t deadline_ms = now_ms() + (int64_t)(limit > 0 && limit < 1e12 ? limit : 10000);
	DIR *dir = opendir(l->folder);
	int delivered = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };
		if (!is_meant(e->d_name, text(command, "to_user"), text(command, "to_party")))
			continue;
		if (snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", l->folder, e->d_name) >=
		    (int)sizeof(to.sun_path))
			continue;
		int r = send_or_keep(l, &to, event, deadline_ms);
		delivered += r == 0;
		if (r == -ECONNREFUSED)
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
	wake(l, RETRY);
	l->host->result(l->host->data, id, delivered ? NULL : "away", delivered ? NULL : "no device is there", NULL);
	cJSON_free(printed);
	cJSON_Delete(event);
	cJSON_Delete(command);
}

static void loopback_stop(void *state)
{
	wake(state, STOP);
}

__attribute__((visibility("default"))) extern const struct callbox_provider callbox_provider;
const struct callbox_provider callbox_provider = {
	.abi = CALLBOX_PROVIDER_ABI, .size = sizeof(struct callbox_provider), .name = "loopback",
	.open = loopback_open, .run = loopback_run, .command = loopback_command, .stop = loopback_stop,
	.close = loopback_close,
};
