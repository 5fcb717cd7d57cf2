/* va_probe: what a VA-API driver can do for H.264, and which of its entry points shall encode. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_PROBE_H
#define CALLBOX_DRIVERS_GLUE_VA_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <va/va.h>

struct va_encoder_can {
	VAProfile profile;
	VAEntrypoint entrypoint;
	uint32_t rate_control; /* VA_RC_… */
	uint32_t packed;       /* VA_ENC_PACKED_HEADER_… */
	int references, width_max, height_max; /* 0: it does not say */
	int qualities;			       /* levels; 0: it has none */
};

#define VA_ENCODERS_MAX 4

struct va_can {
	struct va_encoder_can encoders[VA_ENCODERS_MAX];
	int encoder_count;
	bool decodes, processes;
};

struct va_choice {
	struct va_encoder_can can;
	uint32_t rate_control; /* the one to use: VA_RC_CBR, VA_RC_VBR or VA_RC_CQP */
	bool own_headers;      /* all of them; else none */
	bool pps_alone;	       /* the PPS has a buffer of its own */
};

/* Asks the driver. 0 or -EIO. */
int va_probe(VADisplay display, struct va_can *ret_can);
/* Pure. An entry point that holds a rate itself comes first, then one that takes a constant quantiser.
 * 0, or -ENOTSUP with words in why. */
int va_choose(const struct va_can *can, int width, int height, struct va_choice *ret_choice, char *why,
	      size_t why_bytes);
/* "EncSliceLP CQP" */
void va_choice_words(const struct va_choice *choice, char *text, size_t text_bytes);

/* For people who ask what is wrong: opens the node, looks, closes. May hang with the driver. 0: *text says what
 * there is; -errno: what is missing. */
int va_probe_node(const char *node, char *text, size_t text_bytes);

#endif
