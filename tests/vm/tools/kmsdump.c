/* kmsdump CARD OUT.png: what a screen shows, read back from the kernel: the framebuffers of all active planes of the
 * first lit CRTC, lowest first, laid over each other. Needs root. Prints one line a plane; code 2: nothing is lit. */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define PLANES_MAX 32

struct shown {
	uint32_t id, fb;
	uint64_t type, zpos, x, y, width, height;
};

static uint8_t *canvas;
static int canvas_width, canvas_height;

static void properties_read(int fd, struct shown *shown)
{
	struct { const char *name; uint64_t *value; } wanted[] = {
		{ "type", &shown->type }, { "zpos", &shown->zpos }, { "CRTC_X", &shown->x }, { "CRTC_Y", &shown->y },
		{ "CRTC_W", &shown->width }, { "CRTC_H", &shown->height },
	};
	drmModeObjectProperties *all = drmModeObjectGetProperties(fd, shown->id, DRM_MODE_OBJECT_PLANE);
	for (uint32_t i = 0; all && i < all->count_props; i++) {
		drmModePropertyRes *one = drmModeGetProperty(fd, all->props[i]);
		for (size_t j = 0; one && j < sizeof(wanted) / sizeof(wanted[0]); j++)
			if (strcmp(one->name, wanted[j].name) == 0)
				*wanted[j].value = all->prop_values[i];
		drmModeFreeProperty(one);
	}
	drmModeFreeObjectProperties(all);
}

static uint8_t clamp(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5);
}

static void yuv(uint8_t *rgb, int y, int u, int v)
{
	double l = 1.164 * (y - 16);
	rgb[0] = clamp(l + 1.596 * (v - 128));
	rgb[1] = clamp(l - 0.392 * (u - 128) - 0.813 * (v - 128));
	rgb[2] = clamp(l + 2.017 * (u - 128));
}

/* One pixel of a framebuffer whose planes are mapped. */
static void pixel(const drmModeFB2 *fb, uint8_t *const planes[4], uint32_t x, uint32_t y, uint8_t *rgb)
{
	const uint8_t *row = planes[0] + (size_t)y * fb->pitches[0];
	switch (fb->pixel_format) {
	case DRM_FORMAT_NV12: {
		const uint8_t *uv = planes[1] + (size_t)(y / 2) * fb->pitches[1] + (x & ~1u);
		yuv(rgb, row[x], uv[0], uv[1]);
		break;
	}
	case DRM_FORMAT_YUV420:
		yuv(rgb, row[x], planes[1][(size_t)(y / 2) * fb->pitches[1] + x / 2],
		    planes[2][(size_t)(y / 2) * fb->pitches[2] + x / 2]);
		break;
	case DRM_FORMAT_YUYV:
		yuv(rgb, row[x * 2], row[(x & ~1u) * 2 + 1], row[(x & ~1u) * 2 + 3]);
		break;
	default:
		rgb[0] = row[x * 4 + 2];
		rgb[1] = row[x * 4 + 1];
		rgb[2] = row[x * 4];
	}
}

/* Maps plane i of a framebuffer; the mapping lives until this program ends. */
static uint8_t *plane_map(int fd, const drmModeFB2 *fb, int i)
{
	int dmabuf = -1;
	uint32_t rows = i > 0 ? fb->height / 2 : fb->height;
	if (drmPrimeHandleToFD(fd, fb->handles[i], O_RDWR, &dmabuf) < 0)
		return NULL;
	uint8_t *memory = mmap(NULL, fb->offsets[i] + (size_t)fb->pitches[i] * rows, PROT_READ, MAP_SHARED, dmabuf, 0);
	close(dmabuf);
	return memory == MAP_FAILED ? NULL : memory + fb->offsets[i];
}

static int lay(int fd, const struct shown *s)
{
	drmModeFB2 *fb = drmModeGetFB2(fd, s->fb);
	if (!fb)
		return -errno;
	uint8_t *planes[4] = { 0 };
	int n = fb->pixel_format == DRM_FORMAT_NV12 ? 2 : fb->pixel_format == DRM_FORMAT_YUV420 ? 3 : 1;
	for (int i = 0; i < n; i++)
		if (!(planes[i] = plane_map(fd, fb, i)))
			return -EACCES;
	for (uint64_t y = 0; y < s->height; y++)
		for (uint64_t x = 0; x < s->width; x++)
			if (s->x + x < (uint64_t)canvas_width && s->y + y < (uint64_t)canvas_height)
				pixel(fb, planes, (uint32_t)(x * fb->width / s->width),
				      (uint32_t)(y * fb->height / s->height),
				      canvas + ((s->y + y) * (uint64_t)canvas_width + s->x + x) * 3);
	printf("plane %u %s %.4s %ux%u at %d,%d %dx%d\n", s->id,
	       s->type == DRM_PLANE_TYPE_PRIMARY ? "primary" : "overlay", (const char *)&fb->pixel_format, fb->width,
	       fb->height, (int)s->x, (int)s->y, (int)s->width, (int)s->height);
	drmModeFreeFB2(fb);
	return 0;
}

static int by_height(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	int primary = (x->type != DRM_PLANE_TYPE_PRIMARY) - (y->type != DRM_PLANE_TYPE_PRIMARY);
	return primary ? primary : x->zpos != y->zpos ? (x->zpos > y->zpos ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

static int planes_find(int fd, uint32_t crtc, struct shown shown[PLANES_MAX])
{
	int n = 0;
	drmModePlaneRes *all = drmModeGetPlaneResources(fd);
	for (uint32_t i = 0; all && i < all->count_planes && n < PLANES_MAX; i++) {
		drmModePlane *plane = drmModeGetPlane(fd, all->planes[i]);
		if (plane && plane->crtc_id == crtc && plane->fb_id) {
			shown[n] = (struct shown){ .id = plane->plane_id, .fb = plane->fb_id };
			properties_read(fd, &shown[n++]);
		}
		drmModeFreePlane(plane);
	}
	drmModeFreePlaneResources(all);
	qsort(shown, (size_t)n, sizeof(shown[0]), by_height);
	return n;
}

/* A CRTC keeps its mode while it is switched off. */
static bool is_active(int fd, uint32_t crtc)
{
	bool active = false;
	drmModeObjectProperties *all = drmModeObjectGetProperties(fd, crtc, DRM_MODE_OBJECT_CRTC);
	for (uint32_t i = 0; all && i < all->count_props; i++) {
		drmModePropertyRes *one = drmModeGetProperty(fd, all->props[i]);
		active |= one && strcmp(one->name, "ACTIVE") == 0 && all->prop_values[i];
		drmModeFreeProperty(one);
	}
	drmModeFreeObjectProperties(all);
	return active;
}

int main(int argc, char **argv)
{
	struct shown shown[PLANES_MAX];
	int fd = argc == 3 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0) {
		fprintf(stderr, "kmsdump CARD OUT.png: %s\n", argc == 3 ? strerror(errno) : "two arguments are needed");
		return 64;
	}
	drmSetClientCap(fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1);
	drmSetClientCap(fd, DRM_CLIENT_CAP_ATOMIC, 1);
	drmDropMaster(fd); /* where nobody was it: we do not want to be */
	drmModeRes *resources = drmModeGetResources(fd);
	drmModeCrtc *crtc = NULL;
	for (int i = 0; resources && i < resources->count_crtcs && !(crtc && crtc->mode_valid); i++) {
		drmModeFreeCrtc(crtc);
		crtc = drmModeGetCrtc(fd, resources->crtcs[i]);
	}
	drmModeFreeResources(resources);
	int n = crtc && crtc->mode_valid && is_active(fd, crtc->crtc_id) ? planes_find(fd, crtc->crtc_id, shown) : 0;
	if (n == 0) {
		printf("dark\n");
		drmModeFreeCrtc(crtc);
		return 2;
	}
	canvas_width = crtc->mode.hdisplay;
	canvas_height = crtc->mode.vdisplay;
	canvas = calloc((size_t)canvas_width * (size_t)canvas_height, 3);
	printf("crtc %u: %s\n", crtc->crtc_id, crtc->mode.name);
	for (int i = 0; i < n; i++) {
		int r = lay(fd, &shown[i]);
		if (r < 0)
			printf("plane %u: %s\n", shown[i].id, strerror(-r));
	}
	png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)canvas_width,
			    .height = (png_uint_32)canvas_height, .format = PNG_FORMAT_RGB,
			    .flags = PNG_IMAGE_FLAG_FAST };
	int written = png_image_write_to_file(&image, argv[2], 0, canvas, canvas_width * 3, NULL);
	free(canvas);
	drmModeFreeCrtc(crtc);
	return written ? 0 : 1;
}
