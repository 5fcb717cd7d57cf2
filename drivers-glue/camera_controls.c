#include "drivers-glue/camera_controls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROLS_MAX 256

static bool is_usable(const struct v4l2_queryctrl *q)
{
	return !(q->flags & V4L2_CTRL_FLAG_DISABLED) &&
	       (q->type == V4L2_CTRL_TYPE_INTEGER || q->type == V4L2_CTRL_TYPE_BOOLEAN ||
		q->type == V4L2_CTRL_TYPE_MENU || q->type == V4L2_CTRL_TYPE_INTEGER_MENU ||
		q->type == V4L2_CTRL_TYPE_BUTTON || q->type == V4L2_CTRL_TYPE_BITMASK);
}

/* The next control after q->id. */
static bool next_control(const struct camera_device *device, struct v4l2_queryctrl *q)
{
	for (int i = 0; i < CONTROLS_MAX; i++) {
		q->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
		if (camera_ioctl(device, VIDIOC_QUERYCTRL, q) < 0)
			return false;
		if (is_usable(q))
			return true;
	}
	return false;
}

static bool find(const struct camera_device *device, const char *name, struct v4l2_queryctrl *ret_query)
{
	*ret_query = (struct v4l2_queryctrl){ .id = 0 };
	while (next_control(device, ret_query)) {
		char found[CONTROL_BYTES];
		control_name_of((const char *)ret_query->name, found);
		if (strcmp(found, name) == 0)
			return true;
	}
	return false;
}

static void item_of(const struct camera_device *device, const struct v4l2_queryctrl *q, int index,
		    char item[CONTROL_BYTES])
{
	struct v4l2_querymenu m = { .id = q->id, .index = (uint32_t)index };
	item[0] = '\0';
	if (camera_ioctl(device, VIDIOC_QUERYMENU, &m) < 0)
		return;
	if (q->type == V4L2_CTRL_TYPE_INTEGER_MENU)
		snprintf(item, CONTROL_BYTES, "%lld", (long long)m.value);
	else
		control_name_of((const char *)m.name, item);
}

static bool is_menu(const struct v4l2_queryctrl *q)
{
	return q->type == V4L2_CTRL_TYPE_MENU || q->type == V4L2_CTRL_TYPE_INTEGER_MENU;
}

/* A whole number, yes or no, or an item's name. */
static int value_parse(const struct camera_device *device, const struct v4l2_queryctrl *q, const char *text,
		       int *ret_value)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 0);
	if (end != text && !*end && !errno && value >= INT32_MIN && value <= INT32_MAX) {
		*ret_value = (int)value;
		return 0;
	}
	if (q->type == V4L2_CTRL_TYPE_BOOLEAN && (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0)) {
		*ret_value = text[0] == 'y';
		return 0;
	}
	for (int i = q->minimum; is_menu(q) && i <= q->maximum && i < q->minimum + 64; i++) {
		char item[CONTROL_BYTES];
		item_of(device, q, i, item);
		if (strcmp(item, text) == 0) {
			*ret_value = i;
			return 0;
		}
	}
	return -EINVAL;
}

static void explain_range(const struct camera_device *device, const struct v4l2_queryctrl *q, char *text,
			  size_t bytes)
{
	size_t n = (size_t)snprintf(text, bytes, "%d to %d in steps of %d", q->minimum, q->maximum, q->step);
	if (q->type == V4L2_CTRL_TYPE_BOOLEAN)
		snprintf(text, bytes, "no or yes");
	for (int i = q->minimum; is_menu(q) && i <= q->maximum && i < q->minimum + 64; i++) {
		char item[CONTROL_BYTES];
		item_of(device, q, i, item);
		if (i == q->minimum)
			n = 0;
		if (item[0] && n < bytes)
			n += (size_t)snprintf(text + n, bytes - n, "%s%s", n ? ", " : "", item);
	}
}

static void names(const struct camera_device *device, char *text, size_t bytes)
{
	struct v4l2_queryctrl q = { .id = 0 };
	size_t n = 0;
	text[0] = '\0';
	while (n < bytes && next_control(device, &q)) {
		char name[CONTROL_BYTES];
		control_name_of((const char *)q.name, name);
		n += (size_t)snprintf(text + n, bytes - n, "%s%s", n ? ", " : "", name);
	}
}

int camera_control_set(const struct camera_device *device, const char *name, const char *value, char *why,
		       size_t why_bytes)
{
	struct v4l2_queryctrl q;
	char words[600];
	if (!find(device, name, &q)) {
		names(device, words, sizeof(words));
		snprintf(why, why_bytes, "%s: the camera has no such control; it has %s", name,
			 words[0] ? words : "none");
		return -ENOENT;
	}
	struct v4l2_control set = { .id = q.id };
	int r = value_parse(device, &q, value, &set.value);
	/* Some drivers take what is out of range as the nearest that is not. */
	if (r == 0 && q.type != V4L2_CTRL_TYPE_BUTTON && q.type != V4L2_CTRL_TYPE_BITMASK &&
	    (set.value < q.minimum || set.value > q.maximum))
		r = -ERANGE;
	if (r == 0)
		r = camera_ioctl(device, VIDIOC_S_CTRL, &set);
	if (r == -ERANGE || r == -EINVAL) {
		explain_range(device, &q, words, sizeof(words));
		snprintf(why, why_bytes, "%s: \"%s\" is not one of: %s", name, value, words);
		return -ERANGE;
	}
	if (r == -EACCES || r == -EBUSY)
		snprintf(why, why_bytes, "%s: it cannot be set now: an automatic one rules it, or it is read-only",
			 name);
	else if (r < 0)
		snprintf(why, why_bytes, "%s: %s", name, strerror(-r));
	return r;
}

void camera_control_each(const struct camera_device *device,
			 void (*each)(const struct camera_control *control, void *data), void *data)
{
	struct v4l2_queryctrl q = { .id = 0 };
	while (next_control(device, &q)) {
		struct v4l2_control get = { .id = q.id };
		bool button = q.type == V4L2_CTRL_TYPE_BUTTON;
		struct camera_control c = { .min = q.minimum, .max = q.maximum, .step = q.step,
					    .initial = q.default_value };
		control_name_of((const char *)q.name, c.name);
		c.type = button ? "button" : is_menu(&q) ? "menu"
			 : q.type == V4L2_CTRL_TYPE_BOOLEAN ? "switch" : "number";
		c.note = q.flags & V4L2_CTRL_FLAG_READ_ONLY ? "read-only"
			 : q.flags & V4L2_CTRL_FLAG_INACTIVE ? "inactive" : "";
		if (!button && camera_ioctl(device, VIDIOC_G_CTRL, &get) == 0)
			c.value = get.value;
		if (is_menu(&q))
			item_of(device, &q, c.value, c.item);
		each(&c, data);
	}
}

static int set_by_id(const struct camera_device *device, uint32_t id, int value)
{
	struct v4l2_queryctrl q = { .id = id };
	struct v4l2_control set = { .id = id, .value = value };
	if (camera_ioctl(device, VIDIOC_QUERYCTRL, &q) < 0 || q.flags & V4L2_CTRL_FLAG_DISABLED)
		return -ENOTSUP;
	if (q.type == V4L2_CTRL_TYPE_INTEGER)
		set.value = value < q.minimum ? q.minimum : value > q.maximum ? q.maximum : value;
	return camera_ioctl(device, VIDIOC_S_CTRL, &set);
}

void camera_control_steady(const struct camera_device *device)
{
	set_by_id(device, V4L2_CID_EXPOSURE_AUTO_PRIORITY, 0); /* exposure_dynamic_framerate */
}

void camera_control_encoder(const struct camera_device *device)
{
	set_by_id(device, V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE);
	set_by_id(device, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
}

int camera_control_idr(const struct camera_device *device)
{
	return set_by_id(device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
}

int camera_control_bitrate(const struct camera_device *device, int bitrate_bps)
{
	return set_by_id(device, V4L2_CID_MPEG_VIDEO_BITRATE, bitrate_bps);
}
