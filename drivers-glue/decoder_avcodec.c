/* decoder_avcodec: software H.264 through libavcodec: no frame threads, no delay. */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>

#include "core/devices/encoder.h"
#include "drivers-glue/drivers.h"

#define UNIT_MAX (1024 * 1024)

struct decoder {
	AVCodecContext *context;
	AVPacket *packet;
	AVFrame *frame;
	uint8_t *padded;
};

static void avcodec_driver_close(struct decoder *decoder)
{
	avcodec_free_context(&decoder->context);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->frame);
	free(decoder->padded);
	free(decoder);
}

static int avcodec_driver_open(struct decoder **ret_decoder)
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return -ENOMEM;
	av_log_set_level(AV_LOG_QUIET);
	decoder->context = codec ? avcodec_alloc_context3(codec) : NULL;
	decoder->packet = av_packet_alloc();
	decoder->frame = av_frame_alloc();
	decoder->padded = malloc(UNIT_MAX + AV_INPUT_BUFFER_PADDING_SIZE);
	if (decoder->context && decoder->packet && decoder->frame && decoder->padded) {
		decoder->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
		decoder->context->thread_count = 1;
		decoder->context->err_recognition = AV_EF_CAREFUL;
		decoder->context->max_pixels = (int64_t)PICTURE_SIDE_MAX * PICTURE_SIDE_MAX;
		if (avcodec_open2(decoder->context, codec, NULL) == 0) {
			*ret_decoder = decoder;
			return 0;
		}
	}
	avcodec_driver_close(decoder);
	return -ENOMEM;
}

static int avcodec_driver_decode(struct decoder *decoder, const uint8_t *bytes, size_t size,
				 struct picture *ret_picture)
{
	if (size > UNIT_MAX)
		return -EBADMSG;
	memcpy(decoder->padded, bytes, size);
	memset(decoder->padded + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	decoder->packet->data = decoder->padded;
	decoder->packet->size = (int)size;
	if (avcodec_send_packet(decoder->context, decoder->packet) < 0)
		return -EBADMSG;
	int r = avcodec_receive_frame(decoder->context, decoder->frame);
	if (r == AVERROR(EAGAIN))
		return -EAGAIN;
	const AVFrame *f = decoder->frame;
	if (r < 0 || (f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P) ||
	    (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags || f->width < 16 || f->height < 16)
		return -EBADMSG;
	*ret_picture = (struct picture){
		.width = f->width & ~1, .height = f->height & ~1,
		.planes = { f->data[0], f->data[1], f->data[2] },
		.strides = { f->linesize[0], f->linesize[1], f->linesize[2] },
	};
	return 0;
}

const struct decoder_driver decoder_avcodec = {
	.name = "libavcodec h264", .open = avcodec_driver_open, .decode = avcodec_driver_decode,
	.close = avcodec_driver_close,
};
