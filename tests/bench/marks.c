/* marks: the test picture through pipes, for programs that read and write bare I420.
 *
 * usage: marks feed WIDTHxHEIGHT FPS PIPE       a camera: who takes late misses pictures
 *        marks read WIDTHxHEIGHT PIPE           a screen: a sighting for each picture, on the standard output
 *        marks stamp WIDTHxHEIGHT FILM          a film: numbers from 1 on, no times, into a file of bare I420
 *
 * A picture is seen when its mark has come out of the pipe: a writer that buffers may keep its last rows. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers-glue/pace.h"
#include "drivers-glue/pattern.h"
#include "tests/bench/sightings.h"

#define PIPE_BYTES (1 << 20) /* what Linux allows everybody */

static size_t bytes_of(const struct picture *p)
{
	return (size_t)p->width * (size_t)p->height * 3 / 2;
}

static int picture_make(struct picture *p, const char *size)
{
	memset(p, 0, sizeof(*p));
	if (sscanf(size, "%dx%d", &p->width, &p->height) != 2 || p->width < 320 || p->height < 64 ||
	    p->width > PICTURE_SIDE_MAX || p->height > PICTURE_SIDE_MAX || p->width % 2 || p->height % 2)
		return -EINVAL;
	uint8_t *all = malloc(bytes_of(p));
	if (!all)
		return -ENOMEM;
	size_t luma = (size_t)p->width * (size_t)p->height;
	p->planes[0] = all;
	p->planes[1] = all + luma;
	p->planes[2] = all + luma + luma / 4;
	p->strides[0] = p->width;
	p->strides[1] = p->strides[2] = p->width / 2;
	return 0;
}

static int pipe_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		perror(path);
	else
		fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	return fd;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int feed(struct picture *p, int fps, int fd)
{
	int64_t began = pace_now_us();
	for (int64_t number = 0;; number++) {
		int64_t now = pace_now_us(), due = (now - began) * fps / 1000000;
		number = due > number ? due : number;
		pace_sleep_until(began + number * 1000000 / fps);
		const struct pattern_mark mark = { (uint32_t)number + 1, (uint32_t)(pace_now_us() / 1000) };
		pattern_draw(p, &mark);
		if (write_all(fd, p->planes[0], bytes_of(p)) < 0)
			return 0; /* nobody reads any more */
	}
}

static int look(const struct picture *p, int fd)
{
	const size_t mark = (size_t)p->width * (size_t)(p->width / 40 * 2), whole = bytes_of(p);
	for (size_t at = 0;;) {
		ssize_t n = read(fd, p->planes[0] + at, whole - at);
		if (n <= 0 && errno != EINTR)
			return n < 0;
		size_t before = at;
		at += n > 0 ? (size_t)n : 0;
		if (before < mark && at >= mark)
			sighting_write(stdout, p, pace_now_us());
		if (at == whole)
			at = 0;
	}
}

/* The rows of the mark are the test picture's, the others stay the film's. */
static int stamp(struct picture *p, int fd)
{
	const size_t whole = bytes_of(p), row = (size_t)p->width, rows = (size_t)(p->width / 40 & ~1) * 2;
	g_autofree uint8_t *film = g_malloc(whole);
	off_t at = 0;
	for (uint32_t number = 1; pread(fd, film, whole, at) == (ssize_t)whole; number++, at += (off_t)whole) {
		pattern_draw(p, &(const struct pattern_mark){ .number = number });
		memcpy(film, p->planes[0], row * rows);
		for (int i = 1; i < 3; i++)
			memset(film + (p->planes[i] - p->planes[0]), 128, row / 2 * rows / 2);
		if (pwrite(fd, film, whole, at) != (ssize_t)whole)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct picture picture;
	bool feeds = argc == 5 && strcmp(argv[1], "feed") == 0, reads = argc == 4 && strcmp(argv[1], "read") == 0;
	bool stamps = argc == 4 && strcmp(argv[1], "stamp") == 0;
	int fps = feeds ? (int)strtol(argv[3], NULL, 10) : 1;
	if ((!feeds && !reads && !stamps) || fps < 1 || picture_make(&picture, argv[2]) < 0) {
		fputs("usage: marks feed WIDTHxHEIGHT FPS PIPE | read WIDTHxHEIGHT PIPE | stamp WIDTHxHEIGHT FILM\n",
		      stderr);
		return 64;
	}
	int fd = pipe_open(argv[argc - 1], feeds ? O_WRONLY : O_RDWR); /* a reader outlives its writers */
	if (fd < 0)
		return 1;
	return feeds ? feed(&picture, fps, fd) : reads ? look(&picture, fd) : stamp(&picture, fd);
}
