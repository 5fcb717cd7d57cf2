#include "drivers-glue/va_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers-glue/va_display.h"

#define NEEDED_HEADERS (VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE)

static uint32_t value_of(const VAConfigAttrib *attribute)
{
	return attribute->value == VA_ATTRIB_NOT_SUPPORTED ? 0 : attribute->value;
}

static int probe_encoder(VADisplay display, VAProfile profile, VAEntrypoint entrypoint, struct va_encoder_can *ret)
{
	VAConfigAttrib a[] = {
		{ VAConfigAttribRTFormat, 0 },	   { VAConfigAttribRateControl, 0 },
		{ VAConfigAttribEncPackedHeaders, 0 }, { VAConfigAttribEncMaxRefFrames, 0 },
		{ VAConfigAttribMaxPictureWidth, 0 },  { VAConfigAttribMaxPictureHeight, 0 },
		{ VAConfigAttribEncQualityRange, 0 },
	};
	VAStatus status = vaGetConfigAttributes(display, profile, entrypoint, a, sizeof(a) / sizeof(a[0]));
	if (status != VA_STATUS_SUCCESS || !(value_of(&a[0]) & VA_RT_FORMAT_YUV420))
		return -ENOTSUP;
	*ret = (struct va_encoder_can){
		.profile = profile, .entrypoint = entrypoint, .rate_control = value_of(&a[1]),
		.packed = value_of(&a[2]), .references = (int)(value_of(&a[3]) & 0xffff),
		.width_max = (int)value_of(&a[4]), .height_max = (int)value_of(&a[5]),
		.qualities = (int)value_of(&a[6]),
	};
	return 0;
}

static bool has_profile(const VAProfile *profiles, int count, VAProfile profile)
{
	for (int i = 0; i < count; i++)
		if (profiles[i] == profile)
			return true;
	return false;
}

/* Entry points of one profile, noted in can. */
static void probe_profile(VADisplay display, VAProfile profile, VAEntrypoint *points, struct va_can *can)
{
	int count = 0;
	if (vaQueryConfigEntrypoints(display, profile, points, &count) != VA_STATUS_SUCCESS)
		return;
	for (int i = 0; i < count; i++) {
		if (points[i] == VAEntrypointVLD)
			can->decodes = true;
		if (points[i] == VAEntrypointVideoProc)
			can->processes = true;
		bool encodes = points[i] == VAEntrypointEncSlice || points[i] == VAEntrypointEncSliceLP;
		if (encodes && can->encoder_count < VA_ENCODERS_MAX &&
		    probe_encoder(display, profile, points[i], &can->encoders[can->encoder_count]) == 0)
			can->encoder_count++;
	}
}

int va_probe(VADisplay display, struct va_can *ret_can)
{
	static const VAProfile wanted[] = { VAProfileH264ConstrainedBaseline, VAProfileH264Main, VAProfileNone };
	struct va_can can = { .encoder_count = 0 };
	int profiles = vaMaxNumProfiles(display), entrypoints = vaMaxNumEntrypoints(display), count = 0;
	VAProfile *all = calloc((size_t)profiles + 1, sizeof(*all));
	VAEntrypoint *points = calloc((size_t)entrypoints + 1, sizeof(*points));
	int r = -EIO;
	if (all && points && vaQueryConfigProfiles(display, all, &count) == VA_STATUS_SUCCESS) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (has_profile(all, count, wanted[i]))
				probe_profile(display, wanted[i], points, &can);
		*ret_can = can;
		r = 0;
	}
	free(all);
	free(points);
	return r;
}

static bool fits(const struct va_encoder_can *e, int width, int height)
{
	return (e->width_max == 0 || width <= e->width_max) && (e->height_max == 0 || height <= e->height_max);
}

int va_choose(const struct va_can *can, int width, int height, struct va_choice *ret_choice, char *why,
	      size_t why_bytes)
{
	static const uint32_t preferred[] = { VA_RC_CBR, VA_RC_VBR, VA_RC_CQP };
	for (size_t p = 0; p < sizeof(preferred) / sizeof(preferred[0]); p++)
		for (int i = 0; i < can->encoder_count; i++) {
			const struct va_encoder_can *e = &can->encoders[i];
			if (!(e->rate_control & preferred[p]) || !fits(e, width, height))
				continue;
			*ret_choice = (struct va_choice){
				.can = *e, .rate_control = preferred[p],
				.own_headers = (e->packed & NEEDED_HEADERS) == NEEDED_HEADERS,
				.pps_alone = e->packed & VA_ENC_PACKED_HEADER_PICTURE,
			};
			return 0;
		}
	if (can->encoder_count == 0)
		snprintf(why, why_bytes, "driver: no entry point that encodes H.264");
	else
		snprintf(why, why_bytes, "driver: no entry point that encodes H.264 of %dx%d with CBR, VBR or CQP",
			 width, height);
	return -ENOTSUP;
}

void va_choice_words(const struct va_choice *choice, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%s %s", choice->can.entrypoint == VAEntrypointEncSliceLP ? "EncSliceLP" : "EncSlice",
		 choice->rate_control == VA_RC_CBR ? "CBR" : choice->rate_control == VA_RC_VBR ? "VBR" : "CQP");
}

int va_probe_node(const char *node, char *text, size_t text_bytes)
{
	struct va_display display;
	struct va_can can = { .encoder_count = 0 };
	struct va_choice choice;
	char encodes[128] = "", why[128] = "";
	int r = va_display_open(node, &display, text, text_bytes);
	if (r < 0)
		return r;
	r = va_probe(display.display, &can);
	if (r == 0)
		r = va_choose(&can, 640, 360, &choice, why, sizeof(why));
	if (r == 0)
		va_choice_words(&choice, encodes, sizeof(encodes));
	bool no_firmware = r == 0 && choice.rate_control == VA_RC_CQP &&
			   choice.can.entrypoint == VAEntrypointEncSliceLP;
	snprintf(text, text_bytes, "%s  %s: encodes H.264: %s%s; decodes it: %s; scales: %s", node, display.vendor,
		 r == 0 ? encodes : why[0] ? why : "driver: gives no answer",
		 no_firmware ? " only: on Intel, the HuC firmware is not loaded (i915.enable_guc=2); the rate is held "
			       "by callbox" : "",
		 can.decodes ? "yes" : "no", can.processes ? "yes" : "no");
	va_display_close(&display);
	return r;
}
