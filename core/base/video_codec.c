#include "core/base/video_codec.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static const char *const names[] = { [VIDEO_NONE] = "", [VIDEO_H264] = "H264", [VIDEO_VP8] = "VP8" };

bool video_codec_is_known(unsigned int codec)
{
	return codec > VIDEO_NONE && codec < G_N_ELEMENTS(names);
}

const char *video_codec_name(enum video_codec codec)
{
	return names[codec];
}

static enum video_codec codec_of(const char *word)
{
	for (enum video_codec codec = VIDEO_H264; video_codec_is_known(codec); codec++)
		if (g_ascii_strcasecmp(word, names[codec]) == 0)
			return codec;
	return VIDEO_NONE;
}

int video_codecs_parse(const char *words, enum video_codec ret_codecs[VIDEO_CODECS + 1], char **ret_why)
{
	enum video_codec codecs[VIDEO_CODECS + 1] = { VIDEO_NONE };
	g_auto(GStrv) all = g_strsplit_set(words, " \t", -1);
	int count = 0;
	for (char **word = all; *word; word++) {
		enum video_codec codec = codec_of(*word);
		if (!**word)
			continue;
		if (codec == VIDEO_NONE) {
			*ret_why = g_strdup_printf("\"%s\" is no codec; there are h264 and vp8", *word);
			return -EINVAL;
		}
		for (int i = 0; i < count; i++)
			if (codecs[i] == codec) {
				*ret_why = g_strdup_printf("\"%s\" stands there twice", *word);
				return -EINVAL;
			}
		codecs[count++] = codec;
	}
	if (count == 0) {
		*ret_why = g_strdup("at least one of h264 and vp8 is needed");
		return -EINVAL;
	}
	memcpy(ret_codecs, codecs, sizeof(codecs));
	return 0;
}
