#include "core/base/unit_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/passed_fd.h"

#define RATE_MAX_BPS 200000000
#define LEVEL_MAX 62
#define SLICE_BYTES_MIN 200

enum word { WORD_ARENA = 1, WORD_UNIT, WORD_REQUEST_IDR, WORD_SET_RATE, WORD_SET_CODEC };

struct note {
	uint32_t word, slot, size, rtp_time; /* size: of a unit; of SET_RATE the level, of SET_CODEC that of a slice */
	int64_t capture_us;
	int32_t rate_bps;
	uint32_t keyframe;
	uint32_t codec; /* of WORD_UNIT and WORD_SET_CODEC */
	uint32_t serial; /* of the unit in its slot, from 1 on */
};

struct unit_channel {
	int fd;
	GSource *source;
	const struct unit_channel_ops *ops;
	void *data;
	uint8_t *mine; /* my arena, written */
	uint8_t *copy;
	pthread_mutex_t lock; /* protects what follows up to counts */
	const uint8_t *theirs; /* NULL until it came; set once, by the receiving thread */
	uint32_t serials[UNIT_SLOTS]; /* of the last unit put into each slot; 0: none was */
	struct unit_channel_counts counts;
	bool gone;
};

static int note_send(struct unit_channel *channel, const struct note *note, int fd)
{
	int r = passed_fd_send(channel->fd, note, sizeof(*note), fd);
	return r == -EAGAIN ? -ENOBUFS : r < 0 ? -EPIPE : 0;
}

/* Behind an arena's slots: the serial of the last unit that its maker took from each of the other side's slots. */
static _Atomic uint32_t *taken_of(const uint8_t *arena)
{
	return (_Atomic uint32_t *)(arena + (size_t)UNIT_SLOTS * UNIT_BYTES_MAX);
}

static int arena_make(struct unit_channel *channel)
{
	int fd = memfd_create("callbox-units", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (ftruncate(fd, (off_t)UNIT_ARENA_BYTES) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		r = -errno;
	void *at = r == 0 ? mmap(NULL, UNIT_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (r == 0 && at == MAP_FAILED)
		r = -errno;
	if (r == 0) {
		channel->mine = at;
		const struct note note = { .word = WORD_ARENA };
		r = note_send(channel, &note, fd);
	}
	close(fd);
	return r == -EPIPE ? 0 : r; /* a peer already gone is told by the loop */
}

/* An arena that could shrink under us would kill us with SIGBUS: the seal is checked. */
static bool arena_take(struct unit_channel *channel, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	int seals = fcntl(fd, F_GET_SEALS);
	if (channel->theirs || size != (off_t)UNIT_ARENA_BYTES || seals < 0 || !(seals & F_SEAL_SHRINK))
		return false;
	void *at = mmap(NULL, UNIT_ARENA_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return false;
	pthread_mutex_lock(&channel->lock);
	channel->theirs = at;
	pthread_mutex_unlock(&channel->lock);
	return true;
}

static bool unit_take(struct unit_channel *channel, const struct note *note)
{
	if (!channel->theirs || note->slot >= UNIT_SLOTS || note->size == 0 || note->size > UNIT_BYTES_MAX ||
	    !video_codec_is_known(note->codec))
		return false;
	memcpy(channel->copy, channel->theirs + (size_t)note->slot * UNIT_BYTES_MAX, note->size);
	atomic_store_explicit(&taken_of(channel->mine)[note->slot], note->serial, memory_order_release);
	const struct unit unit = {
		.codec = note->codec, .bytes = channel->copy, .size = note->size, .capture_us = note->capture_us,
		.rtp_time = note->rtp_time, .keyframe = note->keyframe != 0,
	};
	if (channel->ops->unit)
		channel->ops->unit(&unit, channel->data);
	return true;
}

static bool note_take(struct unit_channel *channel, const struct note *note, int fd)
{
	switch (note->word) {
	case WORD_ARENA:
		return fd >= 0 && arena_take(channel, fd);
	case WORD_UNIT:
		return unit_take(channel, note);
	case WORD_REQUEST_IDR:
		if (channel->ops->request_idr)
			channel->ops->request_idr(channel->data);
		return true;
	case WORD_SET_RATE:
		if (note->rate_bps <= 0 || note->rate_bps > RATE_MAX_BPS || note->size > LEVEL_MAX)
			return false;
		if (channel->ops->set_rate)
			channel->ops->set_rate(note->rate_bps, (int)note->size, channel->data);
		return true;
	case WORD_SET_CODEC:
		if (!video_codec_is_known(note->codec) || note->size > UNIT_BYTES_MAX ||
		    (note->size > 0 && note->size < SLICE_BYTES_MIN))
			return false;
		if (channel->ops->set_codec)
			channel->ops->set_codec(note->codec, (int)note->size, channel->data);
		return true;
	default:
		return false;
	}
}

static gboolean on_readable(int socket_fd, GIOCondition condition, void *data)
{
	struct unit_channel *channel = data;
	union passed_fd_space control;
	struct note note;
	struct iovec iov = { .iov_base = &note, .iov_len = sizeof(note) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	(void)condition;
	ssize_t n = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		channel->gone = true;
		if (channel->ops->closed)
			channel->ops->closed(channel->data);
		return G_SOURCE_REMOVE;
	}
	int fd = passed_fd_take(&header);
	bool good = n == sizeof(note) && !(header.msg_flags & MSG_TRUNC) && note_take(channel, &note, fd);
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&channel->lock);
	channel->counts.refused += !good;
	channel->counts.received += good && note.word == WORD_UNIT;
	pthread_mutex_unlock(&channel->lock);
	return G_SOURCE_CONTINUE;
}

int unit_channel_open(int fd, GMainContext *context, const struct unit_channel_ops *ops, void *data,
		      struct unit_channel **ret_channel)
{
	struct unit_channel *channel = g_new0(struct unit_channel, 1);
	channel->fd = fd;
	channel->ops = ops;
	channel->data = data;
	pthread_mutex_init(&channel->lock, NULL);
	channel->copy = g_malloc(UNIT_BYTES_MAX);
	int r = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : arena_make(channel);
	if (r < 0) {
		unit_channel_close(channel);
		return r;
	}
	channel->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_set_callback(channel->source, G_SOURCE_FUNC(on_readable), channel, NULL);
	g_source_set_can_recurse(channel->source, TRUE); /* else GLib wakes itself twice for each unit */
	g_source_attach(channel->source, context);
	*ret_channel = channel;
	return 0;
}

void unit_channel_close(struct unit_channel *channel)
{
	if (!channel)
		return;
	if (channel->source) {
		g_source_destroy(channel->source);
		g_source_unref(channel->source);
	}
	if (channel->fd >= 0)
		close(channel->fd);
	if (channel->mine)
		munmap(channel->mine, UNIT_ARENA_BYTES);
	if (channel->theirs)
		munmap((void *)channel->theirs, UNIT_ARENA_BYTES);
	pthread_mutex_destroy(&channel->lock);
	g_free(channel->copy);
	g_free(channel);
}

/* Under the lock. */
static bool slot_is_free(const struct unit_channel *channel, int slot)
{
	uint32_t last = channel->serials[slot];
	if (last == 0)
		return true;
	return channel->theirs &&
	       atomic_load_explicit(&taken_of(channel->theirs)[slot], memory_order_acquire) == last;
}

/* Under the lock: a free slot; -1 when the peer holds all. */
static int slot_find(const struct unit_channel *channel)
{
	for (int i = 0; i < UNIT_SLOTS; i++)
		if (slot_is_free(channel, i))
			return i;
	return -1;
}

/* Under the lock. Nought is no serial. */
static uint32_t serial_next(const struct unit_channel *channel, int slot)
{
	uint32_t next = channel->serials[slot] + 1;
	return next ? next : 1;
}

int unit_channel_send(struct unit_channel *channel, const struct unit *unit)
{
	if (unit->size == 0 || unit->size > UNIT_BYTES_MAX)
		return -EMSGSIZE;
	if (!video_codec_is_known(unit->codec))
		return -EINVAL;
	pthread_mutex_lock(&channel->lock);
	int slot = slot_find(channel), r = slot < 0 ? -ENOBUFS : 0;
	if (r == 0) {
		memcpy(channel->mine + (size_t)slot * UNIT_BYTES_MAX, unit->bytes, unit->size);
		const struct note note = {
			.word = WORD_UNIT, .slot = (uint32_t)slot, .size = (uint32_t)unit->size,
			.rtp_time = unit->rtp_time, .capture_us = unit->capture_us,
			.keyframe = unit->keyframe, .codec = unit->codec,
			.serial = serial_next(channel, slot),
		};
		r = note_send(channel, &note, -1);
		if (r == 0)
			channel->serials[slot] = note.serial;
	}
	channel->counts.sent += r == 0;
	channel->counts.dropped += r == -ENOBUFS;
	pthread_mutex_unlock(&channel->lock);
	return r;
}

int unit_channel_request_idr(struct unit_channel *channel)
{
	const struct note note = { .word = WORD_REQUEST_IDR };
	return note_send(channel, &note, -1);
}

int unit_channel_set_rate(struct unit_channel *channel, int bits_per_second, int level)
{
	const struct note note = { .word = WORD_SET_RATE, .rate_bps = bits_per_second, .size = (uint32_t)level };
	return note_send(channel, &note, -1);
}

int unit_channel_set_codec(struct unit_channel *channel, enum video_codec codec, int slice_bytes)
{
	const struct note note = { .word = WORD_SET_CODEC, .codec = codec, .size = (uint32_t)slice_bytes };
	return note_send(channel, &note, -1);
}

void unit_channel_counts(struct unit_channel *channel, struct unit_channel_counts *ret_counts)
{
	pthread_mutex_lock(&channel->lock);
	*ret_counts = channel->counts;
	pthread_mutex_unlock(&channel->lock);
}
