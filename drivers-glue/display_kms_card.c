#include "drivers-glue/display_kms_card.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"

/* ---- wishes ---- */

static int parse_mode(const char *text, struct card *card, char *why, size_t why_bytes)
{
	int width = 0, height = 0, hz = 0, end = 0;
	if (strcmp(text, "preferred") == 0 || text[0] == '\0')
		return 0;
	int n = sscanf(text, "%5dx%5d%n@%3d%n", &width, &height, &end, &hz, &end);
	if (n < 2 || text[end] != '\0' || width < 16 || height < 16 || hz < 0) {
		snprintf(why, why_bytes, "conf: screen mode \"%s\": preferred, WIDTHxHEIGHT or WIDTHxHEIGHT@HERTZ "
			 "is needed", text);
		return -EINVAL;
	}
	card->mode_wish.width = width;
	card->mode_wish.height = height;
	card->mode_wish.hz = hz;
	return 0;
}

static void card_path(const char *name, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s%s", name[0] == '/' ? "" : "/dev/dri/", name);
}

/* A file name may hold colons: what is a file as a whole has no connector behind it. */
static int parse_output(const char *text, struct card *card, char *why, size_t why_bytes)
{
	card->path[0] = card->connector_wish[0] = '\0';
	if (strcmp(text, "auto") == 0 || text[0] == '\0')
		return 0;
	card_path(text, card->path, sizeof(card->path));
	const char *colon = strrchr(card->path, ':');
	if (!colon || access(card->path, F_OK) == 0)
		return 0;
	if (colon[1] == '\0' || strlen(colon + 1) >= sizeof(card->connector_wish)) {
		snprintf(why, why_bytes, "conf: screen \"%s\": auto, CARD or CARD:CONNECTOR is needed, for example "
			 "card0:HDMI-A-1", text);
		return -EINVAL;
	}
	strcpy(card->connector_wish, colon + 1);
	card->path[colon - card->path] = '\0';
	return 0;
}

int card_check_wish(const char *output, const char *mode, char *why, size_t why_bytes)
{
	struct card card = { .fd = -1 };
	int r = parse_output(output, &card, why, why_bytes);
	return r < 0 ? r : parse_mode(mode, &card, why, why_bytes);
}

/* ---- properties ---- */

/* Number and, where wanted, present value and values of an enumeration. */
static uint32_t property(int fd, const drmModeObjectProperties *all, const char *name, uint64_t *ret_value,
			 drmModePropertyPtr *ret_property)
{
	for (uint32_t i = 0; all && i < all->count_props; i++) {
		drmModePropertyPtr one = drmModeGetProperty(fd, all->props[i]);
		if (!one)
			continue;
		uint32_t id = strcmp(one->name, name) == 0 ? one->prop_id : 0;
		if (id && ret_value)
			*ret_value = all->prop_values[i];
		if (id && ret_property)
			*ret_property = one;
		else
			drmModeFreeProperty(one);
		if (id)
			return id;
	}
	return 0;
}

static uint32_t property_of(int fd, uint32_t object, uint32_t type, const char *name)
{
	drmModeObjectProperties *all = drmModeObjectGetProperties(fd, object, type);
	uint32_t id = property(fd, all, name, NULL, NULL);
	drmModeFreeObjectProperties(all);
	return id;
}

static uint64_t enum_value(drmModePropertyPtr p, const char *name, uint64_t otherwise)
{
	for (int i = 0; p && i < p->count_enums; i++)
		if (strcmp(p->enums[i].name, name) == 0)
			return p->enums[i].value;
	return otherwise;
}

static void plane_colours(int fd, const drmModeObjectProperties *all, struct card_plane *plane)
{
	drmModePropertyPtr encoding = NULL, range = NULL;
	plane->properties[PLANE_COLOR_ENCODING] = property(fd, all, "COLOR_ENCODING", NULL, &encoding);
	plane->properties[PLANE_COLOR_RANGE] = property(fd, all, "COLOR_RANGE", NULL, &range);
	plane->bt601 = enum_value(encoding, "ITU-R BT.601 YCbCr", 0);
	plane->limited = enum_value(range, "YCbCr limited range", 0);
	plane->full = enum_value(range, "YCbCr full range", 1);
	drmModeFreeProperty(encoding);
	drmModeFreeProperty(range);
}

static void plane_read(int fd, uint32_t id, struct card_plane *plane)
{
	static const char *const names[] = {
		[PLANE_FB_ID] = "FB_ID", [PLANE_CRTC_ID] = "CRTC_ID", [PLANE_SRC_X] = "SRC_X",
		[PLANE_SRC_Y] = "SRC_Y", [PLANE_SRC_W] = "SRC_W", [PLANE_SRC_H] = "SRC_H",
		[PLANE_CRTC_X] = "CRTC_X", [PLANE_CRTC_Y] = "CRTC_Y", [PLANE_CRTC_W] = "CRTC_W",
		[PLANE_CRTC_H] = "CRTC_H",
	};
	drmModeObjectProperties *all = drmModeObjectGetProperties(fd, id, DRM_MODE_OBJECT_PLANE);
	*plane = (struct card_plane){ .id = id };
	for (int i = 0; i <= PLANE_CRTC_H; i++)
		plane->properties[i] = property(fd, all, names[i], NULL, NULL);
	property(fd, all, "type", &plane->type, NULL);
	property(fd, all, "zpos", &plane->zpos, NULL);
	plane_colours(fd, all, plane);
	drmModeFreeObjectProperties(all);
}

/* ---- the output ---- */

static void planes_read(struct card *card, int crtc_index)
{
	drmModePlaneRes *all = drmModeGetPlaneResources(card->fd);
	int overlays = 0;
	card->plane_count = 0;
	card->primary = card->overlays[0] = card->overlays[1] = -1;
	for (uint32_t i = 0; all && i < all->count_planes && card->plane_count < CARD_PLANES_MAX; i++) {
		drmModePlane *plane = drmModeGetPlane(card->fd, all->planes[i]);
		bool usable = plane && (plane->possible_crtcs & (1u << crtc_index));
		drmModeFreePlane(plane);
		if (!usable)
			continue;
		struct card_plane *p = &card->planes[card->plane_count];
		plane_read(card->fd, all->planes[i], p);
		if (p->type == DRM_PLANE_TYPE_PRIMARY && card->primary < 0)
			card->primary = card->plane_count;
		else if (p->type == DRM_PLANE_TYPE_OVERLAY && overlays < CARD_OVERLAYS)
			card->overlays[overlays++] = card->plane_count;
		card->plane_count++;
	}
	drmModeFreePlaneResources(all);
	int a = card->overlays[0], b = card->overlays[1];
	if (overlays == 2 && card->planes[a].zpos > card->planes[b].zpos) {
		card->overlays[0] = b;
		card->overlays[1] = a;
	}
}

/* The index of the CRTC for a connector: the one that it has, else the first that it may have; -1: none. */
static int crtc_for(int fd, const drmModeRes *resources, const drmModeConnector *connector)
{
	uint32_t present = 0, possible = 0;
	for (int i = 0; i < connector->count_encoders; i++) {
		drmModeEncoder *encoder = drmModeGetEncoder(fd, connector->encoders[i]);
		if (!encoder)
			continue;
		possible |= encoder->possible_crtcs;
		if (encoder->encoder_id == connector->encoder_id)
			present = encoder->crtc_id;
		drmModeFreeEncoder(encoder);
	}
	for (int i = 0; i < resources->count_crtcs; i++)
		if (present && resources->crtcs[i] == present)
			return i;
	for (int i = 0; i < resources->count_crtcs; i++)
		if (possible & (1u << i))
			return i;
	return -1;
}

static int mode_distance(const struct card *card, const drmModeModeInfo *mode)
{
	if (card->mode_wish.width == 0)
		return mode->type & DRM_MODE_TYPE_PREFERRED ? 0 : 1;
	if (mode->hdisplay != card->mode_wish.width || mode->vdisplay != card->mode_wish.height ||
	    mode->flags & DRM_MODE_FLAG_INTERLACE)
		return mode->type & DRM_MODE_TYPE_PREFERRED ? 1000 : 1001;
	return card->mode_wish.hz ? abs((int)mode->vrefresh - card->mode_wish.hz) : 0;
}

static const drmModeModeInfo *mode_choose(const struct card *card, const drmModeConnector *connector)
{
	const drmModeModeInfo *best = NULL;
	for (int i = 0; i < connector->count_modes; i++)
		if (!best || mode_distance(card, &connector->modes[i]) < mode_distance(card, best))
			best = &connector->modes[i];
	if (best && card->mode_wish.width && mode_distance(card, best) >= 1000)
		log_once(LOG_LEVEL_WARNING, "conf: the screen has no mode %dx%d: %s is used", card->mode_wish.width,
			 card->mode_wish.height, best->name);
	return best;
}

static void connector_name(const drmModeConnector *connector, char *name, size_t bytes)
{
	const char *type = drmModeGetConnectorTypeName(connector->connector_type);
	snprintf(name, bytes, "%s-%u", type ? type : "Unknown", connector->connector_type_id);
}

/* Takes this connector when it is the one and has a picture to show. */
static bool connector_take(struct card *card, const drmModeRes *resources, const drmModeConnector *connector)
{
	char name[64];
	connector_name(connector, name, sizeof(name));
	if (connector->connection != DRM_MODE_CONNECTED || connector->count_modes == 0 ||
	    connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK ||
	    (card->connector_wish[0] && strcmp(card->connector_wish, name) != 0))
		return false;
	int index = crtc_for(card->fd, resources, connector);
	if (index < 0)
		return false;
	planes_read(card, index);
	if (card->primary < 0)
		return false;
	card->connector = connector->connector_id;
	card->crtc = resources->crtcs[index];
	card->mode = *mode_choose(card, connector);
	strcpy(card->connector_name, name);
	card->connector_crtc_id = property_of(card->fd, card->connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID");
	card->crtc_mode_id = property_of(card->fd, card->crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID");
	card->crtc_active = property_of(card->fd, card->crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE");
	return true;
}

bool card_probe(struct card *card, bool anew)
{
	uint32_t connector = card->connector, crtc = card->crtc;
	drmModeModeInfo mode = card->mode;
	drmModeRes *resources = drmModeGetResources(card->fd);
	card->connector = 0;
	for (int i = 0; resources && i < resources->count_connectors && !card->connector; i++) {
		uint32_t id = resources->connectors[i];
		drmModeConnector *c = anew ? drmModeGetConnector(card->fd, id)
					   : drmModeGetConnectorCurrent(card->fd, id);
		if (c)
			connector_take(card, resources, c);
		drmModeFreeConnector(c);
	}
	drmModeFreeResources(resources);
	return connector != card->connector ||
	       (connector && (crtc != card->crtc || memcmp(&mode, &card->mode, sizeof(mode)) != 0));
}

/* ---- opening ---- */

/* 1: can show nothing at all. */
static int device_open(struct card *card, const char *path, char *why, size_t why_bytes)
{
	card->fd = open(path, O_RDWR | O_CLOEXEC);
	if (card->fd < 0) {
		int r = -errno;
		snprintf(why, why_bytes, "screen %s: %s%s", path, strerror(-r),
			 r == -EACCES ? ": add the user to group video" : "");
		return r;
	}
	int r = 0;
	if (!drmIsKMS(card->fd) || drmSetClientCap(card->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1) < 0 ||
	    drmSetClientCap(card->fd, DRM_CLIENT_CAP_ATOMIC, 1) < 0) {
		snprintf(why, why_bytes, "driver: screen %s has no atomic mode setting", path);
		r = -ENODEV;
	} else if (!drmIsMaster(card->fd) && drmSetMaster(card->fd) < 0) {
		snprintf(why, why_bytes, "screen %s: another program holds it", path);
		r = -EBUSY;
	}
	if (r < 0) {
		card_close(card);
		return r;
	}
	snprintf(card->path, sizeof(card->path), "%s", path);
	card_probe(card, false);
	if (!card->connector)
		card_probe(card, true);
	return 0;
}

/* The first card with something connected, else the first that could have. */
static int auto_open(struct card *card, char *why, size_t why_bytes)
{
	char path[64], first[64] = "";
	int r = -ENODEV;
	snprintf(why, why_bytes, "no /dev/dri/card*: no graphics card, or its driver is not loaded");
	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		if (access(path, F_OK) < 0)
			continue;
		r = device_open(card, path, why, why_bytes);
		if (r == -EBUSY || (r == 0 && card->connector))
			return r;
		if (r == 0 && !first[0])
			strcpy(first, path);
		card_close(card);
	}
	return first[0] ? device_open(card, first, why, why_bytes) : r;
}

int card_open(struct card *card, const char *output, const char *mode, char *why, size_t why_bytes)
{
	*card = (struct card){ .fd = -1 };
	int r = parse_output(output, card, why, why_bytes);
	if (r == 0)
		r = parse_mode(mode, card, why, why_bytes);
	if (r < 0)
		return r;
	char path[sizeof(card->path)];
	strcpy(path, card->path);
	return path[0] ? device_open(card, path, why, why_bytes) : auto_open(card, why, why_bytes);
}

void card_close(struct card *card)
{
	if (card->fd >= 0)
		close(card->fd);
	card->fd = -1;
}
