/* guest_camera: the V4L2 camera driver on the kernel's own virtual cameras, inside a guest: every format by content,
 * dma-bufs, frames that outlive their camera, descriptors and mappings before and after.
 *
 * usage: guest_camera NODE FORMAT…   FORMAT unplug: NV12 whose device goes while frames are out;
 * prints result lines without numbers */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/devices/convert.h"
#include "core/devices/devices.h"
#include "core/devices/quirks.h"
#include "drivers-glue/drivers.h"
#include "tests/vm/bars.h"

#define HELD 3

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

static unsigned int entries(const char *folder)
{
	unsigned int n = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	while (dir && g_dir_read_name(dir))
		n++;
	if (dir)
		g_dir_close(dir);
	return n;
}

static unsigned int video_mappings(void)
{
	g_autofree char *maps = NULL;
	unsigned int n = 0;
	g_file_get_contents("/proc/self/maps", &maps, NULL, NULL);
	for (const char *at = maps; at && (at = strstr(at, "/dev/video")); at++)
		n++;
	return n;
}

/* Quirks that leave only one format to choose. */
static struct quirks *only(const char *format)
{
	static const char *const all[] = { "NV12", "NM12", "YU12", "YM12", "YV12",
					   "YM21", "YUYV", "UYVY", "MJPG", "JPEG" };
	g_autoptr(GString) text = g_string_new("[driver *]\nskip_formats =");
	g_autofree char *file = NULL, *error = NULL;
	struct quirks *quirks = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		if (!g_str_equal(all[i], format))
			g_string_append_printf(text, " %s", all[i]);
	g_string_append(text, "\n");
	close(g_file_open_tmp("quirks-XXXXXX", &file, NULL));
	g_file_set_contents(file, text->str, -1, NULL);
	if (quirks_load(file, &quirks, &error) < 0)
		g_error("%s", error);
	g_unlink(file);
	return quirks;
}

static struct frame *next_frame(struct camera *camera)
{
	struct frame *frame;
	for (int i = 0; i < 40; i++)
		if (camera_v4l2.next(camera, 500, &frame) == 0)
			return frame;
	return NULL;
}

static int bars_of(struct frame *frame)
{
	struct converter *converter = converter_new();
	struct frame *whole = NULL;
	struct picture picture;
	int right = -1;
	if (convert(converter, frame, frame->width, frame->height, &whole) == 0 &&
	    frame_picture(whole, &picture) == 0)
		right = bars_right(&picture);
	frame_release(whole);
	converter_free(converter);
	return right;
}

/* The exported memory holds what the mapping holds. */
static bool dmabuf_is_same(struct frame *frame)
{
	const struct frame_dmabuf *d = &frame->dmabuf;
	bool same = d->planes > 0;
	for (int i = 0; same && i < d->planes; i++) {
		int rows = i > 0 ? frame->height / 2 : frame->height;
		size_t bytes = (size_t)d->strides[i] * (size_t)rows, whole = d->offsets[i] + bytes;
		struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
		uint8_t *at = mmap(NULL, whole, PROT_READ, MAP_SHARED, d->fds[i], 0);
		if (at == MAP_FAILED)
			return false;
		ioctl(d->fds[i], DMA_BUF_IOCTL_SYNC, &sync);
		same = memcmp(at + d->offsets[i], frame->planes[i], bytes) == 0;
		munmap(at, whole);
	}
	return same;
}

static void vivid_write(const char *what)
{
	g_autofree char *file = g_strdup_printf("/sys/bus/platform/drivers/vivid/%s", what);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "vivid.0", 7) != 7)
		g_error("%s: %s", file, g_strerror(errno));
	close(fd);
}

/* The device goes while frames are out, some of them exported: they stay good and come home. */
static void run_unplug(const char *node)
{
	unsigned int fds = entries("/proc/self/fd"), maps = video_mappings();
	struct quirks *quirks = only("NV12");
	const struct camera_wish wish = { .width = 640, .height = 360, .fps = 25, .quirks = quirks };
	struct camera *camera;
	struct frame *held[HELD], *more;
	char why[256] = "";
	if (camera_v4l2.open(node, &wish, &camera, why, sizeof(why)) < 0)
		g_error("%s", why);
	for (int i = 0; i < HELD; i++)
		held[i] = next_frame(camera);
	int exported = frame_export(held[0]), r = 0;
	vivid_write("unbind");
	for (int i = 0; i < 20 && (r == 0 || r == -ETIMEDOUT); i++)
		if ((r = camera_v4l2.next(camera, 500, &more)) == 0)
			frame_release(more);
	check(r == -ENODEV, "unplug: the camera is lost: %s", g_strerror(-r));
	frame_release(held[2]);
	check(frame_export(held[1]) < 0, "unplug: a dma-buf cannot be had any more");
	camera_v4l2.close(camera);
	check(exported == 0 && dmabuf_is_same(held[0]) && bars_of(held[0]) == 8 && bars_of(held[1]) == 8,
	      "unplug: frames are good after their device has gone, dma-bufs too");
	frame_release(held[0]);
	frame_release(held[1]);
	quirks_free(quirks);
	check(frame_living() == 0 && entries("/proc/self/fd") == fds && video_mappings() == maps,
	      "unplug: home are all frames, %u of %u descriptors", entries("/proc/self/fd"), fds);
	int watch = camera_v4l2.watch();
	struct pollfd news = { .fd = watch, .events = POLLIN };
	gint64 began = g_get_monotonic_time();
	bool came = false;
	vivid_write("bind");
	while (!came && poll(&news, 1, 2000) > 0)
		came = camera_v4l2.came(watch);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", watch), *kind = g_file_read_link(link, NULL);
	check(came, "unplug: a camera that came was told after %.0f ms (%s)",
	      (double)(g_get_monotonic_time() - began) / 1000, kind);
	close(watch);
	const struct camera_wish plain = { .width = 640, .height = 360, .fps = 25 };
	if (camera_v4l2.open(node, &plain, &camera, why, sizeof(why)) < 0)
		g_error("%s", why);
	more = next_frame(camera);
	check(more, "unplug: plugged in again, it gives pictures");
	frame_release(more);
	camera_v4l2.close(camera);
}

static void run(const char *node, const char *format)
{
	unsigned int fds = entries("/proc/self/fd"), maps = video_mappings();
	struct quirks *quirks = only(format);
	struct camera_counts counts = { 0 };
	const struct camera_wish wish = { .width = 640, .height = 360, .fps = 25, .quirks = quirks, .counts = &counts };
	struct camera *camera;
	struct frame *held[HELD] = { NULL };
	char why[256] = "", words[128] = "";
	int r = camera_v4l2.open(node, &wish, &camera, why, sizeof(why));
	if (r < 0) {
		check(false, "%s: %s", format, why);
		quirks_free(quirks);
		return;
	}
	camera_v4l2.describe(camera, words, sizeof(words));
	int64_t last_us = 0;
	unsigned int mapped = video_mappings();
	bool rising = true;
	for (int i = 0; i < 12; i++) {
		struct frame *frame = next_frame(camera);
		rising &= frame && frame->capture_us > last_us && frame->capture_us <= g_get_monotonic_time();
		last_us = frame ? frame->capture_us : 0;
		if (i >= 12 - HELD)
			held[i - (12 - HELD)] = frame;
		else
			frame_release(frame);
	}
	int right = held[0] ? bars_of(held[0]) : -1;
	check(right == 8 && rising, "%s: %d of 8 bars have their colour, capture times rise: %s", format, right, words);
	int exported = held[0] ? frame_export(held[0]) : -ENODATA;
	if (exported == -ENOTSUP)
		printf("# %s: there is no dma-buf of it\n", format);
	else
		check(exported == 0 && dmabuf_is_same(held[0]),
		      "%s: the dma-buf (%d planes, %.4s, stride %u) holds the picture", format,
		      held[0]->dmabuf.planes, (char *)&held[0]->dmabuf.fourcc, held[0]->dmabuf.strides[0]);
	r = camera_v4l2.restart(camera);
	struct frame *after = r == 0 ? next_frame(camera) : NULL;
	check(after && bars_of(held[HELD - 1]) == 8, "%s: restarted while %d frames are out (%s)", format, HELD,
	      g_strerror(-r));
	frame_release(after);
	camera_v4l2.close(camera);
	check(held[1] && bars_of(held[1]) == 8, "%s: a frame is good after its camera was closed", format);
	for (int i = 0; i < HELD; i++)
		frame_release(held[i]);
	quirks_free(quirks);
	check(frame_living() == 0 && entries("/proc/self/fd") == fds && video_mappings() == maps && mapped > maps,
	      "%s: home are all frames, %u of %u descriptors, %u mappings of %u; %.0f pictures, %.0f missing, "
	      "%.0f overtaken",
	      format, entries("/proc/self/fd"), fds, video_mappings(), mapped, (double)counts.pictures,
	      (double)counts.missing, (double)counts.overtaken);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < argc; i++)
		if (g_str_equal(argv[i], "unplug"))
			run_unplug(argv[1]);
		else
			run(argv[1], argv[i]);
	return failed ? 1 : 0;
}
