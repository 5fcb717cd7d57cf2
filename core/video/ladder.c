#include "core/video/ladder.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/convert.h"
#include "core/devices/devices.h"

struct ladder {
	char *first; /* driver name, NULL: the table's order */
	char *address;
	struct converter *converter;
	const struct encoder_driver *driver;
	struct encoder *encoder;
	struct encoder_wish wish;
	char words[128];
};

struct ladder *ladder_new(const char *encoder)
{
	struct ladder *ladder = g_new0(struct ladder, 1);
	const char *colon = strchr(encoder, ':');
	if (!g_str_equal(encoder, "auto"))
		ladder->first = colon ? g_strndup(encoder, (size_t)(colon - encoder)) : g_strdup(encoder);
	ladder->address = g_strdup(colon ? colon + 1 : "");
	ladder->converter = converter_new();
	return ladder;
}

static void encoder_close(struct ladder *ladder)
{
	if (ladder->encoder)
		ladder->driver->close(ladder->encoder);
	ladder->encoder = NULL;
}

void ladder_free(struct ladder *ladder)
{
	encoder_close(ladder);
	converter_free(ladder->converter);
	g_free(ladder->first);
	g_free(ladder->address);
	g_free(ladder);
}

static bool step_open(struct ladder *ladder, const struct encoder_driver *driver)
{
	char why[256] = "";
	int r = driver->open(ladder->address, &ladder->wish, &ladder->encoder, why, sizeof(why));
	if (r < 0) {
		log_once(LOG_LEVEL_WARNING, "encoder %s: %s", driver->name, why[0] ? why : g_strerror(-r));
		ladder->encoder = NULL;
		return false;
	}
	ladder->driver = driver;
	g_strlcpy(ladder->words, driver->name, sizeof(ladder->words));
	if (driver->describe)
		driver->describe(ladder->encoder, ladder->words, sizeof(ladder->words));
	return true;
}

/* Opens the first step that will. */
static int climb(struct ladder *ladder, const struct encoder_wish *wish)
{
	ladder->wish = *wish;
	for (const struct encoder_driver *const *d = encoder_drivers; *d; d++)
		if (ladder->first && g_str_equal((*d)->name, ladder->first) && step_open(ladder, *d))
			return 0;
	for (const struct encoder_driver *const *d = encoder_drivers; *d; d++)
		if (step_open(ladder, *d))
			return 0;
	return -EAGAIN;
}

static int ready(struct ladder *ladder, const struct encoder_wish *wish)
{
	if (ladder->encoder && (ladder->wish.width != wish->width || ladder->wish.height != wish->height))
		encoder_close(ladder);
	if (!ladder->encoder)
		return climb(ladder, wish);
	if (ladder->wish.bitrate_bps == wish->bitrate_bps && ladder->wish.fps == wish->fps)
		return 0;
	ladder->wish = *wish;
	return ladder->driver->set_rate(ladder->encoder, wish->bitrate_bps, wish->fps);
}

int ladder_encode(struct ladder *ladder, const struct encoder_wish *wish, struct frame *frame, bool idr,
		  struct encoded *ret_encoded)
{
	struct frame *fit = NULL;
	int r = ready(ladder, wish);
	if (r < 0)
		return -EAGAIN;
	if (!ladder->driver->takes || !ladder->driver->takes(ladder->encoder, frame)) {
		r = convert(ladder->converter, frame, wish->width, wish->height, &fit);
		if (r < 0)
			return r == -EBADMSG ? r : -EAGAIN;
		frame = fit;
	}
	r = ladder->driver->encode(ladder->encoder, frame, idr, ret_encoded);
	frame_release(fit);
	if (r == 0)
		return 0;
	log_once(LOG_LEVEL_ERROR, "encoder %s: %s", ladder->words, g_strerror(-r));
	encoder_close(ladder);
	return -EAGAIN;
}

const char *ladder_describe(const struct ladder *ladder)
{
	return ladder->words;
}
