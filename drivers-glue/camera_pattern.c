/* camera_pattern: the test picture as a camera; its address is not looked at. camera_null: a camera that
 * is there and never gives a picture. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/devices/camera.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/pace.h"
#include "drivers-glue/pattern.h"

struct camera {
	struct camera_wish wish;
	int64_t next_us;
	uint32_t number;
};

static int pattern_open(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
			char *why, size_t why_bytes)
{
	(void)address;
	if (wish->width < 320 || wish->height < 64) {
		snprintf(why, why_bytes, "pattern: %dx%d is below 320x64", wish->width, wish->height);
		return -EINVAL;
	}
	struct camera *camera = calloc(1, sizeof(*camera));
	if (!camera)
		return -ENOMEM;
	camera->wish = *wish;
	camera->wish.width &= ~1;
	camera->wish.height &= ~1;
	camera->next_us = pace_now_us();
	*ret_camera = camera;
	return 0;
}

static int pattern_next(struct camera *camera, int timeout_ms, struct frame **ret_frame)
{
	const int64_t period_us = 1000000 / camera->wish.fps;
	int64_t now = pace_now_us();
	if (camera->next_us - now > (int64_t)timeout_ms * 1000) {
		pace_sleep_until(now + (int64_t)timeout_ms * 1000);
		return -ETIMEDOUT;
	}
	if (camera->next_us < now - period_us) /* the taker was late: no burst to catch up */
		camera->next_us = now;
	pace_sleep_until(camera->next_us);
	camera->next_us += period_us;
	struct picture picture;
	int r = frame_new(FRAME_I420, camera->wish.width, camera->wish.height, ret_frame);
	if (r < 0)
		return r;
	(*ret_frame)->capture_us = pace_now_us();
	const struct pattern_mark mark = { .number = ++camera->number,
					   .time_ms = (uint32_t)((*ret_frame)->capture_us / 1000) };
	frame_picture(*ret_frame, &picture);
	pattern_draw(&picture, &mark);
	return 0;
}

static void pattern_describe(const struct camera *camera, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%dx%d %d fps test pattern", camera->wish.width, camera->wish.height,
		 camera->wish.fps);
}

static void pattern_close(struct camera *camera)
{
	free(camera);
}

const struct camera_driver camera_pattern = {
	.name = "pattern", .open = pattern_open, .next = pattern_next, .describe = pattern_describe,
	.close = pattern_close,
};

static int null_next(struct camera *camera, int timeout_ms, struct frame **ret_frame)
{
	(void)camera;
	(void)ret_frame;
	pace_sleep_until(pace_now_us() + (int64_t)timeout_ms * 1000);
	return -ETIMEDOUT;
}

static void null_describe(const struct camera *camera, char *text, size_t text_bytes)
{
	(void)camera;
	snprintf(text, text_bytes, "no pictures");
}

const struct camera_driver camera_null = {
	.name = "null", .may_rest = true, .open = pattern_open, .next = null_next, .describe = null_describe,
	.close = pattern_close,
};
