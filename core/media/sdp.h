/* sdp: session descriptions, RFC 8866 in the shape of RFC 8829 (JSEP): audio as Opus (RFC 7587) and video as H.264
 * (RFC 6184) or VP8 (RFC 7741) with RTX (RFC 4588), on one bundled transport (RFC 8843) or on one each. Pure; parsing
 * copies and never trusts. */
#ifndef CALLBOX_MEDIA_SDP_H
#define CALLBOX_MEDIA_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/video_codec.h"

#define SDP_BYTES_MAX 16384

enum sdp_setup { SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

/* Which transport: sound's, which is that of all when bundled, and the picture's own. */
enum { SDP_OF_AUDIO, SDP_OF_VIDEO, SDP_TRANSPORTS };

struct sdp_transport {
	bool there;
	char ufrag[257], password[257];
	char fingerprint_hash[16]; /* "sha-256" */
	char fingerprint[200];	   /* "AB:CD:…", upper case */
	enum sdp_setup setup;
	bool mux;  /* RTP and RTCP on one component (RFC 5761) */
	bool lite; /* ICE-lite; read only */
};

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
	int transport;	    /* SDP_OF_… */
	/* Opus, or the video format in use: the first until sdp_choose(); as in sdp_format. */
	enum video_codec codec;
	int mode, payload_type, rtx_type, level;
	uint32_t ssrc, rtx_ssrc; /* 0: not said */
	bool nack, remb;
	struct sdp_format others[SDP_OTHERS_MAX]; /* further formats of video, in order */
	int other_count;
};

struct sdp {
	struct sdp_transport transports[SDP_TRANSPORTS];
	bool bundle;	  /* what there is of audio and video is in one BUNDLE group */
	bool video_first; /* in that group: the picture's m= line is the one that speaks for the transport */
	struct sdp_stream audio, video;
	int line_count;		   /* m= lines, those we do not take included */
	char line_kinds[8][16];	   /* their media names, mirrored in an answer */
	char line_mids[8][17];
	char cname[17];
	enum video_codec codecs[VIDEO_CODECS + 1]; /* of ours: what we do, in order of preference; ends with VIDEO_NONE */
};

/* Reads a description; *ret_sdp is set whole. -EBADMSG with why (static text) when it cannot be used. */
int sdp_parse(const char *text, struct sdp *ret_sdp, const char **ret_why);

/* Each a=candidate line of a description that sdp_parse() took: "candidate:…" and the number of its m= line. */
void sdp_candidates(const char *text, void (*each)(int line, const char *candidate, void *data), void *data);

/* Writes a description into text of SDP_BYTES_MAX. session: any number that stays; version: counts up. */
int sdp_write(const struct sdp *sdp, uint64_t session, unsigned int version, char *text, size_t text_bytes);

/* Which of the peer's video formats is used: of an offer the one that we (codecs) like best, of an answer its first that
 * we do. The others are forgotten; without any, the peer has no video. */
void sdp_choose(struct sdp *peer, const enum video_codec *codecs, bool offer);
/* The video format of this payload type, or of this RTX type; false: none. */
bool sdp_format_find(const struct sdp_stream *stream, int type, struct sdp_format *ret_format, bool *ret_rtx);

/* Fills what an answer must mirror from the offer: m= lines, mids, payload types, which transports there are and whether
 * they multiplex. ssrc, cname and the rest of the transports are the caller's. -EBADMSG when nothing of the offer can be
 * taken. */
int sdp_answer(const struct sdp *offer, struct sdp *answer);
/* The lines of our own first offer: all of offer->codecs, one transport for all. */
void sdp_offer(struct sdp *offer, bool video);

#endif
