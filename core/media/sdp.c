#include "core/media/sdp.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/devices/h264_level.h"

#define TYPES_MAX 32
#define LINES_MAX 8
#define GROUPS_MAX 4
/* Levels of H.264, times ten, as level_idc says them. */
#define LEVEL_MIN 10
#define LEVEL_MAX 62
#define LEVEL_OWN 40	  /* 1920x1080 at 30 */
#define LEVEL_NOT_SAID 31 /* 1280x720 at 30: what everybody decodes */
/* The same of VP8 as LEVEL_OWN, in macroblocks and pictures a second. */
#define VP8_FS_OWN 8192
#define VP8_FR_OWN 60

/* Payload types of one m= line, as they become known. */
struct type {
	int number, apt;
	bool listed, opus, rtx, good_profile;
	enum video_codec codec;
	int mode, level;
	bool nack, remb;
};

struct section {
	char kind[16], mid[17];
	bool rejected, bundle_only, mux;
	struct type types[TYPES_MAX];
	int type_count;
	uint32_t ssrc, rtx_ssrc;
	struct sdp_transport transport;
};

struct reader {
	struct sdp *sdp;
	struct section section; /* the m= line being read */
	bool in_section;
	struct sdp_transport session, lines[LINES_MAX]; /* what stands above the m= lines, and in each */
	bool taken[LINES_MAX];
	char groups[GROUPS_MAX][160]; /* BUNDLE: mids, a blank before and after each */
	int group_count;
};

static void copy_word(char *to, size_t to_bytes, const char *from)
{
	size_t n = strcspn(from, " \t\r\n");
	if (n >= to_bytes)
		n = to_bytes - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static const char *after(const char *line, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(line, prefix, n) == 0 ? line + n : NULL;
}

static int number(const char *text, const char **ret_end)
{
	size_t blanks = strspn(text, " "), digits = strspn(text + blanks, "0123456789");
	if (ret_end)
		*ret_end = text + blanks + digits;
	return digits == 0 || digits > 9 ? -1 : (int)strtol(text + blanks, NULL, 10);
}

static struct type *type_of(struct section *section, int value)
{
	for (int i = 0; i < section->type_count; i++)
		if (section->types[i].number == value)
			return &section->types[i];
	return NULL;
}

static void read_media(struct section *s, const char *value)
{
	const char *at = value;
	memset(s, 0, sizeof(*s));
	copy_word(s->kind, sizeof(s->kind), at);
	at += strcspn(at, " ");
	int port = number(at, &at);
	s->rejected = port == 0;
	at += strspn(at, " ");
	at += strcspn(at, " "); /* the protocol */
	while (s->type_count < TYPES_MAX) {
		int value_number = number(at, &at);
		if (value_number < 0 || value_number > 127)
			break;
		s->types[s->type_count++] = (struct type){ .number = value_number, .apt = -1, .listed = true,
							   .good_profile = true, .level = LEVEL_NOT_SAID };
	}
}

static void read_rtpmap(struct section *s, const char *value)
{
	const char *name;
	struct type *type = type_of(s, number(value, &name));
	if (!type)
		return;
	name += strspn(name, " ");
	type->opus = strncasecmp(name, "opus/48000", 10) == 0;
	for (unsigned int codec = VIDEO_H264; video_codec_is_known(codec); codec++) {
		size_t bytes = strlen(video_codec_name(codec));
		if (strncasecmp(name, video_codec_name(codec), bytes) == 0 && strncmp(name + bytes, "/90000", 6) == 0)
			type->codec = codec;
	}
	if (type->codec == VIDEO_VP8)
		type->level = 0;
	type->rtx = strncasecmp(name, "rtx/90000", 9) == 0;
}

/* Constrained baseline, or what it decodes: 42e0xx, 42c0xx and plain baseline 4200xx. */
static bool is_baseline(const char *profile)
{
	return strncasecmp(profile, "42", 2) == 0;
}

/* profile-level-id: profile_idc, constraints and level_idc, two hex digits each. */
static void read_profile(struct type *type, const char *profile)
{
	char hex[7] = "";
	type->good_profile = is_baseline(profile);
	strncpy(hex, profile, 6);
	int level = strlen(hex) == 6 ? (int)strtol(hex + 4, NULL, 16) : 0;
	if (level >= LEVEL_MIN && level <= LEVEL_MAX)
		type->level = level;
}

/* RFC 7741 section 6.1: macroblocks a picture, pictures a second. */
static void read_limits(struct type *type, const char *size, const char *rate)
{
	int most = number(size + 7, NULL), fps = rate ? number(rate + 7, NULL) : 0;
	if (most > 0)
		type->level = h264_level_within(most, fps > 0 && fps < 1000 && most < 1000000 ? most * fps : INT_MAX);
}

static void read_fmtp(struct section *s, const char *value)
{
	const char *rest;
	struct type *type = type_of(s, number(value, &rest));
	if (!type)
		return;
	const char *apt = strstr(rest, "apt="), *mode = strstr(rest, "packetization-mode=");
	const char *profile = strstr(rest, "profile-level-id="), *size = strstr(rest, "max-fs=");
	if (apt)
		type->apt = number(apt + 4, NULL);
	if (mode)
		type->mode = number(mode + 19, NULL);
	if (profile)
		read_profile(type, profile + 17);
	if (size && type->codec == VIDEO_VP8)
		read_limits(type, size, strstr(rest, "max-fr="));
}

static void read_feedback(struct section *s, const char *value)
{
	const char *rest = value + strspn(value, "0123456789* ");
	for (int i = 0; i < s->type_count; i++) {
		struct type *type = &s->types[i];
		if (value[0] != '*' && type->number != number(value, NULL))
			continue;
		type->nack |= strcmp(rest, "nack") == 0;
		type->remb |= strcmp(rest, "goog-remb") == 0;
	}
}

static void read_ssrc(struct section *s, const char *value)
{
	uint32_t ssrc = (uint32_t)strtoul(value, NULL, 10);
	if (s->ssrc == 0)
		s->ssrc = ssrc;
}

static void read_ssrc_group(struct section *s, const char *value)
{
	char *end;
	if (strncmp(value, "FID ", 4) != 0)
		return;
	s->ssrc = (uint32_t)strtoul(value + 4, &end, 10);
	s->rtx_ssrc = (uint32_t)strtoul(end, NULL, 10);
}

static void read_fingerprint(struct sdp_transport *t, const char *value)
{
	copy_word(t->fingerprint_hash, sizeof(t->fingerprint_hash), value);
	value += strcspn(value, " ");
	value += strspn(value, " ");
	copy_word(t->fingerprint, sizeof(t->fingerprint), value);
	for (char *c = t->fingerprint; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	for (char *c = t->fingerprint_hash; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* At session or at media level. */
static void read_transport(struct sdp_transport *t, const char *line)
{
	const char *value;
	if ((value = after(line, "a=ice-ufrag:")) && !t->ufrag[0])
		copy_word(t->ufrag, sizeof(t->ufrag), value);
	else if ((value = after(line, "a=ice-pwd:")) && !t->password[0])
		copy_word(t->password, sizeof(t->password), value);
	else if ((value = after(line, "a=fingerprint:")) && !t->fingerprint[0])
		read_fingerprint(t, value);
	else if ((value = after(line, "a=setup:")))
		t->setup = strncmp(value, "active", 6) == 0    ? SDP_ACTIVE
			   : strncmp(value, "passive", 7) == 0 ? SDP_PASSIVE : SDP_ACTPASS;
	else if (strcmp(line, "a=ice-lite") == 0)
		t->lite = true;
}

static void read_group(struct reader *r, const char *mids)
{
	if (r->group_count < GROUPS_MAX)
		snprintf(r->groups[r->group_count++], sizeof(r->groups[0]), " %.150s ", mids);
}

/* Where the mid stands in a group; NULL: not in it. */
static const char *in_group(const struct reader *r, int group, const char *mid)
{
	char word[20];
	snprintf(word, sizeof(word), " %s ", mid);
	return mid[0] ? strstr(r->groups[group], word) : NULL;
}

static int group_of(const struct reader *r, const char *mid)
{
	for (int i = 0; i < r->group_count; i++)
		if (in_group(r, i, mid))
			return i;
	return -1;
}

static void merge_word(char *to, const char *from, size_t bytes)
{
	if (!to[0])
		memcpy(to, from, bytes);
}

/* What is not said yet. */
static void merge(struct sdp_transport *to, const struct sdp_transport *from)
{
	if (!to->ufrag[0])
		memcpy(to->password, from->password, sizeof(to->password));
	merge_word(to->ufrag, from->ufrag, sizeof(to->ufrag));
	if (!to->fingerprint[0])
		memcpy(to->fingerprint_hash, from->fingerprint_hash, sizeof(to->fingerprint_hash));
	merge_word(to->fingerprint, from->fingerprint, sizeof(to->fingerprint));
	if (to->setup == SDP_ACTPASS)
		to->setup = from->setup;
	to->lite |= from->lite;
}

/* packetization-mode 2 (interleaved) is nobody's. */
static bool is_video(const struct type *type)
{
	return type->codec == VIDEO_VP8 ||
	       (type->codec == VIDEO_H264 && type->good_profile && (type->mode == 0 || type->mode == 1));
}

static const struct type *first_video(const struct section *s)
{
	for (int i = 0; i < s->type_count; i++)
		if (is_video(&s->types[i]))
			return &s->types[i];
	return NULL;
}

static const struct type *best_audio(const struct section *s)
{
	for (int i = 0; i < s->type_count; i++)
		if (s->types[i].opus)
			return &s->types[i];
	return NULL;
}

static int rtx_of(const struct section *s, int payload_type)
{
	for (int i = 0; i < s->type_count; i++)
		if (s->types[i].rtx && s->types[i].apt == payload_type)
			return s->types[i].number;
	return -1;
}

static void others_collect(const struct section *s, const struct type *first, struct sdp_stream *stream)
{
	for (const struct type *type = first + 1; type < s->types + s->type_count; type++)
		if (is_video(type) && stream->other_count < SDP_OTHERS_MAX)
			stream->others[stream->other_count++] = (struct sdp_format){
				.codec = type->codec, .mode = type->mode, .payload_type = type->number,
				.rtx_type = rtx_of(s, type->number), .level = type->level, .nack = type->nack,
				.remb = type->remb,
			};
}

/* The m= line has ended: does it carry a stream that we take? Port 0 refuses it, but where bundle-only says that it
 * shares another line's transport. */
static void section_end(struct reader *r)
{
	struct section *s = &r->section;
	struct sdp *sdp = r->sdp;
	if (!r->in_section || sdp->line_count >= LINES_MAX)
		return;
	int index = sdp->line_count++;
	memcpy(sdp->line_kinds[index], s->kind, sizeof(s->kind));
	memcpy(sdp->line_mids[index], s->mid, sizeof(s->mid));
	r->lines[index] = s->transport;
	r->lines[index].mux = s->mux;
	bool video = strcmp(s->kind, "video") == 0, audio = strcmp(s->kind, "audio") == 0;
	bool shares = s->bundle_only && group_of(r, s->mid) >= 0;
	struct sdp_stream *stream = video ? &sdp->video : &sdp->audio;
	const struct type *type = video ? first_video(s) : audio ? best_audio(s) : NULL;
	if (!type || stream->there || (s->rejected && !shares))
		return;
	r->taken[index] = true;
	*stream = (struct sdp_stream){
		.there = true, .index = index, .payload_type = type->number,
		.rtx_type = rtx_of(s, type->number), .ssrc = s->ssrc, .rtx_ssrc = s->rtx_ssrc,
		.codec = type->codec, .mode = type->mode, .level = type->level,
		.nack = type->nack, .remb = type->remb,
	};
	memcpy(stream->mid, s->mid, sizeof(s->mid));
	if (video)
		others_collect(s, type, stream);
}

/* RFC 8843 §9: of bundled lines the first one that is taken speaks for all, then whatever else says something. */
static void transport_read(const struct reader *r, const struct sdp_stream *stream, const struct sdp_stream *speaker,
			   struct sdp_transport *transport)
{
	const struct sdp *sdp = r->sdp;
	int group = group_of(r, stream->mid);
	transport->there = true;
	merge(transport, &r->lines[speaker->index]);
	merge(transport, &r->lines[stream->index]);
	for (int i = 0; group >= 0 && i < sdp->line_count; i++)
		if (in_group(r, group, sdp->line_mids[i]))
			merge(transport, &r->lines[i]);
	merge(transport, &r->session);
	transport->mux = sdp->bundle || r->lines[speaker->index].mux;
}

static void transports_read(struct reader *r)
{
	struct sdp *sdp = r->sdp;
	struct sdp_stream *audio = &sdp->audio, *video = &sdp->video;
	bool both = audio->there && video->there;
	int group = group_of(r, audio->there ? audio->mid : video->mid);
	sdp->bundle = group >= 0 && (!both || group == group_of(r, video->mid));
	sdp->video_first = both && sdp->bundle &&
			   in_group(r, group, video->mid) < in_group(r, group, audio->mid);
	video->transport = sdp->bundle ? SDP_OF_AUDIO : SDP_OF_VIDEO;
	if (audio->there)
		transport_read(r, audio, sdp->video_first ? video : audio, &sdp->transports[SDP_OF_AUDIO]);
	if (video->there && !(both && sdp->bundle))
		transport_read(r, video, video, &sdp->transports[video->transport]);
}

static void read_line(struct reader *r, const char *line)
{
	struct section *s = &r->section;
	const char *value;
	if ((value = after(line, "m="))) {
		section_end(r);
		r->in_section = true;
		read_media(s, value);
		return;
	}
	read_transport(r->in_section ? &s->transport : &r->session, line);
	if (!r->in_section) {
		if ((value = after(line, "a=group:BUNDLE ")))
			read_group(r, value);
		return;
	}
	if ((value = after(line, "a=mid:")))
		copy_word(s->mid, sizeof(s->mid), value);
	else if ((value = after(line, "a=rtpmap:")))
		read_rtpmap(s, value);
	else if ((value = after(line, "a=fmtp:")))
		read_fmtp(s, value);
	else if ((value = after(line, "a=rtcp-fb:")))
		read_feedback(s, value);
	else if ((value = after(line, "a=ssrc:")))
		read_ssrc(s, value);
	else if ((value = after(line, "a=ssrc-group:")))
		read_ssrc_group(s, value);
	else if (strcmp(line, "a=rtcp-mux") == 0)
		s->mux = true;
	else if (strcmp(line, "a=bundle-only") == 0)
		s->bundle_only = true;
}

static const char *missing(const struct sdp *sdp)
{
	if (!sdp->audio.there && !sdp->video.there)
		return "sdp: neither Opus nor H.264 nor VP8";
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		const struct sdp_transport *t = &sdp->transports[i];
		if (t->there && (!t->ufrag[0] || !t->password[0]))
			return "sdp: no ICE user name or password";
		if (t->there && !t->fingerprint[0])
			return "sdp: no fingerprint: media without encryption is refused";
	}
	return NULL;
}

/* The next line into line, NULL at the end; longer ones are cut. */
static const char *line_next(const char *at, char *line, size_t line_bytes)
{
	if (!*at)
		return NULL;
	size_t n = strcspn(at, "\r\n"), kept = n < line_bytes ? n : line_bytes - 1;
	memcpy(line, at, kept);
	line[kept] = '\0';
	return at + n + strspn(at + n, "\r\n");
}

int sdp_parse(const char *text, struct sdp *ret_sdp, const char **ret_why)
{
	struct reader r = { .sdp = ret_sdp };
	memset(ret_sdp, 0, sizeof(*ret_sdp));
	if (strnlen(text, SDP_BYTES_MAX) == SDP_BYTES_MAX) {
		*ret_why = "sdp: too long";
		return -EBADMSG;
	}
	char line[512];
	for (const char *at = text; (at = line_next(at, line, sizeof(line)));)
		read_line(&r, line);
	section_end(&r);
	transports_read(&r);
	*ret_why = missing(ret_sdp);
	return *ret_why ? -EBADMSG : 0;
}

void sdp_candidates(const char *text, void (*each)(int line, const char *candidate, void *data), void *data)
{
	char line[512];
	int index = -1;
	for (const char *at = text; (at = line_next(at, line, sizeof(line)));) {
		if (after(line, "m="))
			index++;
		else if (after(line, "a=candidate:") && index >= 0)
			each(index, line + 2, data);
	}
}

/* ---- writing ---- */

struct writer {
	char *text;
	size_t at, room;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(w->text + w->at, w->room - w->at, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= w->room - w->at)
		w->at = w->room - 1; /* found out at the end */
	else
		w->at += (size_t)n;
}

static void put_transport(struct writer *w, const struct sdp *sdp, const struct sdp_stream *stream)
{
	static const char *const setups[] = { "actpass", "active", "passive" };
	const struct sdp_transport *t = &sdp->transports[stream->transport];
	put(w, "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
	       "a=ice-options:trickle\r\na=fingerprint:%s %s\r\na=setup:%s\r\n%s",
	    t->ufrag, t->password, t->fingerprint_hash, t->fingerprint, setups[t->setup],
	    t->mux ? "a=rtcp-mux\r\n" : "");
}

static void put_ssrc(struct writer *w, const struct sdp *sdp, uint32_t ssrc, const char *track)
{
	put(w, "a=ssrc:%u cname:%s\r\na=ssrc:%u msid:%s %s\r\n", ssrc, sdp->cname, ssrc, sdp->cname, track);
}

static void put_audio(struct writer *w, const struct sdp *sdp)
{
	const struct sdp_stream *s = &sdp->audio;
	put(w, "m=audio 9 UDP/TLS/RTP/SAVPF %d\r\n", s->payload_type);
	put_transport(w, sdp, s);
	put(w, "a=mid:%s\r\na=sendrecv\r\na=msid:%s audio\r\na=rtpmap:%d opus/48000/2\r\n"
	       "a=fmtp:%d minptime=10;useinbandfec=1\r\n",
	    s->mid, sdp->cname, s->payload_type, s->payload_type);
	put_ssrc(w, sdp, s->ssrc, "audio");
}

static struct sdp_format format_in_use(const struct sdp_stream *s)
{
	return (struct sdp_format){ .codec = s->codec, .mode = s->mode, .payload_type = s->payload_type,
				    .rtx_type = s->rtx_type, .level = s->level, .nack = s->nack, .remb = s->remb };
}

static void format_use(struct sdp_stream *s, const struct sdp_format *f)
{
	s->codec = f->codec;
	s->mode = f->mode;
	s->payload_type = f->payload_type;
	s->rtx_type = f->rtx_type;
	s->level = f->level;
	s->nack = f->nack;
	s->remb = f->remb;
}

/* Number i of a stream's video formats, the one in use first. */
static struct sdp_format format_at(const struct sdp_stream *s, int i)
{
	return i == 0 ? format_in_use(s) : s->others[i - 1];
}

static void put_format(struct writer *w, const struct sdp_format *f)
{
	int type = f->payload_type;
	put(w, "a=rtpmap:%d %s/90000\r\n", type, video_codec_name(f->codec));
	if (f->codec == VIDEO_H264)
		put(w, "a=fmtp:%d level-asymmetry-allowed=1;packetization-mode=%d;profile-level-id=42e0%02x\r\n", type,
		    f->mode, LEVEL_OWN);
	else
		put(w, "a=fmtp:%d max-fs=%d;max-fr=%d\r\n", type, VP8_FS_OWN, VP8_FR_OWN);
	put(w, "a=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\na=rtcp-fb:%d goog-remb\r\n", type,
	    type, type, type);
	if (f->rtx_type >= 0)
		put(w, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", f->rtx_type, f->rtx_type, type);
}

static void put_video(struct writer *w, const struct sdp *sdp)
{
	const struct sdp_stream *s = &sdp->video;
	put(w, "m=video 9 UDP/TLS/RTP/SAVPF");
	for (int i = 0; i <= s->other_count; i++) {
		struct sdp_format f = format_at(s, i);
		put(w, f.rtx_type >= 0 ? " %d %d" : " %d", f.payload_type, f.rtx_type);
	}
	put(w, "\r\n");
	put_transport(w, sdp, s);
	put(w, "a=mid:%s\r\na=sendrecv\r\na=msid:%s video\r\na=rtcp-rsize\r\n",
	    s->mid, sdp->cname);
	for (int i = 0; i <= s->other_count; i++) {
		struct sdp_format f = format_at(s, i);
		put_format(w, &f);
	}
	if (s->rtx_type >= 0)
		put(w, "a=ssrc-group:FID %u %u\r\n", s->ssrc, s->rtx_ssrc);
	put_ssrc(w, sdp, s->ssrc, "video");
	if (s->rtx_type >= 0)
		put_ssrc(w, sdp, s->rtx_ssrc, "video");
}

static void put_refused(struct writer *w, const struct sdp *sdp, int index)
{
	put(w, "m=%s 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n",
	    sdp->line_kinds[index], sdp->line_mids[index]);
}

static void put_group(struct writer *w, const struct sdp *sdp)
{
	const struct sdp_stream *streams[] = { sdp->video_first ? &sdp->video : &sdp->audio,
					       sdp->video_first ? &sdp->audio : &sdp->video };
	put(w, "a=group:BUNDLE");
	for (int i = 0; i < 2; i++)
		if (streams[i]->there)
			put(w, " %s", streams[i]->mid);
	put(w, "\r\n");
}

int sdp_write(const struct sdp *sdp, uint64_t session, unsigned int version, char *text, size_t text_bytes)
{
	struct writer w = { .text = text, .room = text_bytes };
	put(&w, "v=0\r\no=- %llu %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
	    (unsigned long long)(session & 0x7fffffffffffffffULL), version);
	if (sdp->bundle)
		put_group(&w, sdp);
	put(&w, "a=msid-semantic: WMS %s\r\n", sdp->cname);
	for (int i = 0; i < sdp->line_count; i++) {
		if (sdp->audio.there && sdp->audio.index == i)
			put_audio(&w, sdp);
		else if (sdp->video.there && sdp->video.index == i)
			put_video(&w, sdp);
		else
			put_refused(&w, sdp, i);
	}
	return w.at + 1 < w.room ? 0 : -EMSGSIZE;
}

static void stream_mirror(const struct sdp_stream *offer, struct sdp_stream *answer)
{
	uint32_t ssrc = answer->ssrc, rtx_ssrc = answer->rtx_ssrc;
	*answer = *offer;
	answer->ssrc = ssrc;
	answer->rtx_ssrc = rtx_ssrc;
}

int sdp_answer(const struct sdp *offer, struct sdp *answer)
{
	if (!offer->audio.there && !offer->video.there)
		return -EBADMSG;
	answer->line_count = offer->line_count;
	memcpy(answer->line_kinds, offer->line_kinds, sizeof(offer->line_kinds));
	memcpy(answer->line_mids, offer->line_mids, sizeof(offer->line_mids));
	stream_mirror(&offer->audio, &answer->audio);
	stream_mirror(&offer->video, &answer->video);
	answer->bundle = offer->bundle;
	answer->video_first = offer->video_first;
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		answer->transports[i].there = offer->transports[i].there;
		answer->transports[i].mux = offer->transports[i].mux;
	}
	return 0;
}

/* What we offer of each codec, the best first. */
static const struct sdp_format own[] = {
	{ .codec = VIDEO_H264, .mode = 1, .payload_type = 102, .rtx_type = 103, .level = LEVEL_OWN },
	{ .codec = VIDEO_H264, .mode = 0, .payload_type = 104, .rtx_type = 105, .level = LEVEL_OWN },
	{ .codec = VIDEO_VP8, .payload_type = 96, .rtx_type = 97 },
};

#define OWN (sizeof(own) / sizeof(own[0]))

static void offer_formats(struct sdp_stream *video, const enum video_codec *codecs)
{
	int count = 0;
	for (; *codecs != VIDEO_NONE; codecs++)
		for (size_t i = 0; i < OWN; i++) {
			if (own[i].codec != *codecs)
				continue;
			if (count++ == 0)
				format_use(video, &own[i]);
			else
				video->others[video->other_count++] = own[i];
		}
}

/* How much we like it: 0 best; -1: not at all. */
static int rank(const struct sdp_format *format, const enum video_codec *codecs)
{
	for (int i = 0; codecs[i] != VIDEO_NONE; i++)
		if (codecs[i] == format->codec)
			return i * 2 + (format->codec == VIDEO_H264 && format->mode == 0);
	return -1;
}

void sdp_choose(struct sdp *peer, const enum video_codec *codecs, bool offer)
{
	struct sdp_stream *video = &peer->video;
	struct sdp_format best = { .codec = VIDEO_NONE };
	int best_rank = INT_MAX;
	for (int i = 0; video->there && i <= video->other_count; i++) {
		struct sdp_format f = format_at(video, i);
		int r = rank(&f, codecs);
		if (r < 0 || r >= best_rank)
			continue;
		best = f;
		best_rank = offer ? r : 0;
	}
	video->there = best.codec != VIDEO_NONE;
	peer->transports[SDP_OF_VIDEO].there &= video->there;
	video->other_count = 0;
	format_use(video, &best);
}

bool sdp_format_find(const struct sdp_stream *stream, int type, struct sdp_format *ret_format, bool *ret_rtx)
{
	for (int i = 0; stream->there && i <= stream->other_count; i++) {
		struct sdp_format f = format_at(stream, i);
		if (type != f.payload_type && type != f.rtx_type)
			continue;
		*ret_format = f;
		*ret_rtx = type == f.rtx_type;
		return true;
	}
	return false;
}

void sdp_offer(struct sdp *offer, bool video)
{
	offer->transports[SDP_OF_AUDIO].there = offer->transports[SDP_OF_AUDIO].mux = offer->bundle = true;
	offer->line_count = video ? 2 : 1;
	snprintf(offer->line_kinds[0], sizeof(offer->line_kinds[0]), "audio");
	snprintf(offer->line_kinds[1], sizeof(offer->line_kinds[1]), "video");
	snprintf(offer->line_mids[0], sizeof(offer->line_mids[0]), "0");
	snprintf(offer->line_mids[1], sizeof(offer->line_mids[1]), "1");
	offer->audio.there = true;
	offer->audio.payload_type = 111;
	offer->audio.rtx_type = -1;
	offer->audio.index = 0;
	memcpy(offer->audio.mid, "0", 2);
	offer->video.there = video && offer->codecs[0] != VIDEO_NONE;
	offer_formats(&offer->video, offer->codecs);
	offer->video.index = 1;
	memcpy(offer->video.mid, "1", 2);
}
