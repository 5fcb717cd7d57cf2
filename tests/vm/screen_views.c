/* screen_views CARD FOLDER: the views of a call on one screen, without a call: a far and an own pattern of 640x360
 * are shown by view_kms from two threads, then frames in dma-bufs (udmabuf-like, from /dev/dma_heap/system). Prints
 * TAP lines without numbers; "kmsdump" must stand beside this program. Run as root in a guest. */
#include <dirent.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "drivers-glue/display_kms.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"

static char *folder, *tools;
static const char *card;
static unsigned int failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok - %s\n", good ? "" : "not ", text);
	failed += !good;
}

/* Number of framebuffers that the kernel holds, by its own list. */
static int framebuffers(void)
{
	g_autofree char *text = NULL;
	int n = 0;
	const char *number = strpbrk(card, "0123456789");
	g_autofree char *file = g_strdup_printf("/sys/kernel/debug/dri/%s/framebuffer", number ? number : "0");
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return -1;
	for (const char *at = text; (at = strstr(at, "framebuffer[")); at++)
		n++;
	return n;
}

static int descriptors(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static bool dump(const char *name, struct picture *ret_picture, char **ret_words)
{
	g_autofree char *file = g_strdup_printf("%s/%s.png", folder, name);
	g_autofree char *program = g_build_filename(tools, "kmsdump", NULL);
	const char *const argv[] = { program, card, file, NULL };
	int status = 1;
	*ret_words = NULL;
	return g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, ret_words, NULL, &status, NULL) && status == 0 &&
	       png_load(file, ret_picture) == 0;
}

/* ---- plain frames from two threads ---- */

struct feed {
	const char *view;
	uint32_t base;
	atomic_bool stop;
	atomic_uint shown;
	int error;
};

static void *feed_thread(void *data)
{
	struct feed *feed = data;
	char why[256] = "";
	struct view *view;
	feed->error = view_kms.open(feed->view, &view, why, sizeof(why));
	if (feed->error < 0) {
		printf("# %s\n", why);
		return NULL;
	}
	for (uint32_t i = 0; !atomic_load(&feed->stop); i++) {
		struct frame *frame;
		struct picture picture;
		const struct pattern_mark mark = { .number = feed->base + i };
		if (frame_new(FRAME_I420, 640, 360, &frame) < 0)
			break;
		frame_picture(frame, &picture);
		pattern_draw(&picture, &mark);
		int r = view_kms.show(view, frame);
		feed->error = r < 0 ? r : feed->error;
		frame_release(frame);
		atomic_fetch_add(&feed->shown, 1);
		g_usleep(33000);
	}
	view_kms.close(view);
	return NULL;
}

/* A part of the screen as a picture of its own. */
static int part_mark(const struct picture *p, int x, int y, int width, int height, struct pattern_mark *ret_mark)
{
	const struct picture part = {
		.width = width, .height = height, .planes = { p->planes[0] + y * p->strides[0] + x },
		.strides = { p->strides[0] },
	};
	return pattern_read(&part, ret_mark);
}

static void wait_shown(struct feed *feed, unsigned int n)
{
	for (int i = 0; i < 400 && atomic_load(&feed->shown) < n; i++)
		g_usleep(20000);
}

static void two_views(void)
{
	g_autofree char *far_view = g_strdup_printf("output=%s,mode=1280x720", card);
	g_autofree char *own_view = g_strdup_printf("inset,size=50,output=%s,mode=1280x720", card);
	struct feed far = { .view = far_view, .base = 1000 }, own = { .view = own_view, .base = 70000 };
	struct pattern_mark a = { 0 }, b = { 0 };
	struct picture p = { 0 };
	g_autofree char *words = NULL;
	int fds = descriptors(), living = frame_living(), buffers = framebuffers();
	GThread *t1 = g_thread_new("far", feed_thread, &far), *t2 = g_thread_new("own", feed_thread, &own);
	wait_shown(&far, 30);
	wait_shown(&own, 30);
	bool dumped = false, far_seen = false, inset = false;
	/* A buffer that is read while it is drawn on again shows two pictures: then another look is taken. */
	for (int i = 0; i < 30 && !(far_seen && inset); i++) {
		g_clear_pointer(&words, g_free);
		dumped = dump("views", &p, &words);
		far_seen = dumped && part_mark(&p, 0, 0, 1280, 720, &a) == 0;
		inset = dumped && part_mark(&p, 1280 - 28 - 640, 720 - 28 - 360, 640, 360, &b) == 0;
	}
	printf("# %s", words ? g_strdelimit(words, "\n", ';') : "");
	puts("");
	check(dumped && p.width == 1280 && p.height == 720, "the screen is %dx%d as wished", p.width, p.height);
	check(far_seen && a.number >= 1000 && a.number < 70000,
	      "the far picture fills it, number %u", a.number);
	check(inset && b.number >= 70000, "the own picture is its inset, number %u", b.number);
	atomic_store(&far.stop, true);
	atomic_store(&own.stop, true);
	g_thread_join(t1);
	g_thread_join(t2);
	check(far.error == 0 && own.error == 0, "no view failed");
	check(frame_living() == living, "frames came home: %d before, %d after", living, frame_living());
	check(descriptors() == fds, "descriptors: %d before, %d after", fds, descriptors());
	check(framebuffers() == buffers, "framebuffers: %d before, %d after", buffers, framebuffers());
	picture_finish(&p);
}

/* ---- frames in dma-bufs ---- */

struct heap_frame {
	struct frame frame;
	int fd;
	void *memory;
	size_t bytes;
};

static void heap_give_back(struct frame *frame)
{
	(void)frame; /* used again by who made it */
}

static int heap_frame_make(struct heap_frame *h, int width, int height, uint32_t number)
{
	static const struct frame_ops ops = { .give_back = heap_give_back };
	struct dma_heap_allocation_data data = { .len = (uint64_t)width * (uint64_t)height * 3 / 2,
						 .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	int r = heap < 0 || ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) < 0 ? -errno : 0;
	if (heap >= 0)
		close(heap);
	if (r < 0)
		return r;
	h->fd = (int)data.fd;
	h->bytes = data.len;
	h->memory = mmap(NULL, h->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
	struct picture p = { 0 };
	picture_init(&p, width, height);
	pattern_draw(&p, &(struct pattern_mark){ .number = number });
	uint8_t *luma = h->memory, *chroma = luma + width * height;
	for (int y = 0; y < height; y++)
		memcpy(luma + y * width, p.planes[0] + y * p.strides[0], (size_t)width);
	for (int y = 0; y < height / 2; y++)
		for (int x = 0; x < width / 2; x++) {
			chroma[y * width + 2 * x] = p.planes[1][y * p.strides[1] + x];
			chroma[y * width + 2 * x + 1] = p.planes[2][y * p.strides[2] + x];
		}
	picture_finish(&p);
	h->frame = (struct frame){
		.format = FRAME_NV12, .width = width, .height = height, .bytes = h->bytes,
		.planes = { luma, chroma }, .strides = { width, width }, .buffer = frame_buffer_new(),
		.dmabuf = { .planes = 2, .fds = { h->fd, h->fd }, .offsets = { 0, (uint32_t)(width * height) },
			    .strides = { (uint32_t)width, (uint32_t)width }, .fourcc = DRM_FORMAT_NV12,
			    .modifier = DRM_FORMAT_MOD_LINEAR },
	};
	frame_begin(&h->frame, &ops, NULL);
	return 0;
}

static double cpu_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static int show_wait(struct display *display, const struct display_scene *scene)
{
	int r = -EAGAIN;
	for (int i = 0; i < 200 && (r = display_show(display, scene)) == -EAGAIN; i++) {
		g_usleep(5000);
		display_dispatch(display);
	}
	for (int i = 0; r == 0 && i < 200 && !display_is_ready(display); i++) {
		g_usleep(5000);
		display_dispatch(display);
	}
	return r;
}

/* width x height on a screen of 1280x720; with an inset or without. */
static void zero_copy(int width, int height, bool inset, bool may_copy)
{
	struct heap_frame frames[3] = { 0 };
	struct display *display = NULL;
	struct display_counts counts = { 0 };
	struct frame *own = NULL;
	struct picture p = { 0 };
	struct pattern_mark mark = { 0 };
	char why[256] = "";
	g_autofree char *words = NULL, *name = g_strdup_printf("dmabuf-%dx%d%s", width, height, inset ? "-inset" : "");
	int fds = descriptors(), buffers = framebuffers(), r = 0;
	for (uint32_t i = 0; i < 3 && r == 0; i++)
		r = heap_frame_make(&frames[i], width, height, 500 + i);
	if (r < 0) {
		printf("ok - %s # SKIP /dev/dma_heap/system: %s\n", name, g_strerror(-r));
		return;
	}
	frame_new(FRAME_I420, 640, 360, &own);
	struct picture own_picture;
	frame_picture(own, &own_picture);
	pattern_draw(&own_picture, &(struct pattern_mark){ .number = 9 });
	r = display_open(card, "1280x720", &display, why, sizeof(why));
	double start_ms = cpu_ms();
	for (int i = 0; i < 30 && r == 0; i++)
		r = show_wait(display, &(struct display_scene){ .main = &frames[i % 3].frame, .inset = inset ? own : NULL,
								.inset_percent = 25 });
	printf("# %s: %.2f ms of this thread's CPU a frame\n", name, (cpu_ms() - start_ms) / 30);
	check(r == 0, "%s: 30 frames were shown%s%s", name, r < 0 ? ": " : "", r < 0 ? g_strerror(-r) : "");
	bool dumped = r == 0 && dump(name, &p, &words);
	printf("# %s\n", words ? g_strdelimit(words, "\n", ';') : "");
	int x = (1280 - width) / 2 & ~1, y = (720 - height) / 2 & ~1;
	bool scaled = width * 720 == height * 1280;
	int seen = !dumped  ? -1
		   : scaled ? part_mark(&p, 0, 0, 1280, 720, &mark)
			    : part_mark(&p, x, y, width, height, &mark);
	check(seen == 0 && mark.number == 502, "%s: the last one is on the screen, number %u", name, mark.number);
	if (display)
		display_counts(display, &counts);
	int held = atomic_load(&frames[2].frame.count);
	check(may_copy || counts.direct == 30, "%s: %d of 30 from their own memory, %d framebuffers kept", name,
	      (int)counts.direct, counts.imports);
	check(counts.direct == 0 || held == 2, "%s: the frame on the screen is held", name);
	display_close(display, 0);
	for (int i = 0; i < 3; i++) {
		check(atomic_load(&frames[i].frame.count) == 1, "%s: frame %d came home", name, i);
		munmap(frames[i].memory, frames[i].bytes);
		close(frames[i].fd);
		frame_release(&frames[i].frame);
	}
	frame_release(own);
	check(descriptors() == fds && framebuffers() == buffers, "%s: descriptors %d/%d, framebuffers %d/%d", name, fds,
	      descriptors(), buffers, framebuffers());
	picture_finish(&p);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 64;
	card = argv[1];
	folder = argv[2];
	tools = g_path_get_dirname(argv[0]);
	two_views();
	bool overlays = argc > 3; /* any third argument: the card has overlays */
	zero_copy(1280, 720, false, false);
	zero_copy(1280, 720, true, !overlays);
	zero_copy(960, 720, false, !overlays);
	zero_copy(640, 360, false, true);
	return failed ? 1 : 0;
}
