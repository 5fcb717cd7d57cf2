/* video_codec: the codecs of pictures that travel in a call. Every process of the box means the same by these. Pure. */
#ifndef CALLBOX_BASE_VIDEO_CODEC_H
#define CALLBOX_BASE_VIDEO_CODEC_H

#include <stdbool.h>

enum video_codec {
	VIDEO_NONE, /* not known, not agreed */
	VIDEO_H264, /* units are Annex B access units, parameter sets before each IDR */
	VIDEO_VP8   /* units are frames as RFC 6386 section 9 has them */
};

#define VIDEO_CODECS 2 /* that there are */

bool video_codec_is_known(unsigned int codec);
/* As SDP spells it: "H264", "VP8"; "" for VIDEO_NONE. */
const char *video_codec_name(enum video_codec codec);
/* words: "h264 vp8", "vp8" ..., each once, in order of preference. 0: ret_codecs ends with VIDEO_NONE; -EINVAL with
 * *ret_why (caller frees), nothing set. */
int video_codecs_parse(const char *words, enum video_codec ret_codecs[VIDEO_CODECS + 1], char **ret_why);

#endif
