/* encoder_vpx: software VP8 through libvpx: real time, one thread, constant bit rate, no look-ahead, key frames on
 * request only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "core/devices/encoder.h"
#include "drivers-glue/drivers.h"

#define TICKS 90000	/* of a second, in which libvpx is told the time */
#define CPU_USED (-8)	/* below zero: that fast, always; above, libvpx would measure its own time */
#define PAUSE_FRAMES 4	/* what a picture takes at most: a pause is no lower frame rate */
#define INTRA_PERCENT 450 /* of a picture's mean share, that a key frame may take */

struct encoder {
	vpx_codec_ctx_t codec;
	vpx_codec_enc_cfg_t config;
	int fps;
	int64_t last_us; /* capture of the last picture, 0: none */
	int64_t time;	 /* ticks */
};

/* Pictures are left out before the rate is overrun. Only a key frame takes more than its share, and INTRA_PERCENT limits
 * that: no second of queue in the pacer. */
static void parameters(const struct encoder_wish *wish, vpx_codec_enc_cfg_t *c)
{
	c->g_w = (unsigned int)wish->width;
	c->g_h = (unsigned int)wish->height;
	c->g_timebase = (struct vpx_rational){ 1, TICKS };
	c->g_threads = 1;
	c->g_lag_in_frames = 0;
	c->g_pass = VPX_RC_ONE_PASS;
	c->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
	c->kf_mode = VPX_KF_DISABLED;
	c->rc_end_usage = VPX_CBR;
	c->rc_target_bitrate = (unsigned int)wish->bitrate_bps / 1000;
	c->rc_resize_allowed = 0;
	c->rc_dropframe_thresh = 30;
	c->rc_min_quantizer = 4;
	c->rc_max_quantizer = 63;
	c->rc_undershoot_pct = 100;
	c->rc_overshoot_pct = 15;
	c->rc_buf_initial_sz = 500;
	c->rc_buf_optimal_sz = 600;
	c->rc_buf_sz = 1000;
}

static void vpx_driver_close(struct encoder *encoder)
{
	vpx_codec_destroy(&encoder->codec);
	free(encoder);
}

static int vpx_driver_open(const char *address, const struct encoder_wish *wish, struct encoder **ret_encoder,
			   char *why, size_t why_bytes)
{
	(void)address;
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	if (!encoder)
		return -ENOMEM;
	vpx_codec_iface_t *vp8 = vpx_codec_vp8_cx();
	vpx_codec_err_t r = vpx_codec_enc_config_default(vp8, &encoder->config, 0);
	if (r == VPX_CODEC_OK) {
		parameters(wish, &encoder->config);
		r = vpx_codec_enc_init(&encoder->codec, vp8, &encoder->config, 0);
	}
	if (r != VPX_CODEC_OK) {
		snprintf(why, why_bytes, "refuses %dx%d at %d fps: %s", wish->width, wish->height, wish->fps,
			 vpx_codec_err_to_string(r));
		free(encoder);
		return -EINVAL;
	}
	vpx_codec_control(&encoder->codec, VP8E_SET_CPUUSED, CPU_USED);
	vpx_codec_control(&encoder->codec, VP8E_SET_STATIC_THRESHOLD, 1);
	vpx_codec_control(&encoder->codec, VP8E_SET_NOISE_SENSITIVITY, 0);
	vpx_codec_control(&encoder->codec, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
	vpx_codec_control(&encoder->codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, INTRA_PERCENT);
	encoder->fps = wish->fps;
	*ret_encoder = encoder;
	return 0;
}

/* libvpx learns the frame rate from these: they follow the camera, but a pause is cut short. */
static void time_next(struct encoder *encoder, int64_t capture_us)
{
	int64_t usual = TICKS / encoder->fps, passed = (capture_us - encoder->last_us) * TICKS / 1000000;
	if (encoder->last_us == 0 || passed > usual * PAUSE_FRAMES)
		passed = usual;
	encoder->time += passed > 0 ? passed : 1;
	encoder->last_us = capture_us;
}

static int vpx_driver_encode(struct encoder *encoder, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	vpx_image_t image;
	if (frame->format != FRAME_I420 || !frame->planes[0] || frame->width != (int)encoder->config.g_w ||
	    frame->height != (int)encoder->config.g_h)
		return -EINVAL;
	vpx_img_wrap(&image, VPX_IMG_FMT_I420, encoder->config.g_w, encoder->config.g_h, 1, frame->planes[0]);
	for (int i = 0; i < 3; i++) {
		image.planes[i] = frame->planes[i];
		image.stride[i] = frame->strides[i];
	}
	time_next(encoder, frame->capture_us);
	if (vpx_codec_encode(&encoder->codec, &image, encoder->time, (unsigned long)(TICKS / encoder->fps),
			     idr ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME) != VPX_CODEC_OK)
		return -EIO;
	*ret_encoded = (struct encoded){ 0 };
	vpx_codec_iter_t at = NULL;
	for (const vpx_codec_cx_pkt_t *packet; (packet = vpx_codec_get_cx_data(&encoder->codec, &at));)
		if (packet->kind == VPX_CODEC_CX_FRAME_PKT)
			*ret_encoded = (struct encoded){
				.bytes = packet->data.frame.buf, .size = packet->data.frame.sz,
				.keyframe = packet->data.frame.flags & VPX_FRAME_IS_KEY,
			};
	return 0;
}

static int vpx_driver_set_rate(struct encoder *encoder, int bitrate_bps, int fps)
{
	encoder->fps = fps;
	encoder->config.rc_target_bitrate = (unsigned int)bitrate_bps / 1000;
	return vpx_codec_enc_config_set(&encoder->codec, &encoder->config) == VPX_CODEC_OK ? 0 : -EINVAL;
}

const struct encoder_driver encoder_vpx = {
	.name = "libvpx", .codec = VIDEO_VP8, .open = vpx_driver_open, .encode = vpx_driver_encode,
	.set_rate = vpx_driver_set_rate, .close = vpx_driver_close,
};
