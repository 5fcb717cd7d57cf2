#include "drivers-glue/display_kms.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"
#include "drivers-glue/display_kms_buffer.h"
#include "drivers-glue/display_kms_card.h"
#include "drivers-glue/display_kms_draw.h"

#define FLIP_LIMIT_US 1000000
#define IMPORT_AGE_US 2000000
#define BORDER 0x00e8edf2 /* XRGB */

/* One framebuffer on one plane. */
struct placement {
	int plane; /* index into card.planes */
	uint32_t fb;
	int width, height; /* of the framebuffer */
	struct rectangle at;
	bool yuv, full_range;
};

/* What a picture on the screen, or on its way there, keeps from being used otherwise. */
struct kept {
	struct frame *frame;
	struct import *import;
	struct dumb *dumbs[2];
};

struct plan {
	struct placement placements[1 + CARD_OVERLAYS];
	int count;
	struct kept kept;
	bool direct;
};

/* Ways to show a scene, best first. Numbers of overlays; -1: not on one. */
static const struct way {
	bool direct;	  /* main from its own memory */
	int main_overlay; /* -1: on the primary plane */
	int inset_overlay; /* -1: drawn into main's buffer */
} ways[] = {
	{ true, -1, 0 }, { true, 0, 1 }, { false, -1, 0 }, { false, -1, -1 },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* What decides which way a driver takes. */
struct kind {
	int width, height, format, dmabuf, inset, mirror;
	uint64_t modifier;
};

struct display {
	struct card card;
	int hotplug;
	struct dumb_pool pictures, insets;
	struct import_cache imports;
	struct drawer main_drawer, inset_drawer;
	struct kept shown, queued;
	bool flying, needs_mode, is_dark, is_master;
	int64_t flying_us;
	struct kind kind;
	unsigned int way;
	atomic_bool wants_memory;
	struct display_counts counts;
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- what pictures keep ---- */

static void keep_users(struct kept *kept, int change)
{
	if (kept->import)
		kept->import->users += change;
	for (int i = 0; i < 2; i++)
		if (kept->dumbs[i])
			kept->dumbs[i]->users += change;
}

static void kept_release(struct kept *kept)
{
	keep_users(kept, -1);
	frame_release(kept->frame);
	*kept = (struct kept){ 0 };
}

static void flip_done(struct display *display)
{
	kept_release(&display->shown);
	display->shown = display->queued;
	display->queued = (struct kept){ 0 };
	display->flying = false;
}

static void on_flip(int fd, unsigned int sequence, unsigned int s, unsigned int us, unsigned int crtc, void *data)
{
	struct display *display = data;
	(void)fd;
	(void)sequence;
	(void)s;
	(void)us;
	(void)crtc;
	if (display->flying)
		flip_done(display);
}

static void events_read(struct display *display)
{
	drmEventContext context = { .version = 3, .page_flip_handler2 = on_flip };
	struct pollfd poll_fd = { .fd = display->card.fd, .events = POLLIN };
	if (poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & POLLIN)
		drmHandleEvent(display->card.fd, &context);
	if (!display->flying || now_us() - display->flying_us < FLIP_LIMIT_US)
		return;
	log_once(LOG_LEVEL_WARNING, "driver: screen %s: a page flip was not reported within a second",
		 display->card.path);
	flip_done(display);
}

static void flight_wait(struct display *display, int limit_ms)
{
	int64_t end = now_us() + limit_ms * 1000;
	while (display->flying && now_us() < end) {
		struct pollfd poll_fd = { .fd = display->card.fd, .events = POLLIN };
		poll(&poll_fd, 1, 10);
		events_read(display);
	}
	if (display->flying)
		flip_done(display);
}

/* ---- commits ---- */

static void add(drmModeAtomicReq *request, const struct card_plane *plane, enum plane_property property,
		uint64_t value)
{
	if (plane->properties[property])
		drmModeAtomicAddProperty(request, plane->id, plane->properties[property], value);
}

static void add_placement(drmModeAtomicReq *request, const struct card *card, const struct placement *p)
{
	const struct card_plane *plane = &card->planes[p->plane];
	add(request, plane, PLANE_FB_ID, p->fb);
	add(request, plane, PLANE_CRTC_ID, card->crtc);
	add(request, plane, PLANE_SRC_X, 0);
	add(request, plane, PLANE_SRC_Y, 0);
	add(request, plane, PLANE_SRC_W, (uint64_t)p->width << 16);
	add(request, plane, PLANE_SRC_H, (uint64_t)p->height << 16);
	add(request, plane, PLANE_CRTC_X, (uint64_t)p->at.x);
	add(request, plane, PLANE_CRTC_Y, (uint64_t)p->at.y);
	add(request, plane, PLANE_CRTC_W, (uint64_t)p->at.width);
	add(request, plane, PLANE_CRTC_H, (uint64_t)p->at.height);
	if (!p->yuv)
		return;
	add(request, plane, PLANE_COLOR_ENCODING, plane->bt601);
	add(request, plane, PLANE_COLOR_RANGE, p->full_range ? plane->full : plane->limited);
}

/* Planes that this picture does not use show nothing. Cursors are left alone but when the mode is set. */
static void add_planes(drmModeAtomicReq *request, const struct display *display, const struct plan *plan)
{
	const struct card *card = &display->card;
	for (int i = 0; i < card->plane_count; i++) {
		const struct placement *placement = NULL;
		for (int j = 0; j < plan->count; j++)
			if (plan->placements[j].plane == i)
				placement = &plan->placements[j];
		bool ours = i == card->primary || i == card->overlays[0] || i == card->overlays[1];
		if (placement) {
			add_placement(request, card, placement);
		} else if (ours || display->needs_mode) {
			add(request, &card->planes[i], PLANE_FB_ID, 0);
			add(request, &card->planes[i], PLANE_CRTC_ID, 0);
		}
	}
}

static int commit(struct display *display, const struct plan *plan)
{
	const struct card *card = &display->card;
	uint32_t blob = 0, flags = DRM_MODE_PAGE_FLIP_EVENT;
	drmModeAtomicReq *request = drmModeAtomicAlloc();
	if (!request)
		return -ENOMEM;
	add_planes(request, display, plan);
	if (display->needs_mode) {
		drmModeCreatePropertyBlob(card->fd, &card->mode, sizeof(card->mode), &blob);
		drmModeAtomicAddProperty(request, card->connector, card->connector_crtc_id, card->crtc);
		drmModeAtomicAddProperty(request, card->crtc, card->crtc_mode_id, blob);
		drmModeAtomicAddProperty(request, card->crtc, card->crtc_active, 1);
		flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
	} else {
		flags |= DRM_MODE_ATOMIC_NONBLOCK;
	}
	int r = drmModeAtomicCommit(card->fd, request, flags, display);
	drmModeAtomicFree(request);
	if (blob)
		drmModeDestroyPropertyBlob(card->fd, blob);
	return r;
}

/* The plan is on its way: what it keeps stays until the flip after its own. */
static void committed(struct display *display, struct plan *plan)
{
	display->counts.flips++;
	display->counts.direct += plan->direct;
	display->counts.modes += display->needs_mode;
	display->needs_mode = display->is_dark = false;
	display->flying = true;
	display->flying_us = now_us();
	keep_users(&plan->kept, 1);
	display->queued = plan->kept;
	plan->kept = (struct kept){ 0 };
}

/* 0, or why no picture can be given now. */
static int check_ready(struct display *display)
{
	if (!display->is_master)
		return -EACCES;
	if (!display->card.connector)
		return -ENODEV;
	return display->flying ? -EAGAIN : 0;
}

/* ---- plans ---- */

static void place(struct plan *plan, int plane, uint32_t fb, int width, int height, struct rectangle at)
{
	plan->placements[plan->count++] = (struct placement){ .plane = plane, .fb = fb, .width = width,
							      .height = height, .at = at };
}

static struct dumb *full_dumb(struct display *display, struct plan *plan)
{
	int width = display->card.mode.hdisplay, height = display->card.mode.vdisplay;
	struct dumb *dumb = dumb_take(&display->pictures, display->card.fd, width, height);
	if (!dumb)
		return NULL;
	plan->kept.dumbs[0] = dumb;
	place(plan, display->card.primary, dumb->fb, width, height, (struct rectangle){ 0, 0, width, height });
	return dumb;
}

/* Black wherever the picture will not be, unless this buffer has it so already. */
static void bars_draw(struct dumb *dumb, const struct rectangle *at)
{
	const int bars[4] = { at->x, at->y, at->width, at->height };
	if (memcmp(bars, dumb->bars, sizeof(bars)) == 0)
		return;
	memset(dumb->pixels, 0, (size_t)dumb->stride * (size_t)dumb->height);
	memcpy(dumb->bars, bars, sizeof(bars));
}

static uint8_t *pixel(const struct dumb *dumb, int x, int y)
{
	return dumb->pixels + (ptrdiff_t)y * dumb->stride + (ptrdiff_t)x * 4;
}

/* Where the inset is: at bottom right, its border included. */
static struct rectangle inset_place(const struct display *display, const struct display_scene *scene, int *ret_border)
{
	int width = display->card.mode.hdisplay, height = display->card.mode.vdisplay;
	int border = height / 360 * 2 < 2 ? 2 : height / 360 * 2, margin = height / 30 & ~1;
	int w = width * scene->inset_percent / 100, h = height * scene->inset_percent / 100;
	struct rectangle fit = draw_fit(scene->inset->width, scene->inset->height, w < 32 ? 32 : w, h < 32 ? 32 : h);
	fit.width += 2 * border;
	fit.height += 2 * border;
	fit.x = width - margin - fit.width;
	fit.y = height - margin - fit.height;
	*ret_border = border;
	return fit;
}

static int inset_draw(struct display *display, const struct display_scene *scene, struct dumb *dumb, int x, int y,
		      const struct rectangle *at, int border)
{
	const struct rectangle edge = { x, y, at->width, at->height };
	draw_colour(dumb->pixels, dumb->stride, &edge, BORDER);
	return draw_frame(&display->inset_drawer, scene->inset, scene->inset_mirror,
			  pixel(dumb, x + border, y + border), dumb->stride, at->width - 2 * border,
			  at->height - 2 * border);
}

static int plan_inset(struct display *display, const struct display_scene *scene, int overlay, struct plan *plan)
{
	int border;
	struct rectangle at = inset_place(display, scene, &border);
	if (overlay < 0) {
		plan->kept.dumbs[0]->bars[2] = 0; /* what is around the picture is not black now */
		return inset_draw(display, scene, plan->kept.dumbs[0], at.x, at.y, &at, border);
	}
	struct dumb *dumb = dumb_take(&display->insets, display->card.fd, at.width, at.height);
	if (!dumb)
		return -EINVAL;
	plan->kept.dumbs[1] = dumb;
	place(plan, display->card.overlays[overlay], dumb->fb, at.width, at.height, at);
	return inset_draw(display, scene, dumb, 0, 0, &at, border);
}

static int plan_direct(struct display *display, const struct display_scene *scene, int overlay, struct plan *plan)
{
	struct import *import;
	struct frame *frame = scene->main;
	if (!frame || scene->main_mirror)
		return -ENOTSUP;
	int r = import_find(&display->imports, display->card.fd, frame, now_us(), &import);
	if (r < 0)
		return r;
	if (overlay >= 0) {
		struct dumb *black = full_dumb(display, plan);
		if (!black)
			return -ENOMEM;
		bars_draw(black, &(struct rectangle){ 0, 0, 2, 2 });
	}
	int plane = overlay < 0 ? display->card.primary : display->card.overlays[overlay];
	place(plan, plane, import->fb, frame->width, frame->height,
	      draw_fit(frame->width, frame->height, display->card.mode.hdisplay, display->card.mode.vdisplay));
	plan->placements[plan->count - 1].yuv = true;
	plan->placements[plan->count - 1].full_range = frame->full_range;
	plan->kept.import = import;
	plan->kept.frame = frame_hold(frame);
	plan->direct = true;
	return 0;
}

static int plan_drawn(struct display *display, const struct display_scene *scene, struct plan *plan)
{
	struct rectangle at = { 0, 0, 2, 2 };
	struct dumb *dumb = full_dumb(display, plan);
	if (!dumb)
		return -ENOMEM;
	if (scene->main)
		at = draw_fit(scene->main->width, scene->main->height, dumb->width, dumb->height);
	bars_draw(dumb, &at);
	return scene->main ? draw_frame(&display->main_drawer, scene->main, scene->main_mirror,
					pixel(dumb, at.x, at.y), dumb->stride, at.width, at.height)
			   : 0;
}

static bool way_is_there(const struct display *display, const struct way *way, const struct display_scene *scene)
{
	const int *overlays = display->card.overlays;
	return (way->main_overlay < 0 || overlays[way->main_overlay] >= 0) &&
	       (!scene->inset || way->inset_overlay < 0 || overlays[way->inset_overlay] >= 0);
}

static int plan_make(struct display *display, const struct display_scene *scene, const struct way *way,
		     struct plan *plan)
{
	if (!way_is_there(display, way, scene))
		return -ENOTSUP;
	int r = way->direct ? plan_direct(display, scene, way->main_overlay, plan)
			    : plan_drawn(display, scene, plan);
	return r == 0 && scene->inset ? plan_inset(display, scene, way->inset_overlay, plan) : r;
}

/* Pictures of another kind: the ways are tried anew. */
static void kind_note(struct display *display, const struct display_scene *scene)
{
	const struct frame *main = scene->main;
	struct kind kind;
	memset(&kind, 0, sizeof(kind)); /* compared as bytes */
	kind.inset = scene->inset != NULL;
	kind.mirror = scene->main_mirror;
	if (main) {
		kind.width = main->width;
		kind.height = main->height;
		kind.format = (int)main->format;
		kind.dmabuf = main->dmabuf.planes > 0 && main->buffer != 0;
		kind.modifier = kind.dmabuf ? main->dmabuf.modifier : 0;
	}
	if (memcmp(&kind, &display->kind, sizeof(kind)) == 0)
		return;
	display->kind = kind;
	display->way = 0;
}

/* Another way may do where this one was refused. */
static bool is_refusal(int r)
{
	return r == -EINVAL || r == -ERANGE || r == -ENOSPC || r == -ENOTSUP || r == -EOPNOTSUPP || r == -ENOBUFS;
}

int display_show(struct display *display, const struct display_scene *scene)
{
	int r = check_ready(display);
	if (r < 0)
		return r;
	kind_note(display, scene);
	for (r = -ENOTSUP; display->way < WAYS && is_refusal(r); display->way++) {
		struct plan plan = { 0 };
		r = plan_make(display, scene, &ways[display->way], &plan);
		if (r == 0)
			r = commit(display, &plan);
		if (r == 0)
			committed(display, &plan);
		frame_release(plan.kept.frame);
		if (!is_refusal(r))
			break;
	}
	if (display->way == WAYS)
		display->way = WAYS - 1;
	atomic_store(&display->wants_memory, !ways[display->way].direct);
	if (r == -EACCES)
		display->is_master = false;
	import_expire(&display->imports, display->card.fd, now_us(), IMPORT_AGE_US);
	return r;
}

int display_paint(struct display *display, const uint8_t *pixels, int stride)
{
	struct plan plan = { 0 };
	int r = check_ready(display);
	struct dumb *dumb = r == 0 ? full_dumb(display, &plan) : NULL;
	if (!dumb)
		return r < 0 ? r : -ENOMEM;
	for (int y = 0; y < dumb->height; y++)
		memcpy(pixel(dumb, 0, y), pixels + (ptrdiff_t)y * stride, (size_t)dumb->width * 4);
	dumb->bars[2] = 0;
	r = commit(display, &plan);
	if (r == 0)
		committed(display, &plan);
	if (r == -EACCES)
		display->is_master = false;
	return r;
}

int display_blank(struct display *display)
{
	const struct card *card = &display->card;
	flight_wait(display, 100);
	int r = check_ready(display);
	if (r < 0 || display->is_dark)
		return r;
	drmModeAtomicReq *request = drmModeAtomicAlloc();
	if (!request)
		return -ENOMEM;
	drmModeAtomicAddProperty(request, card->crtc, card->crtc_active, 0);
	r = drmModeAtomicCommit(card->fd, request, DRM_MODE_ATOMIC_ALLOW_MODESET, NULL);
	drmModeAtomicFree(request);
	display->is_dark = display->needs_mode = r == 0;
	return r;
}

/* ---- outputs ---- */

static int hotplug_open(void)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool hotplug_read(int fd)
{
	char text[4096];
	bool seen = false;
	if (fd < 0)
		return false;
	for (ssize_t n; (n = recv(fd, text, sizeof(text), 0)) > 0;)
		seen |= memmem(text, (size_t)n, "SUBSYSTEM=drm", 13) != NULL;
	return seen;
}

/* Buffers of the old mode are not needed; the kernel takes them off a screen that still shows them. */
static void output_changed(struct display *display)
{
	char text[512];
	flight_wait(display, 50);
	kept_release(&display->shown);
	display->needs_mode = true;
	memset(&display->kind, 0, sizeof(display->kind));
	display->way = 0;
	display_describe(display, text, sizeof(text));
	log_info("screen: %s", text);
}

bool display_dispatch(struct display *display)
{
	events_read(display);
	if (!hotplug_read(display->hotplug) || !card_probe(&display->card, true))
		return false;
	output_changed(display);
	return true;
}

/* ---- opening, handing on ---- */

int display_check(const char *output, const char *mode, char *why, size_t why_bytes)
{
	return card_check_wish(output, mode, why, why_bytes);
}

int display_open(const char *output, const char *mode, struct display **ret_display, char *why, size_t why_bytes)
{
	struct display *display = calloc(1, sizeof(*display));
	if (!display)
		return -ENOMEM;
	int r = card_open(&display->card, output, mode, why, why_bytes);
	if (r < 0) {
		free(display);
		return r;
	}
	fcntl(display->card.fd, F_SETFL, O_RDWR | O_NONBLOCK);
	display->hotplug = hotplug_open();
	display->is_master = display->needs_mode = true;
	*ret_display = display;
	return 0;
}

static uint32_t primary_fb(const struct display *display)
{
	if (!display->card.connector)
		return 0;
	drmModePlane *plane = drmModeGetPlane(display->card.fd, display->card.planes[display->card.primary].id);
	uint32_t fb = plane ? plane->fb_id : 0;
	drmModeFreePlane(plane);
	return fb;
}

void display_yield(struct display *display)
{
	flight_wait(display, 100);
	if (display->is_master)
		drmDropMaster(display->card.fd);
	display->is_master = false;
}

int display_take(struct display *display)
{
	if (display->is_master)
		return 0;
	if (drmSetMaster(display->card.fd) < 0)
		return errno == EINVAL ? -EBUSY : -errno;
	display->is_master = display->needs_mode = true;
	display->is_dark = false;
	kept_release(&display->shown);
	card_probe(&display->card, false);
	return 0;
}

bool display_is_master(const struct display *display)
{
	return display->is_master;
}

void display_close(struct display *display, int linger_ms)
{
	if (!display)
		return;
	display_yield(display);
	uint32_t ours = primary_fb(display);
	for (int64_t end = now_us() + linger_ms * 1000; ours && now_us() < end && primary_fb(display) == ours;)
		poll(NULL, 0, 5);
	kept_release(&display->shown);
	kept_release(&display->queued);
	import_expire(&display->imports, display->card.fd, now_us(), 0);
	dumb_pool_finish(&display->pictures, display->card.fd);
	dumb_pool_finish(&display->insets, display->card.fd);
	drawer_finish(&display->main_drawer);
	drawer_finish(&display->inset_drawer);
	if (display->hotplug >= 0)
		close(display->hotplug);
	card_close(&display->card);
	free(display);
}

/* ---- questions ---- */

int display_fd(const struct display *display)
{
	return display->card.fd;
}

int display_hotplug_fd(const struct display *display)
{
	return display->hotplug;
}

bool display_is_ready(const struct display *display)
{
	return !display->flying;
}

bool display_size(const struct display *display, int *ret_width, int *ret_height)
{
	if (!display->card.connector)
		return false;
	*ret_width = display->card.mode.hdisplay;
	*ret_height = display->card.mode.vdisplay;
	return true;
}

bool display_wants_memory(const struct display *display)
{
	return atomic_load(&display->wants_memory);
}

void display_counts(const struct display *display, struct display_counts *ret_counts)
{
	*ret_counts = display->counts;
	ret_counts->imports = import_count(&display->imports);
}

void display_describe(const struct display *display, char *text, size_t text_bytes)
{
	const struct card *card = &display->card;
	if (card->connector)
		snprintf(text, text_bytes, "%.60s %dx%d@%u on %.255s", card->connector_name, card->mode.hdisplay,
			 card->mode.vdisplay, card->mode.vrefresh, card->path);
	else
		snprintf(text, text_bytes, "nothing is connected to %.255s", card->path);
}
