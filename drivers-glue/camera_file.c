/* camera_file: a YUV4MPEG2 file (C420, progressive) that plays for ever as a camera, at its own speed or the wish's,
 * whichever is lower. Who takes late misses pictures, as with any camera. The file is mapped, and pictures are handed out
 * where they lie in it: it must not shrink, nor change, while it plays. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/devices/camera.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/pace.h"

#define HEADER_MAX 1024
#define PICTURES_MAX 100000
#define RATE_MAX 240

/* The mapping: the camera's and of all its pictures that are still under way. */
struct film {
	uint8_t *file;
	size_t bytes;
	atomic_int count;
};

struct camera {
	struct film *film;
	int width, height, rate_num, rate_den; /* pictures a second: num / den */
	int fps;			       /* handed out at most */
	size_t *pictures;		       /* where each one's luma begins */
	unsigned int count;
	struct camera_counts *counts;
	int64_t began_us, next_us, last; /* last: number of the picture handed out, of the endless film */
};

/* One word of the header. False: *ret_wrong says what is not played. */
static bool header_word(struct camera *c, const char *word, const char **ret_wrong)
{
	switch (word[0]) {
	case 'W':
		c->width = atoi(word + 1);
		break;
	case 'H':
		c->height = atoi(word + 1);
		break;
	case 'F':
		if (sscanf(word + 1, "%d:%d", &c->rate_num, &c->rate_den) != 2)
			*ret_wrong = "F: not pictures:seconds";
		break;
	case 'I':
		if (word[1] != 'p' && word[1] != '?')
			*ret_wrong = "I: interlaced";
		break;
	case 'C':
		if (strncmp(word + 1, "420", 3) != 0 || word[4] == 'p')
			*ret_wrong = "C: not 8 bits of 4:2:0";
		break;
	default:
		break;
	}
	return !*ret_wrong;
}

/* Length of the header line; 0 with the reason. */
static size_t header_read(struct camera *c, const char **ret_wrong)
{
	static const char magic[] = "YUV4MPEG2 ";
	char line[HEADER_MAX], *rest = NULL;
	const uint8_t *end = memchr(c->film->file, '\n', c->film->bytes < HEADER_MAX ? c->film->bytes : HEADER_MAX);
	if (!end || c->film->bytes < sizeof(magic) || memcmp(c->film->file, magic, sizeof(magic) - 1) != 0) {
		*ret_wrong = "not a YUV4MPEG2 file";
		return 0;
	}
	size_t length = (size_t)(end - c->film->file);
	memcpy(line, c->film->file, length);
	line[length] = '\0';
	for (char *word = strtok_r(line + sizeof(magic) - 1, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!header_word(c, word, ret_wrong))
			return 0;
	if (c->width < 16 || c->height < 16 || c->width > PICTURE_SIDE_MAX || c->height > PICTURE_SIDE_MAX ||
	    c->width % 2 || c->height % 2)
		*ret_wrong = "W or H: not even, or out of range";
	else if (c->rate_den < 1 || c->rate_num < c->rate_den || c->rate_num / c->rate_den > RATE_MAX)
		*ret_wrong = "F: below 1 or above 240 pictures a second";
	return *ret_wrong ? 0 : length + 1;
}

/* A picture that was cut off at the end is left out. */
static void pictures_find(struct camera *c, size_t at)
{
	const size_t size = (size_t)c->width * (size_t)c->height * 3 / 2;
	const uint8_t *file = c->film->file;
	while (c->count < PICTURES_MAX && at + 6 + size <= c->film->bytes && memcmp(file + at, "FRAME", 5) == 0) {
		size_t room = c->film->bytes - at;
		const uint8_t *end = memchr(file + at, '\n', room < HEADER_MAX ? room : HEADER_MAX);
		if (!end || (size_t)(end + 1 - file) + size > c->film->bytes)
			return;
		c->pictures[c->count++] = (size_t)(end + 1 - file);
		at = c->pictures[c->count - 1] + size;
	}
}

static struct film *film_hold(struct film *film)
{
	atomic_fetch_add(&film->count, 1);
	return film;
}

static void film_release(struct film *film)
{
	if (!film || atomic_fetch_sub(&film->count, 1) != 1)
		return;
	if (film->file)
		munmap(film->file, film->bytes);
	free(film);
}

static int film_map(struct film *film, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		r = -EINVAL;
	} else {
		film->bytes = (size_t)st.st_size;
		film->file = mmap(NULL, film->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (film->file == MAP_FAILED) {
			r = -errno;
			film->file = NULL;
		}
	}
	close(fd);
	return r;
}

static void file_close(struct camera *c)
{
	film_release(c->film);
	free(c->pictures);
	free(c);
}

/* A camera without a film yet; NULL: no memory. */
static struct camera *camera_create(void)
{
	struct camera *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->pictures = calloc(PICTURES_MAX, sizeof(c->pictures[0]));
	c->film = calloc(1, sizeof(*c->film));
	if (c->film)
		atomic_store(&c->film->count, 1);
	if (c->pictures && c->film)
		return c;
	file_close(c);
	return NULL;
}

static int file_open(const char *address, const struct camera_wish *wish, struct camera **ret_camera, char *why,
		     size_t why_bytes)
{
	const char *wrong = NULL;
	struct camera *c = camera_create();
	if (!c)
		return -ENOMEM;
	int r = film_map(c->film, address);
	size_t header = r < 0 ? 0 : header_read(c, &wrong);
	if (header)
		pictures_find(c, header);
	if (r < 0 || wrong || c->count == 0) {
		snprintf(why, why_bytes, "file: %s: %s", address, r < 0 ? strerror(-r) : wrong ? wrong : "no picture");
		file_close(c);
		return r < 0 ? r : -EINVAL;
	}
	int own = c->rate_num / c->rate_den;
	c->fps = wish->fps > 0 && wish->fps < own ? wish->fps : own;
	c->counts = wish->counts;
	c->began_us = c->next_us = pace_now_us();
	c->last = -1;
	*ret_camera = c;
	return 0;
}

static void picture_give_back(struct frame *frame)
{
	film_release(frame->owner);
	free(frame);
}

static const struct frame_ops picture_ops = { .give_back = picture_give_back };

/* The picture of this number, where it lies. */
static int picture_frame(struct camera *c, struct frame **ret_frame)
{
	size_t luma = (size_t)c->width * (size_t)c->height;
	struct frame *frame = calloc(1, sizeof(*frame));
	if (!frame)
		return -ENOMEM;
	frame->format = FRAME_I420;
	frame->width = c->width;
	frame->height = c->height;
	frame->bytes = luma * 3 / 2;
	frame->strides[0] = c->width;
	frame->strides[1] = frame->strides[2] = c->width / 2;
	frame->planes[0] = c->film->file + c->pictures[c->last % c->count];
	frame->planes[1] = frame->planes[0] + luma;
	frame->planes[2] = frame->planes[1] + luma / 4;
	frame_begin(frame, &picture_ops, film_hold(c->film));
	*ret_frame = frame;
	return 0;
}

static int file_next(struct camera *c, int timeout_ms, struct frame **ret_frame)
{
	int64_t now = pace_now_us();
	if (c->next_us - now > (int64_t)timeout_ms * 1000) {
		pace_sleep_until(now + (int64_t)timeout_ms * 1000);
		return -ETIMEDOUT;
	}
	pace_sleep_until(c->next_us);
	now = pace_now_us();
	int64_t due = (int64_t)((double)(now - c->began_us) * c->rate_num / c->rate_den / 1e6);
	if (c->counts && c->fps == c->rate_num / c->rate_den && due > c->last + 1)
		c->counts->overtaken += (uint64_t)(due - c->last - 1);
	c->last = due;
	c->next_us += 1000000 / c->fps;
	if (c->next_us < now) /* no burst to catch up */
		c->next_us = now + 1000000 / c->fps;
	int r = picture_frame(c, ret_frame);
	if (r < 0)
		return r;
	(*ret_frame)->capture_us = now;
	if (c->counts)
		c->counts->pictures++;
	return 0;
}

static void file_describe(const struct camera *c, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%dx%d %d fps, a film of %u pictures", c->width, c->height, c->fps, c->count);
}

const struct camera_driver camera_file = {
	.name = "file", .open = file_open, .next = file_next, .describe = file_describe, .close = file_close,
};
