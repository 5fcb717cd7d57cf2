#include "drivers-glue/unit_check.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/devices/convert.h"
#include "drivers-glue/drivers.h"

#define STEP 4	/* every fourth sample of every fourth line */
#define DIFFERENCE_MAX 24

struct unit_check {
	struct decoder *decoder;
	struct converter *converter;
	int done;
};

struct unit_check *unit_check_new(void)
{
	struct unit_check *check = calloc(1, sizeof(*check));
	char why[128];
	if (!check)
		return NULL;
	check->converter = converter_new();
	if (check->converter && decoder_avcodec.open("", &check->decoder, why, sizeof(why)) == 0)
		return check;
	check->decoder = NULL;
	unit_check_free(check);
	return NULL;
}

static void decoder_drop(struct unit_check *check)
{
	if (check->decoder)
		decoder_avcodec.close(check->decoder);
	check->decoder = NULL;
}

void unit_check_free(struct unit_check *check)
{
	if (!check)
		return;
	decoder_drop(check);
	converter_free(check->converter);
	free(check);
}

/* Mean difference of the luma of two I420 frames. */
static double difference(const struct frame *a, const struct frame *b)
{
	int64_t sum = 0, count = 0;
	for (int y = 0; y < a->height; y += STEP)
		for (int x = 0; x < a->width; x += STEP, count++)
			sum += abs(a->planes[0][y * a->strides[0] + x] - b->planes[0][y * b->strides[0] + x]);
	return (double)sum / (double)count;
}

static int compare(struct unit_check *check, struct frame *frame, struct frame *decoded)
{
	struct frame *meant;
	if (convert(check->converter, frame, decoded->width, decoded->height, &meant) < 0)
		return 0; /* a frame that is nowhere in memory: it decodes, which must do */
	double d = difference(meant, decoded);
	frame_release(meant);
	if (d <= DIFFERENCE_MAX)
		return 0;
	log_warning("driver: the coded picture shows something else (%.0f)", d);
	return -EIO;
}

int unit_check(struct unit_check *check, struct frame *frame, int width, int height, const uint8_t *bytes,
	       size_t size)
{
	struct frame *decoded;
	if (check->done == UNIT_CHECKS)
		return 0;
	int r = decoder_avcodec.decode(check->decoder, bytes, size, &decoded);
	if (r < 0) {
		log_warning("driver: the coded picture cannot be decoded");
		return -EIO;
	}
	bool fits = decoded->width == width && decoded->height == height;
	if (!fits)
		log_warning("driver: the coded picture is %dx%d, not %dx%d", decoded->width, decoded->height, width,
			    height);
	r = fits ? compare(check, frame, decoded) : -EIO;
	frame_release(decoded);
	if (r == 0 && ++check->done == UNIT_CHECKS)
		decoder_drop(check);
	return r;
}
