/* sdp: session descriptions, RFC 8866 in the shape of RFC 8829 (JSEP): one bundled transport, audio as Opus
 * (RFC 7587) and video as H.264 (RFC 6184) or VP8 (RFC 7741) with RTX (RFC 4588). Pure; parsing copies and never
 * trusts. */
#ifndef CALLBOX_MEDIA_SDP_H
#define CALLBOX_MEDIA_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/video_codec.h"

#define SDP_BYTES_MAX 16384

enum sdp_setup { SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

#define SDP_OTHERS_MAX 7

/* A payload type of video and what belongs to it. */
struct sdp_format {
	enum video_codec codec;
	int mode;	  /* of H.264: packetization-mode, 0 or 1 */
	int payload_type; /* 0..127 */
	int rtx_type;	  /* -1: none */
	int level;	  /* of H.264, times ten, that whoever wrote this decodes; of VP8 as far as one says it; 0: any */
	bool nack, remb;
};

struct sdp_stream {
	bool there;	    /* offered or accepted */
	char mid[17];
	int index;	    /* of its m= line */
	/* Opus, or the video format in use: the first until sdp_choose(); as in sdp_format. */
	enum video_codec codec;
	int mode, payload_type, rtx_type, level;
	uint32_t ssrc, rtx_ssrc; /* 0: not said */
	bool nack, remb;
	struct sdp_format others[SDP_OTHERS_MAX]; /* further formats of video, in order */
	int other_count;
};

struct sdp {
	char ufrag[257], password[257];
	char fingerprint_hash[16]; /* "sha-256" */
	char fingerprint[200];	   /* "AB:CD:…", upper case */
	enum sdp_setup setup;
	struct sdp_stream audio, video;
	int line_count;		   /* m= lines, those we do not take included */
	char line_kinds[8][16];	   /* their media names, mirrored in an answer */
	char line_mids[8][17];
	char cname[17];
	enum video_codec codecs[VIDEO_CODECS + 1]; /* of ours: what we do, in order of preference; ends with VIDEO_NONE */
};

/* Reads a description; *ret_sdp is set whole. -EBADMSG with why (static text) when it cannot be used. */
int sdp_parse(const char *text, struct sdp *ret_sdp, const char **ret_why);

/* Writes a description into text of SDP_BYTES_MAX. session: any number. */
int sdp_write(const struct sdp *sdp, uint64_t session, char *text, size_t text_bytes);

/* Which of the peer's video formats is used: of an offer the one that we (codecs) like best, of an answer its first that
 * we do. The others are forgotten; without any, the peer has no video. */
void sdp_choose(struct sdp *peer, const enum video_codec *codecs, bool offer);
/* The video format of this payload type, or of this RTX type; false: none. */
bool sdp_format_find(const struct sdp_stream *stream, int type, struct sdp_format *ret_format, bool *ret_rtx);

/* Fills what an answer must mirror from the offer: m= lines, mids, payload types. ssrc, transport and cname of
 * answer are already set. -EBADMSG when nothing of the offer can be taken. */
int sdp_answer(const struct sdp *offer, struct sdp *answer);
/* The lines of our own offer: all of offer->codecs. */
void sdp_offer(struct sdp *offer, bool video);

#endif
