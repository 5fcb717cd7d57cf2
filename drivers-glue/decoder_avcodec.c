/* decoder_avcodec: software H.264 and VP8 through libavcodec: no frame threads, no delay. VP8 is decoded here too, not
 * by libvpx: the same counted pictures leave without a copy, and it is the quicker of both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/devices/encoder.h"
#include "drivers-glue/avcodec.h"
#include "drivers-glue/drivers.h"

#define UNIT_MAX (1024 * 1024)

static void avcodec_warm(void)
{
	char why[256];
	avcodec_load(why, sizeof(why)); /* what fails is said when it is needed */
}

struct decoder {
	AVCodecContext *context;
	AVPacket *packet;
	AVFrame *frame;
	uint8_t *padded;
};

static void avcodec_driver_close(struct decoder *decoder)
{
	av.avcodec_free_context(&decoder->context);
	av.av_packet_free(&decoder->packet);
	av.av_frame_free(&decoder->frame);
	free(decoder->padded);
	free(decoder);
}

static int decoder_open(enum AVCodecID id, struct decoder **ret_decoder, char *why, size_t why_bytes)
{
	int r = avcodec_load(why, why_bytes);
	if (r < 0)
		return r;
	const AVCodec *codec = av.avcodec_find_decoder(id);
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return -ENOMEM;
	decoder->context = codec ? av.avcodec_alloc_context3(codec) : NULL;
	decoder->packet = av.av_packet_alloc();
	decoder->frame = av.av_frame_alloc();
	decoder->padded = malloc(UNIT_MAX + AV_INPUT_BUFFER_PADDING_SIZE);
	if (decoder->context && decoder->packet && decoder->frame && decoder->padded) {
		decoder->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
		decoder->context->thread_count = 1;
		decoder->context->err_recognition = AV_EF_CAREFUL;
		decoder->context->max_pixels = (int64_t)PICTURE_SIDE_MAX * PICTURE_SIDE_MAX;
		if (av.avcodec_open2(decoder->context, codec, NULL) == 0) {
			*ret_decoder = decoder;
			return 0;
		}
	}
	avcodec_driver_close(decoder);
	snprintf(why, why_bytes, "libavcodec has no decoder of %s", av.avcodec_get_name(id));
	return -ENOMEM;
}

static int avcodec_driver_open(const char *address, struct decoder **ret_decoder, char *why, size_t why_bytes)
{
	(void)address;
	return decoder_open(AV_CODEC_ID_H264, ret_decoder, why, why_bytes);
}

static int avcodec_vp8_open(const char *address, struct decoder **ret_decoder, char *why, size_t why_bytes)
{
	(void)address;
	return decoder_open(AV_CODEC_ID_VP8, ret_decoder, why, why_bytes);
}

struct decoded {
	struct frame frame;
	AVFrame *picture;
};

static void decoded_give_back(struct frame *frame)
{
	struct decoded *decoded = frame->owner;
	av.av_frame_free(&decoded->picture);
	free(decoded);
}

static const struct frame_ops decoded_ops = { .give_back = decoded_give_back };

/* Takes the picture's planes along; they return to libavcodec's pool with the frame. */
static int hand_out(AVFrame *f, struct frame **ret_frame)
{
	struct decoded *decoded = calloc(1, sizeof(*decoded));
	if (!decoded || !(decoded->picture = av.av_frame_alloc())) {
		free(decoded);
		return -EBADMSG;
	}
	struct frame *frame = &decoded->frame;
	av.av_frame_move_ref(decoded->picture, f);
	f = decoded->picture;
	frame->format = FRAME_I420;
	frame->width = f->width & ~1;
	frame->height = f->height & ~1;
	frame->full_range = f->format == AV_PIX_FMT_YUVJ420P || f->color_range == AVCOL_RANGE_JPEG;
	frame->bytes = (size_t)f->linesize[0] * (size_t)f->height * 3 / 2;
	for (int i = 0; i < 3; i++) {
		frame->planes[i] = f->data[i];
		frame->strides[i] = f->linesize[i];
	}
	frame_begin(frame, &decoded_ops, decoded);
	*ret_frame = frame;
	return 0;
}

static int avcodec_driver_decode(struct decoder *decoder, const uint8_t *bytes, size_t size,
				 struct frame **ret_frame)
{
	if (size > UNIT_MAX)
		return -EBADMSG;
	memcpy(decoder->padded, bytes, size);
	memset(decoder->padded + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	decoder->packet->data = decoder->padded;
	decoder->packet->size = (int)size;
	if (av.avcodec_send_packet(decoder->context, decoder->packet) < 0)
		return -EBADMSG;
	int r = av.avcodec_receive_frame(decoder->context, decoder->frame);
	if (r == AVERROR(EAGAIN))
		return -EAGAIN;
	const AVFrame *f = decoder->frame;
	if (r < 0 || (f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P) ||
	    (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags || f->width < 16 || f->height < 16)
		return -EBADMSG;
	return hand_out(decoder->frame, ret_frame);
}

const struct decoder_driver decoder_avcodec = {
	.name = "libavcodec", .codec = VIDEO_H264, .open = avcodec_driver_open, .decode = avcodec_driver_decode,
	.close = avcodec_driver_close, .warm = avcodec_warm,
};

const struct decoder_driver decoder_avcodec_vp8 = {
	.name = "libavcodec", .codec = VIDEO_VP8, .open = avcodec_vp8_open, .decode = avcodec_driver_decode,
	.close = avcodec_driver_close, .warm = avcodec_warm,
};
