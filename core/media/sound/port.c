#include "core/media/sound/port.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_US 1000000
#define BUSY_RETRY_US 40000 /* who used it until now may be about to leave: another callbox-media */
#define BUSY_PATIENCE_US 1500000
#define LOST_US 500000 /* a device that was lost is left alone for so long */
#define LOOK_MOVES 5 /* between looks whether devices came or went */
#define PRIORITY 5
#define SILENCE_DBFS (-96.0)

struct port {
	const char *kind;
	bool capture;
	struct port_tell tell;
	pthread_mutex_t lock; /* protects wished, changed and stats */
	char *wished;
	bool changed;
	struct port_stats stats;

	/* the thread's own */
	char *wish;
	char choices[SOUND_CHOICES][SOUND_ID];
	unsigned int count, rank; /* rank: which one is open */
	const struct sound_driver *driver;
	struct sound_stream *stream, *silence;
	unsigned int serial, moves, xruns_before;
	uint64_t missed_before;
	struct timespec nodes; /* when /dev/snd changed last */
	int64_t retry_us, busy_since_us, lost_us;
	char lost[SOUND_ID];
	bool was_lost, told_failed;
	double energy;
};

static void told(struct port *port, const char *id, const char *state, const char *text)
{
	port->tell.device(port->kind, id, state, text, port->tell.data);
}

static void id_set(struct port *port, const char *id)
{
	pthread_mutex_lock(&port->lock);
	g_strlcpy(port->stats.id, id, sizeof(port->stats.id));
	pthread_mutex_unlock(&port->lock);
}

void port_close(struct port *port)
{
	if (!port->stream)
		return;
	port->driver->close(port->stream);
	port->stream = NULL;
	port->xruns_before = port->stats.xruns;
	port->missed_before = port->stats.missed;
}

/* ---- choosing ---- */

/* Opens the best one below limit; false: none, and why the first did not. */
static bool choose(struct port *port, unsigned int limit, char why[512], int *ret_error)
{
	int64_t now = g_get_monotonic_time();
	*ret_error = 0;
	for (unsigned int i = 0; i < limit; i++) {
		const char *id = port->choices[i], *address;
		struct sound_stream *stream;
		char text[512] = "";
		if (g_str_equal(id, port->lost) && now - port->lost_us < LOST_US)
			continue;
		const struct sound_driver *driver = sound_driver_find(id, &address, text, sizeof(text));
		int r = driver ? driver->open(address, port->capture, &stream, text, sizeof(text)) : -EINVAL;
		if (r == 0) {
			port_close(port);
			port->driver = driver;
			port->stream = stream;
			port->rank = i;
			port->serial++;
			id_set(port, id);
			return true;
		}
		if (*ret_error == 0 || r == -EBUSY) {
			*ret_error = r;
			g_strlcpy(why, text, 512);
		}
	}
	return false;
}

static void failed(struct port *port, const char *why, int error, int64_t now)
{
	if (error == -EBUSY && port->busy_since_us == 0)
		port->busy_since_us = now;
	if (error == -EBUSY && now - port->busy_since_us < BUSY_PATIENCE_US) {
		port->retry_us = now + BUSY_RETRY_US;
		return;
	}
	if (!port->told_failed && !port->was_lost && error != 0)
		told(port, port->choices[0], "failed", why[0] ? why : "cannot be opened");
	port->told_failed |= error != 0;
}

/* The best device that can be had, if it is better than the present one. */
static void look(struct port *port)
{
	char why[512] = "";
	int error;
	int64_t now = g_get_monotonic_time();
	port->retry_us = now + RETRY_US;
	port->count = sound_devices(port->wish, port->capture, port->choices);
	bool had = port->stream != NULL;
	unsigned int limit = port->count;
	for (unsigned int i = 0; had && i < port->count; i++)
		if (g_str_equal(port->choices[i], port->stats.id))
			limit = i; /* nothing after the one in use */
	if (!choose(port, limit, why, &error)) {
		if (!had)
			failed(port, why, error, now);
		return;
	}
	port->busy_since_us = 0;
	told(port, port->stats.id, had || port->was_lost ? "back" : "opened", port->stats.id);
	port->was_lost = port->told_failed = false;
}

static bool nodes_changed(struct port *port)
{
	struct stat st;
	if (++port->moves % LOOK_MOVES != 0)
		return false;
	if (stat("/dev/snd", &st) < 0)
		memset(&st, 0, sizeof(st));
	bool changed = st.st_mtim.tv_sec != port->nodes.tv_sec || st.st_mtim.tv_nsec != port->nodes.tv_nsec;
	port->nodes = st.st_mtim;
	return changed;
}

/* Looked for: while there is none, and while a better one may come. */
static void find(struct port *port)
{
	bool best = port->stream && port->rank == 0;
	bool changed = nodes_changed(port);
	if (!best && (changed || g_get_monotonic_time() >= port->retry_us))
		look(port);
}

static void lost(struct port *port, int r)
{
	g_autofree char *text = g_strdup_printf("%s %s: %s", port->kind, port->stats.id,
						r == -ENODEV ? "unplugged" : g_strerror(-r));
	port_close(port);
	g_strlcpy(port->lost, port->stats.id, sizeof(port->lost));
	port->lost_us = g_get_monotonic_time();
	port->was_lost = true;
	told(port, port->lost, "lost", text);
	look(port);
}

static void wishes_take(struct port *port)
{
	pthread_mutex_lock(&port->lock);
	bool changed = port->changed;
	if (changed) {
		g_free(port->wish);
		port->wish = g_strdup(port->wished);
		g_strlcpy(port->stats.id, port->wish, sizeof(port->stats.id));
		port->changed = false;
	}
	pthread_mutex_unlock(&port->lock);
	if (!changed)
		return;
	port_close(port);
	port->retry_us = port->busy_since_us = 0;
	port->lost[0] = '\0';
	port->was_lost = port->told_failed = false;
}

/* ---- moving ---- */

static void state_note(struct port *port)
{
	struct sound_state state;
	port->driver->state(port->stream, &state);
	pthread_mutex_lock(&port->lock);
	port->stats.xruns = port->xruns_before + state.xruns;
	port->stats.missed = port->missed_before + state.missed;
	pthread_mutex_unlock(&port->lock);
}

void port_move(struct port *port, int16_t samples[PORT_SAMPLES], bool wanted)
{
	wishes_take(port);
	if (wanted)
		find(port);
	else
		port_close(port);
	if (port->stream) {
		int r = port->capture ? port->driver->read(port->stream, samples, PORT_BLOCKS)
				      : port->driver->write(port->stream, samples, PORT_BLOCKS);
		if (r == 0) {
			state_note(port);
			return;
		}
		lost(port, r);
	}
	if (port->capture)
		sound_null.read(port->silence, samples, PORT_BLOCKS);
	else
		sound_null.write(port->silence, samples, PORT_BLOCKS);
}

bool port_is_live(const struct port *port)
{
	return port->stream && port->driver->live;
}

unsigned int port_state(const struct port *port, unsigned int block, struct sound_state *ret_state)
{
	if (!port->stream)
		return 0;
	port->driver->state(port->stream, ret_state);
	ret_state->moved -= (PORT_BLOCKS - 1 - block) * SOUND_BLOCK;
	return port->serial;
}

void port_level(struct port *port, const int16_t block[SOUND_BLOCK])
{
	double sum = 0;
	for (int i = 0; i < SOUND_BLOCK; i++)
		sum += (double)block[i] * block[i];
	port->energy += (sum / SOUND_BLOCK - port->energy) * 0.1;
	pthread_mutex_lock(&port->lock);
	port->stats.dbfs = port->energy < 1 ? SILENCE_DBFS : 10 * log10(port->energy / (32768.0 * 32768.0));
	pthread_mutex_unlock(&port->lock);
}

void port_hurry(void)
{
	const struct sched_param parameters = { .sched_priority = PRIORITY };
	pthread_setschedparam(pthread_self(), SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters);
}

/* ---- verbs ---- */

int port_create(const char *kind, bool capture, const char *wish, const struct port_tell *tell,
		struct port **ret_port)
{
	char why[64];
	struct sound_stream *silence;
	int r = sound_null.open("", capture, &silence, why, sizeof(why));
	if (r < 0)
		return r;
	struct port *port = g_new0(struct port, 1);
	port->kind = kind;
	port->capture = capture;
	port->tell = *tell;
	port->silence = silence;
	port->wish = g_strdup(wish);
	port->wished = g_strdup(wish);
	port->stats.dbfs = SILENCE_DBFS;
	g_strlcpy(port->stats.id, wish, sizeof(port->stats.id));
	pthread_mutex_init(&port->lock, NULL);
	*ret_port = port;
	return 0;
}

void port_destroy(struct port *port)
{
	if (!port)
		return;
	port_close(port);
	sound_null.close(port->silence);
	g_free(port->wish);
	g_free(port->wished);
	pthread_mutex_destroy(&port->lock);
	g_free(port);
}

void port_wish(struct port *port, const char *wish)
{
	pthread_mutex_lock(&port->lock);
	g_free(port->wished);
	port->wished = g_strdup(wish);
	port->changed = true;
	pthread_mutex_unlock(&port->lock);
}

void port_stats(struct port *port, struct port_stats *ret_stats)
{
	pthread_mutex_lock(&port->lock);
	*ret_stats = port->stats;
	pthread_mutex_unlock(&port->lock);
}
