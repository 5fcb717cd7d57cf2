/* encoder_openh264: software H.264, constrained baseline, one thread, low complexity.
 *
 * The loop filter is a sixth of the encoder's work and a quarter of the decoder's. Of finely quantised pictures it
 * changes next to nothing (0.2 dB), coarse ones are blocks without it. So it is on when bits are scarce or the picture
 * is coarse. openh264 cannot turn it at run time: it is begun anew, with an IDR. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

#include "core/devices/encoder.h"
#include "core/devices/h264_stream.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/h264_quantiser.h"

#define ENCODED_BYTES_MAX (256 * 1024)
#define START_CODE 4
#define PLENTY_BITS 0.06 /* a pixel: the picture may well be fine */
#define FINE 26		 /* quantiser: no filter is missed */
#define COARSE 30	 /* one is */
#define SLOWNESS 15	 /* pictures of the quantiser's mean */

struct encoder {
	ISVCEncoder *codec;
	struct encoder_wish wish; /* as it is now */
	bool filters;
	int pictures; /* since it began */
	int frame_num_bits;
	double quantiser; /* mean */
	uint8_t bytes[ENCODED_BYTES_MAX];
};

static void parameters(ISVCEncoder *codec, const struct encoder_wish *wish, bool filters, SEncParamExt *p)
{
	(*codec)->GetDefaultParams(codec, p);
	p->iUsageType = CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = wish->width;
	p->iPicHeight = wish->height;
	p->fMaxFrameRate = (float)wish->fps;
	p->iTargetBitrate = wish->bitrate_bps;
	p->iMaxBitrate = wish->bitrate_bps * 3 / 2;
	p->iRCMode = RC_BITRATE_MODE;
	p->iComplexityMode = LOW_COMPLEXITY;
	p->iMultipleThreadIdc = 1;
	p->uiIntraPeriod = 0; /* IDR on request only */
	p->iNumRefFrame = 1;
	p->bEnableFrameSkip = true;
	p->bEnableSceneChangeDetect = false;
	p->bEnableBackgroundDetection = false;
	p->bEnableAdaptiveQuant = false;
	p->bEnableLongTermReference = false;
	p->bPrefixNalAddingCtrl = false;
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iEntropyCodingModeFlag = 0;
	p->iLoopFilterDisableIdc = !filters;
	p->iSpatialLayerNum = 1;
	p->iTemporalLayerNum = 1;
	SSpatialLayerConfig *layer = &p->sSpatialLayers[0];
	layer->iVideoWidth = wish->width;
	layer->iVideoHeight = wish->height;
	layer->fFrameRate = (float)wish->fps;
	layer->iSpatialBitrate = wish->bitrate_bps;
	layer->iMaxSpatialBitrate = p->iMaxBitrate;
	layer->uiProfileIdc = PRO_BASELINE;
	layer->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	if (wish->slice_bytes > 0) {
		layer->sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
		layer->sSliceArgument.uiSliceSizeConstraint = (unsigned int)wish->slice_bytes;
		p->uiMaxNalSize = (unsigned int)wish->slice_bytes;
	}
}

static void openh264_close(struct encoder *encoder)
{
	if (encoder->codec) {
		(*encoder->codec)->Uninitialize(encoder->codec);
		WelsDestroySVCEncoder(encoder->codec);
	}
	free(encoder);
}

/* The next picture is an IDR. */
static int begin(struct encoder *encoder)
{
	SEncParamExt p;
	ISVCEncoder *codec = encoder->codec;
	int quiet = WELS_LOG_QUIET, format = videoFormatI420;
	(*codec)->SetOption(codec, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	parameters(codec, &encoder->wish, encoder->filters, &p);
	if ((*codec)->InitializeExt(codec, &p) != cmResultSuccess)
		return -EIO;
	(*codec)->SetOption(codec, ENCODER_OPTION_DATAFORMAT, &format);
	encoder->pictures = 0;
	encoder->quantiser = (FINE + COARSE) / 2.0;
	return 0;
}

static int openh264_open(const char *address, const struct encoder_wish *wish, struct encoder **ret_encoder,
			 char *why, size_t why_bytes)
{
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	(void)address;
	if (!encoder)
		return -ENOMEM;
	if (WelsCreateSVCEncoder(&encoder->codec) != 0 || !encoder->codec) {
		encoder->codec = NULL;
		openh264_close(encoder);
		return -ENOMEM;
	}
	encoder->wish = *wish;
	encoder->filters = wish->bitrate_bps < PLENTY_BITS * wish->width * wish->height * wish->fps;
	if (begin(encoder) < 0) {
		openh264_close(encoder);
		snprintf(why, why_bytes, "refuses %dx%d at %d fps", wish->width, wish->height, wish->fps);
		return -EINVAL;
	}
	*ret_encoder = encoder;
	return 0;
}

/* Of the unit that is about to be handed out. */
static void quantiser_note(struct encoder *encoder, const uint8_t *nal, size_t size)
{
	struct h264_sps sps;
	bool filters;
	if ((nal[0] & 31) == H264_SPS && h264_sps_parse(nal, size, &sps) == 0)
		encoder->frame_num_bits = sps.frame_num_bits;
	int quantiser = h264_quantiser(nal, size, encoder->frame_num_bits, &filters);
	if (quantiser >= 0)
		encoder->quantiser += (quantiser - encoder->quantiser) / SLOWNESS;
}

/* An IDR is asked for: the time to do without the filter. That one is missed is reason enough for an IDR. */
static int filter_choose(struct encoder *encoder, bool idr)
{
	bool known = encoder->pictures > SLOWNESS * 2;
	bool drop = encoder->filters && idr && encoder->quantiser <= FINE;
	bool take = !encoder->filters && encoder->quantiser >= COARSE;
	if (!known || !(drop || take))
		return 0;
	(*encoder->codec)->Uninitialize(encoder->codec);
	encoder->filters = take;
	return begin(encoder);
}

/* Joins the layers' NAL units into one buffer. */
static size_t gather(struct encoder *encoder, const SFrameBSInfo *info)
{
	size_t size = 0;
	for (int i = 0; i < info->iLayerNum; i++) {
		const SLayerBSInfo *layer = &info->sLayerInfo[i];
		size_t bytes = 0;
		for (int n = 0; n < layer->iNalCount; n++) {
			size_t nal = (size_t)layer->pNalLengthInByte[n];
			if (nal > START_CODE)
				quantiser_note(encoder, layer->pBsBuf + bytes + START_CODE, nal - START_CODE);
			bytes += nal;
		}
		if (size + bytes > sizeof(encoder->bytes))
			return 0;
		memcpy(encoder->bytes + size, layer->pBsBuf, bytes);
		size += bytes;
	}
	return size;
}

static int openh264_encode(struct encoder *encoder, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	SFrameBSInfo info;
	SSourcePicture source = {
		.iColorFormat = videoFormatI420,
		.iStride = { frame->strides[0], frame->strides[1], frame->strides[2], 0 },
		.pData = { frame->planes[0], frame->planes[1], frame->planes[2], NULL },
		.iPicWidth = frame->width, .iPicHeight = frame->height,
		.uiTimeStamp = frame->capture_us / 1000,
	};
	if (frame->format != FRAME_I420 || !frame->planes[0] || frame->width != encoder->wish.width ||
	    frame->height != encoder->wish.height)
		return -EINVAL;
	if (filter_choose(encoder, idr) < 0)
		return -EIO;
	encoder->pictures++;
	if (idr)
		(*encoder->codec)->ForceIntraFrame(encoder->codec, true);
	memset(&info, 0, sizeof(info));
	if ((*encoder->codec)->EncodeFrame(encoder->codec, &source, &info) != cmResultSuccess)
		return -EIO;
	bool skipped = info.eFrameType == videoFrameTypeSkip || info.eFrameType == videoFrameTypeInvalid;
	*ret_encoded = (struct encoded){
		.bytes = encoder->bytes, .size = skipped ? 0 : gather(encoder, &info),
		.keyframe = info.eFrameType == videoFrameTypeIDR,
	};
	return 0;
}

/* Of the one layer and of the whole: each is checked against the other. */
static bool bits_set(ISVCEncoder *codec, ENCODER_OPTION option, int bits)
{
	SBitrateInfo layer = { .iLayer = SPATIAL_LAYER_0, .iBitrate = bits };
	SBitrateInfo all = { .iLayer = SPATIAL_LAYER_ALL, .iBitrate = bits };
	return (*codec)->SetOption(codec, option, &layer) == cmResultSuccess &&
	       (*codec)->SetOption(codec, option, &all) == cmResultSuccess;
}

/* The target never stands above the most, neither on the way up nor down: it would be refused. */
static int openh264_set_rate(struct encoder *encoder, int bitrate_bps, int fps)
{
	ISVCEncoder *codec = encoder->codec;
	float rate = (float)fps;
	bool rises = bitrate_bps > encoder->wish.bitrate_bps, good = true;
	encoder->wish.bitrate_bps = bitrate_bps;
	encoder->wish.fps = fps;
	if (rises)
		good = bits_set(codec, ENCODER_OPTION_MAX_BITRATE, bitrate_bps * 3 / 2);
	good = bits_set(codec, ENCODER_OPTION_BITRATE, bitrate_bps) && good;
	if (!rises)
		good = bits_set(codec, ENCODER_OPTION_MAX_BITRATE, bitrate_bps * 3 / 2) && good;
	(*codec)->SetOption(codec, ENCODER_OPTION_FRAME_RATE, &rate);
	return good ? 0 : -EINVAL;
}

const struct encoder_driver encoder_openh264 = {
	.name = "openh264", .codec = VIDEO_H264, .slices = true, .open = openh264_open, .encode = openh264_encode,
	.set_rate = openh264_set_rate, .close = openh264_close,
};
