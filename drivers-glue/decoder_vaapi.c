/* decoder_vaapi: hardware H.264 through libavcodec's VA-API hwaccel. Whatever touches the driver runs on a guard's
 * thread, what becomes of the frames it handed out included; the guard lives until the last of them is home. */
#include <drm_fourcc.h>
#include <errno.h>
#include <libavutil/hwcontext_vaapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#include "drivers-glue/avcodec.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/va_display.h"
#include "drivers-glue/va_probe.h"

#define UNIT_MAX (1024 * 1024)
#define HELD_OUTSIDE 8 /* frames that views, snapshots and the screen may keep */
#define SURFACES_MAX 64
#define TICK_NS (GUARD_TICK_MS * 1000000ull)
#define TICKS 8 /* of waiting for a picture: less than GUARD_WORK_MS */
#define FIRST_TICKS 20

struct work {
	struct guard *guard; /* borrowed of the decoder */
	char address[64], why[256], vendor[96];
	AVBufferRef *device;
	AVCodecContext *context;
	AVPacket *packet;
	AVFrame *picture;
	uint8_t *padded;
	size_t size;
	bool refused; /* this stream is none for the driver */
	struct { VASurfaceID surface; uint64_t buffer; } names[SURFACES_MAX];
	int name_count;
	struct frame *frame;
};

struct decoder {
	struct guard *guard;
	struct work *work;
	bool failed, warm; /* warm: it has decoded a picture */
};

/* ---- frames that are out ---- */

struct decoded {
	struct frame frame;
	struct guard *guard; /* counted */
	AVFrame *picture, *mapped;
	VADRMPRIMESurfaceDescriptor exported;
	bool has_exported;
};

static VADisplay display_of(const AVFrame *picture)
{
	const AVHWFramesContext *frames = (const AVHWFramesContext *)(void *)picture->hw_frames_ctx->data;
	return ((AVVAAPIDeviceContext *)frames->device_ctx->hwctx)->display;
}

static VASurfaceID surface_of(const AVFrame *picture)
{
	return (VASurfaceID)(uintptr_t)picture->data[3];
}

static int run_give_back(void *data)
{
	struct decoded *decoded = data;
	av.av_frame_free(&decoded->mapped);
	av.av_frame_free(&decoded->picture);
	for (uint32_t i = 0; decoded->has_exported && i < decoded->exported.num_objects; i++)
		close(decoded->exported.objects[i].fd);
	free(decoded);
	return 0;
}

static void decoded_give_back(struct frame *frame)
{
	struct decoded *decoded = frame->owner;
	struct guard *guard = decoded->guard;
	guard_post(guard, run_give_back, decoded);
	guard_release(guard);
}

static int run_map(void *data)
{
	struct decoded *decoded = data;
	AVFrame *mapped = av.av_frame_alloc();
	int r = mapped ? 0 : AVERROR(ENOMEM);
	if (r == 0) {
		mapped->format = AV_PIX_FMT_NV12;
		r = av.av_hwframe_map(mapped, decoded->picture, AV_HWFRAME_MAP_READ);
		if (r < 0) {
			av.av_frame_unref(mapped);
			mapped->format = AV_PIX_FMT_NV12;
			r = av.av_hwframe_transfer_data(mapped, decoded->picture, 0);
		}
	}
	if (r < 0)
		av.av_frame_free(&mapped);
	else
		decoded->mapped = mapped;
	frame_release(&decoded->frame);
	return r < 0 ? -EIO : 0;
}

static int decoded_map(struct frame *frame)
{
	struct decoded *decoded = frame->owner;
	frame_hold(frame); /* the call's own, should it hang */
	int r = guard_call(decoded->guard, run_map, decoded, GUARD_WORK_MS);
	if (r < 0)
		return r;
	for (int i = 0; i < 2; i++) {
		frame->planes[i] = decoded->mapped->data[i];
		frame->strides[i] = decoded->mapped->linesize[i];
	}
	frame->bytes = (size_t)frame->strides[0] * (size_t)frame->height * 3 / 2;
	return 0;
}

static int run_export(void *data)
{
	struct decoded *decoded = data;
	VADRMPRIMESurfaceDescriptor d;
	memset(&d, 0, sizeof(d));
	VAStatus status = vaExportSurfaceHandle(display_of(decoded->picture), surface_of(decoded->picture),
						VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
						VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &d);
	if (status == VA_STATUS_SUCCESS) {
		decoded->exported = d;
		decoded->has_exported = true;
	}
	frame_release(&decoded->frame);
	return status == VA_STATUS_SUCCESS ? 0 : -ENOTSUP;
}

static int decoded_export(struct frame *frame)
{
	struct decoded *decoded = frame->owner;
	const VADRMPRIMESurfaceDescriptor *d = &decoded->exported;
	frame_hold(frame);
	int r = guard_call(decoded->guard, run_export, decoded, GUARD_WORK_MS);
	if (r < 0)
		return r;
	if (d->num_layers != 1 || d->layers[0].num_planes != 2 || d->fourcc != VA_FOURCC_NV12)
		return -ENOTSUP;
	struct frame_dmabuf b = { .planes = 2, .fourcc = DRM_FORMAT_NV12 };
	for (int i = 0; i < 2; i++) {
		uint32_t object = d->layers[0].object_index[i];
		b.fds[i] = d->objects[object].fd;
		b.modifier = d->objects[object].drm_format_modifier;
		b.offsets[i] = d->layers[0].offset[i];
		b.strides[i] = d->layers[0].pitch[i];
	}
	frame->dmabuf = b;
	return 0;
}

static const struct frame_ops decoded_ops = { .map = decoded_map, .export = decoded_export,
					      .give_back = decoded_give_back };

/* The same name for the same surface, so that screens may keep what they made of it. */
static uint64_t buffer_of(struct work *work, VASurfaceID surface)
{
	for (int i = 0; i < work->name_count; i++)
		if (work->names[i].surface == surface)
			return work->names[i].buffer;
	if (work->name_count == SURFACES_MAX)
		return 0;
	work->names[work->name_count].surface = surface;
	return work->names[work->name_count++].buffer = frame_buffer_new();
}

static int hand_out(struct work *work)
{
	struct decoded *decoded = calloc(1, sizeof(*decoded));
	if (!decoded || !(decoded->picture = av.av_frame_alloc())) {
		free(decoded);
		return -ENOMEM;
	}
	const AVFrame *f = work->picture;
	decoded->guard = guard_hold(work->guard);
	decoded->frame = (struct frame){
		.format = FRAME_NV12, .width = f->width & ~1, .height = f->height & ~1,
		.full_range = f->color_range == AVCOL_RANGE_JPEG, .buffer = buffer_of(work, surface_of(f)),
	};
	av.av_frame_move_ref(decoded->picture, work->picture);
	frame_begin(&decoded->frame, &decoded_ops, decoded);
	work->frame = &decoded->frame;
	return 0;
}

/* ---- the decoder ---- */

static void device_free(AVHWDeviceContext *device)
{
	struct va_display *display = device->user_opaque;
	va_display_close(display);
	free(display);
}

static const char no_node[] = "no /dev/dri/renderD*: no GPU, or its driver is not loaded";

/* Takes display over. */
static int device_create(struct work *work, const struct va_display *display)
{
	struct va_display *own = malloc(sizeof(*own));
	AVBufferRef *reference = own ? av.av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_VAAPI) : NULL;
	if (!reference) {
		struct va_display d = *display;
		va_display_close(&d);
		free(own);
		return -ENOMEM;
	}
	AVHWDeviceContext *device = (AVHWDeviceContext *)(void *)reference->data;
	*own = *display;
	device->user_opaque = own;
	device->free = device_free;
	((AVVAAPIDeviceContext *)device->hwctx)->display = own->display;
	if (av.av_hwdevice_ctx_init(reference) < 0) {
		av.av_buffer_unref(&reference);
		return -EIO;
	}
	snprintf(work->vendor, sizeof(work->vendor), "%s", display->vendor);
	work->device = reference;
	return 0;
}

static int device_open(struct work *work)
{
	char nodes[VA_NODES_MAX][VA_NODE_BYTES];
	int count = va_display_nodes(work->address, nodes), r = -ENODEV;
	snprintf(work->why, sizeof(work->why), "%s", no_node);
	for (int i = 0; i < count; i++) {
		struct va_display display;
		struct va_can can = { .decodes = false };
		r = va_display_open(nodes[i], &display, work->why, sizeof(work->why));
		if (r < 0)
			continue;
		r = va_probe(display.display, &can);
		if (r == 0 && can.decodes)
			return device_create(work, &display);
		snprintf(work->why, sizeof(work->why), "%.63s: driver: no entry point that decodes H.264", nodes[i]);
		r = -ENOTSUP;
		va_display_close(&display);
	}
	return r;
}

static enum AVPixelFormat choose_format(AVCodecContext *context, const enum AVPixelFormat *formats)
{
	struct work *work = context->opaque;
	for (; *formats != AV_PIX_FMT_NONE; formats++)
		if (*formats == AV_PIX_FMT_VAAPI)
			return AV_PIX_FMT_VAAPI;
	work->refused = true;
	return AV_PIX_FMT_NONE;
}

static int run_open(void *data)
{
	struct work *work = data;
	const AVCodec *codec = av.avcodec_find_decoder(AV_CODEC_ID_H264);
	int r = device_open(work);
	if (r < 0)
		return r;
	work->context = codec ? av.avcodec_alloc_context3(codec) : NULL;
	work->packet = av.av_packet_alloc();
	work->picture = av.av_frame_alloc();
	work->padded = malloc(UNIT_MAX + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!work->context || !work->packet || !work->picture || !work->padded)
		return -ENOMEM;
	work->context->opaque = work;
	work->context->get_format = choose_format;
	work->context->hw_device_ctx = av.av_buffer_ref(work->device);
	work->context->extra_hw_frames = HELD_OUTSIDE;
	work->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
	work->context->thread_count = 1;
	work->context->max_pixels = (int64_t)PICTURE_SIDE_MAX * PICTURE_SIDE_MAX;
	if (work->context->hw_device_ctx && av.avcodec_open2(work->context, codec, NULL) == 0)
		return 0;
	snprintf(work->why, sizeof(work->why), "libavcodec does not open its H.264 decoder");
	return -EIO;
}

static int run_close(void *data)
{
	struct work *work = data;
	av.avcodec_free_context(&work->context);
	av.av_packet_free(&work->packet);
	av.av_frame_free(&work->picture);
	av.av_buffer_unref(&work->device);
	free(work->padded);
	free(work);
	return 0;
}

/* Damage in the stream is not the device's fault. */
static int failed(const struct work *work, int r)
{
	if (work->refused)
		return -ENOTSUP;
	return r == AVERROR_INVALIDDATA ? -EBADMSG : -EIO;
}

/* The picture is complete before it is handed out, so that nobody else waits for the driver. */
static int complete(const AVFrame *picture, bool first)
{
	VADisplay display = display_of(picture);
	VAStatus status = VA_STATUS_ERROR_TIMEDOUT;
	for (int i = (first ? FIRST_TICKS : TICKS) * guard_patience(); i > 0 && status == VA_STATUS_ERROR_TIMEDOUT; i--)
		status = vaSyncSurface2(display, surface_of(picture), TICK_NS);
	if (status == VA_STATUS_ERROR_UNIMPLEMENTED)
		status = vaSyncSurface(display, surface_of(picture));
	return status == VA_STATUS_SUCCESS ? 0 : status == VA_STATUS_ERROR_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static int run_decode(void *data)
{
	struct work *work = data;
	memset(work->padded + work->size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	work->packet->data = work->padded;
	work->packet->size = (int)work->size;
	int r = av.avcodec_send_packet(work->context, work->packet);
	if (r < 0)
		return failed(work, r);
	r = av.avcodec_receive_frame(work->context, work->picture);
	if (r == AVERROR(EAGAIN))
		return -EAGAIN;
	if (r < 0)
		return failed(work, r);
	const AVFrame *f = work->picture;
	if (f->format != AV_PIX_FMT_VAAPI || f->width < 16 || f->height < 16)
		r = -ENOTSUP;
	else if ((f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags)
		r = -EBADMSG;
	else
		r = complete(f, work->name_count == 0);
	if (r == 0)
		r = hand_out(work);
	av.av_frame_unref(work->picture);
	return r;
}

static void vaapi_close(struct decoder *decoder)
{
	guard_finish(decoder->guard, run_close, decoder->work);
	free(decoder);
}

static int vaapi_open(const char *address, struct decoder **ret_decoder, char *why, size_t why_bytes)
{
	if (guard_stuck() > 0) {
		snprintf(why, why_bytes, "driver: a call into it has not come back: it is not entered again");
		return -EBUSY;
	}
	char nodes[VA_NODES_MAX][VA_NODE_BYTES];
	if (va_display_nodes(address, nodes) == 0) {
		snprintf(why, why_bytes, "%s", no_node);
		return -ENODEV;
	}
	int r = avcodec_load(why, why_bytes);
	if (r < 0)
		return r;
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	struct work *work = calloc(1, sizeof(*work));
	struct guard *guard = decoder && work ? guard_new("va-decode") : NULL;
	if (!guard) {
		free(decoder);
		free(work);
		return -ENOMEM;
	}
	*decoder = (struct decoder){ .guard = guard, .work = work };
	work->guard = guard;
	snprintf(work->address, sizeof(work->address), "%s", address);
	r = guard_call(guard, run_open, work, GUARD_OPEN_MS);
	if (r < 0) {
		snprintf(why, why_bytes, "%s", r == -ETIMEDOUT ? "driver: hangs when it is opened" : work->why);
		vaapi_close(decoder);
		return r;
	}
	*ret_decoder = decoder;
	return 0;
}

static int vaapi_decode(struct decoder *decoder, const uint8_t *bytes, size_t size, struct frame **ret_frame)
{
	struct work *work = decoder->work;
	if (decoder->failed)
		return -EIO;
	if (size > UNIT_MAX)
		return -EBADMSG;
	memcpy(work->padded, bytes, size);
	work->size = size;
	int r = guard_call(decoder->guard, run_decode, work, decoder->warm ? GUARD_WORK_MS : GUARD_FIRST_MS);
	decoder->warm |= r == 0;
	decoder->failed = r < 0 && r != -EAGAIN && r != -EBADMSG;
	if (r == 0)
		*ret_frame = work->frame;
	return r;
}

const struct decoder_driver decoder_vaapi = {
	.name = "vaapi", .codec = VIDEO_H264, .hardware = true, .open = vaapi_open, .decode = vaapi_decode,
	.close = vaapi_close,
};
