/* display_kms_card: one DRM device with atomic mode setting and the output that is used of it: connector, mode,
 * CRTC and planes with the numbers of their properties. One thread at a time. */
#ifndef CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_CARD_H
#define CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define CARD_PLANES_MAX 16
#define CARD_OVERLAYS 2

enum plane_property {
	PLANE_FB_ID, PLANE_CRTC_ID, PLANE_SRC_X, PLANE_SRC_Y, PLANE_SRC_W, PLANE_SRC_H, PLANE_CRTC_X,
	PLANE_CRTC_Y, PLANE_CRTC_W, PLANE_CRTC_H, PLANE_COLOR_ENCODING, PLANE_COLOR_RANGE, PLANE_PROPERTIES,
};

struct card_plane {
	uint32_t id;
	uint32_t properties[PLANE_PROPERTIES]; /* 0: this plane has no such property */
	uint64_t bt601, limited, full;	       /* values of the two last ones */
	uint64_t type, zpos;
};

struct card {
	int fd;
	char path[256];
	char connector_wish[64]; /* "": the first that is connected */
	struct {
		int width, height, hz; /* 0: preferred */
	} mode_wish;

	/* the output; connector 0: there is none now */
	uint32_t connector, crtc;
	char connector_name[64];
	drmModeModeInfo mode;
	struct card_plane planes[CARD_PLANES_MAX]; /* all that the CRTC can have */
	int plane_count;
	int primary, overlays[CARD_OVERLAYS]; /* indices into planes, lowest first; -1: none */
	uint32_t connector_crtc_id, crtc_mode_id, crtc_active; /* property numbers */
};

/* output: "auto", "CARD" or "CARD:CONNECTOR"; CARD is a file, or its name under /dev/dri. mode: "preferred",
 * "WIDTHxHEIGHT" or "WIDTHxHEIGHT@HERTZ". 0 with the card's lock (DRM master) held; -EBUSY: somebody else holds
 * it; -EINVAL: bad words; -ENODEV: no such device. An output need not be there yet. */
int card_open(struct card *card, const char *output, const char *mode, char *why, size_t why_bytes);
void card_close(struct card *card); /* the descriptor */
/* Looks again at what is connected; anew: asks the monitors, which takes a while, else what the kernel knows. True: the
 * output is another one than before, or has come or gone. */
bool card_probe(struct card *card, bool anew);
/* 0, or -EINVAL with why: whether the two wishes can be understood. */
int card_check_wish(const char *output, const char *mode, char *why, size_t why_bytes);

#endif
