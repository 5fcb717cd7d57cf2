/* sdp: session descriptions, RFC 8866 in the shape of RFC 8829 (JSEP): one bundled transport, audio as Opus
 * (RFC 7587) and video as H.264 (RFC 6184) with RTX (RFC 4588). Pure; parsing copies and never trusts. */
#ifndef CALLBOX_MEDIA_SDP_H
#define CALLBOX_MEDIA_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_BYTES_MAX 16384

enum sdp_setup { SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_stream {
	bool there;	    /* offered or accepted */
	char mid[17];
	int index;	    /* of its m= line */
	int payload_type;   /* Opus or H.264, 0..127 */
	int rtx_type;	    /* -1: none */
	int level;	    /* of H.264, times ten, that whoever wrote this decodes */
	uint32_t ssrc, rtx_ssrc; /* 0: not said */
	int twcc_id;	    /* of the transport-wide number's header extension, 0: not agreed on (twcc.h) */
	bool nack, remb;
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
};

/* Reads a description; *ret_sdp is set whole. -EBADMSG with why (static text) when it cannot be used. */
int sdp_parse(const char *text, struct sdp *ret_sdp, const char **ret_why);

/* Writes a description into text of SDP_BYTES_MAX. session: any number. */
int sdp_write(const struct sdp *sdp, uint64_t session, char *text, size_t text_bytes);

/* Fills what an answer must mirror from the offer: m= lines, mids, payload types. ssrc, transport and cname of
 * answer are already set. -EBADMSG when nothing of the offer can be taken. */
int sdp_answer(const struct sdp *offer, struct sdp *answer);
/* The lines of our own offer. */
void sdp_offer(struct sdp *offer, bool video);

#endif
