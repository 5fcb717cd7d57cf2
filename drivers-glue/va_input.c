#include "drivers-glue/va_input.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#include "core/base/log.h"
#include "core/devices/convert.h"
#include "drivers-glue/va_image.h"

#define POOL 3
#define IMPORTS 16 /* more than a camera has buffers */

struct import {
	uint64_t buffer; /* of the frame; 0: free */
	VASurfaceID surface;
};

struct va_input {
	VADisplay display;
	int width, height;
	struct va_image image;
	struct converter *converter;
	VASurfaceID pool[POOL]; /* of the stream's size */
	unsigned int next;
	struct import imports[IMPORTS];
	unsigned int oldest;
	VASurfaceID passing; /* import of a frame that has no name; lives until the next */
	bool refused[FRAME_FORMATS];

	bool processes;
	VAConfigID process_config;
	VAContextID process_context;
	VASurfaceID whole; /* of the size that frames in memory have, before they are scaled */
	int whole_width, whole_height;
	struct va_input_counts counts;
};

static void surface_destroy(struct va_input *input, VASurfaceID *surface)
{
	if (*surface != VA_INVALID_ID)
		vaDestroySurfaces(input->display, surface, 1);
	*surface = VA_INVALID_ID;
}

static int surface_create(struct va_input *input, int width, int height, VASurfaceID *ret)
{
	VASurfaceAttrib nv12 = { .type = VASurfaceAttribPixelFormat, .flags = VA_SURFACE_ATTRIB_SETTABLE };
	nv12.value.type = VAGenericValueTypeInteger;
	nv12.value.value.i = VA_FOURCC_NV12;
	VAStatus status = vaCreateSurfaces(input->display, VA_RT_FORMAT_YUV420, (unsigned int)width,
					   (unsigned int)height, ret, 1, &nv12, 1);
	if (status == VA_STATUS_SUCCESS)
		return 0;
	*ret = VA_INVALID_ID;
	return -EIO;
}

/* ---- the picture processor ---- */

static void process_close(struct va_input *input)
{
	if (input->process_context != VA_INVALID_ID)
		vaDestroyContext(input->display, input->process_context);
	if (input->process_config != VA_INVALID_ID)
		vaDestroyConfig(input->display, input->process_config);
	input->process_context = input->process_config = VA_INVALID_ID;
	input->processes = false;
}

static void process_open(struct va_input *input)
{
	VADisplay d = input->display;
	if (vaCreateConfig(d, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &input->process_config) !=
	    VA_STATUS_SUCCESS) {
		input->process_config = VA_INVALID_ID;
		input->processes = false;
		return;
	}
	if (vaCreateContext(d, input->process_config, input->width, input->height, 0, NULL, 0,
			    &input->process_context) != VA_STATUS_SUCCESS) {
		input->process_context = VA_INVALID_ID;
		process_close(input);
	}
}

/* Scales and converts from into to. A driver that fails at it once is not asked again. */
static int process(struct va_input *input, VASurfaceID from, VASurfaceID to)
{
	VAProcPipelineParameterBuffer pipeline;
	VABufferID buffer;
	VADisplay d = input->display;
	memset(&pipeline, 0, sizeof(pipeline));
	pipeline.surface = from;
	VAStatus status = vaCreateBuffer(d, input->process_context, VAProcPipelineParameterBufferType,
					 sizeof(pipeline), 1, &pipeline, &buffer);
	if (status == VA_STATUS_SUCCESS) {
		status = vaBeginPicture(d, input->process_context, to);
		if (status == VA_STATUS_SUCCESS) {
			status = vaRenderPicture(d, input->process_context, &buffer, 1);
			VAStatus end = vaEndPicture(d, input->process_context);
			status = status == VA_STATUS_SUCCESS ? end : status;
		}
		vaDestroyBuffer(d, buffer);
	}
	if (status == VA_STATUS_SUCCESS) {
		input->counts.processed++;
		return 0;
	}
	log_once(LOG_LEVEL_WARNING, "driver: its picture processor fails (%s): scaling in software",
		 vaErrorStr(status));
	process_close(input);
	return -EIO;
}

/* ---- dma-bufs ---- */

static bool describe(const struct frame *frame, VADRMPRIMESurfaceDescriptor *d)
{
	static const struct { enum frame_format format; uint32_t drm, va; } formats[] = {
		{ FRAME_NV12, DRM_FORMAT_NV12, VA_FOURCC_NV12 },
		{ FRAME_YUYV, DRM_FORMAT_YUYV, VA_FOURCC_YUY2 },
		{ FRAME_UYVY, DRM_FORMAT_UYVY, VA_FOURCC_UYVY },
	};
	const struct frame_dmabuf *b = &frame->dmabuf;
	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].format == frame->format && formats[i].drm == b->fourcc)
			d->fourcc = formats[i].va;
	if (!d->fourcc || b->planes < 1 || b->planes > FRAME_PLANES)
		return false;
	d->width = (uint32_t)frame->width;
	d->height = (uint32_t)frame->height;
	d->num_layers = 1;
	d->layers[0].drm_format = b->fourcc;
	d->layers[0].num_planes = (uint32_t)b->planes;
	for (int i = 0; i < b->planes; i++) {
		uint32_t object = 0;
		while (object < d->num_objects && d->objects[object].fd != b->fds[i])
			object++;
		if (object == d->num_objects) {
			off_t size = lseek(b->fds[i], 0, SEEK_END);
			d->objects[object].fd = b->fds[i];
			d->objects[object].size = size > 0 ? (uint32_t)size : 0;
			d->objects[object].drm_format_modifier = b->modifier;
			d->num_objects++;
		}
		d->layers[0].object_index[i] = object;
		d->layers[0].offset[i] = b->offsets[i];
		d->layers[0].pitch[i] = b->strides[i];
	}
	return true;
}

static int import_create(struct va_input *input, const struct frame *frame, VASurfaceID *ret)
{
	VADRMPRIMESurfaceDescriptor d;
	VASurfaceAttrib a[2] = {
		{ .type = VASurfaceAttribMemoryType, .flags = VA_SURFACE_ATTRIB_SETTABLE },
		{ .type = VASurfaceAttribExternalBufferDescriptor, .flags = VA_SURFACE_ATTRIB_SETTABLE },
	};
	if (!describe(frame, &d))
		return -ENOTSUP;
	a[0].value.type = VAGenericValueTypeInteger;
	a[0].value.value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2;
	a[1].value.type = VAGenericValueTypePointer;
	a[1].value.value.p = &d;
	unsigned int format = frame->format == FRAME_NV12 ? VA_RT_FORMAT_YUV420 : VA_RT_FORMAT_YUV422;
	VAStatus status = vaCreateSurfaces(input->display, format, d.width, d.height, ret, 1, a, 2);
	if (status == VA_STATUS_SUCCESS)
		return 0;
	log_once(LOG_LEVEL_INFO, "driver: takes no %s dma-buf of %dx%d (%s): pictures are copied",
		 frame_format_name(frame->format), frame->width, frame->height, vaErrorStr(status));
	*ret = VA_INVALID_ID;
	return -ENOTSUP;
}

/* The frame's own memory as a surface, made once a buffer. */
static int import(struct va_input *input, struct frame *frame, VASurfaceID *ret)
{
	if (frame_export(frame) < 0)
		return -ENOTSUP;
	if (!frame->buffer) {
		surface_destroy(input, &input->passing);
		int r = import_create(input, frame, &input->passing);
		*ret = input->passing;
		return r;
	}
	for (int i = 0; i < IMPORTS; i++)
		if (input->imports[i].buffer == frame->buffer) {
			*ret = input->imports[i].surface;
			return 0;
		}
	struct import *place = &input->imports[input->oldest++ % IMPORTS];
	surface_destroy(input, &place->surface);
	place->buffer = 0;
	int r = import_create(input, frame, &place->surface);
	if (r == 0)
		place->buffer = frame->buffer;
	*ret = place->surface;
	return r;
}

static bool may_export(const struct frame *frame)
{
	return frame->dmabuf.planes > 0 || frame->ops->export;
}

static bool of_size(const struct frame *frame, int width, int height)
{
	return frame->width == width && frame->height == height;
}

/* -ENOTSUP: this frame must be copied. */
static int by_import(struct va_input *input, struct frame *frame, VASurfaceID *ret)
{
	bool as_it_is = frame->format == FRAME_NV12 && of_size(frame, input->width, input->height);
	VASurfaceID surface;
	if (!may_export(frame) || input->refused[frame->format] || (!as_it_is && !input->processes))
		return -ENOTSUP;
	int r = import(input, frame, &surface);
	if (r == 0 && !as_it_is) {
		r = process(input, surface, input->pool[input->next % POOL]);
		surface = input->pool[input->next++ % POOL];
	}
	if (r < 0) {
		input->refused[frame->format] = true;
		return -ENOTSUP;
	}
	input->counts.imported++;
	*ret = surface;
	return 0;
}

/* ---- memory ---- */

static int whole_ready(struct va_input *input, int width, int height)
{
	if (input->whole != VA_INVALID_ID && input->whole_width == width && input->whole_height == height)
		return 0;
	surface_destroy(input, &input->whole);
	input->whole_width = width;
	input->whole_height = height;
	return surface_create(input, width, height, &input->whole);
}

/* Another size: scaled by the driver; -ENOTSUP: it does not. */
static int by_scaling(struct va_input *input, const struct frame *frame, VASurfaceID to)
{
	if (!input->processes || whole_ready(input, frame->width, frame->height) < 0)
		return -ENOTSUP;
	int r = va_image_write(&input->image, input->whole, frame);
	if (r == 0)
		r = process(input, input->whole, to);
	return r < 0 ? -ENOTSUP : 0;
}

static int by_copy(struct va_input *input, struct frame *frame, VASurfaceID *ret)
{
	VASurfaceID to = input->pool[input->next++ % POOL];
	struct frame *fit = NULL;
	bool raw = frame->format != FRAME_JPEG && frame->format != FRAME_H264 && !frame->full_range;
	int r = -ENOTSUP;
	if (frame_map(frame) < 0)
		return -EBADMSG;
	if (raw && of_size(frame, input->width, input->height))
		r = va_image_write(&input->image, to, frame);
	else if (raw)
		r = by_scaling(input, frame, to);
	if (r == -ENOTSUP) {
		r = convert(input->converter, frame, input->width, input->height, &fit);
		if (r == 0)
			r = va_image_write(&input->image, to, fit);
		frame_release(fit);
	}
	if (r < 0)
		return r;
	input->counts.copied++;
	*ret = to;
	return 0;
}

/* A frame in memory holds what its size needs. */
static bool is_short(const struct frame *f)
{
	if (!f->planes[0] || f->format == FRAME_JPEG || f->format == FRAME_H264)
		return false;
	size_t luma = (size_t)f->strides[0] * (size_t)f->height;
	return f->bytes < (f->format == FRAME_I420 || f->format == FRAME_NV12 ? luma * 3 / 2 : luma);
}

int va_input_surface(struct va_input *input, struct frame *frame, VASurfaceID *ret_surface)
{
	if (is_short(frame))
		return -EBADMSG;
	int r = by_import(input, frame, ret_surface);
	return r == -ENOTSUP ? by_copy(input, frame, ret_surface) : r;
}

bool va_input_takes(const struct frame *frame, int width, int height, bool processes)
{
	if (frame->format == FRAME_JPEG || frame->format == FRAME_H264 || frame->full_range)
		return false;
	return processes || of_size(frame, width, height);
}

void va_input_counts(const struct va_input *input, struct va_input_counts *ret_counts)
{
	*ret_counts = input->counts;
}

int va_input_open(VADisplay display, int width, int height, bool processes, struct va_input **ret_input)
{
	struct va_input *input = calloc(1, sizeof(*input));
	int r = 0;
	if (!input)
		return -ENOMEM;
	input->display = display;
	input->width = width;
	input->height = height;
	input->processes = processes;
	input->passing = input->whole = VA_INVALID_ID;
	input->process_config = input->process_context = VA_INVALID_ID;
	input->converter = converter_new();
	va_image_init(&input->image, display);
	for (int i = 0; i < IMPORTS; i++)
		input->imports[i].surface = VA_INVALID_ID;
	for (int i = 0; i < POOL; i++)
		input->pool[i] = VA_INVALID_ID;
	for (int i = 0; r == 0 && i < POOL; i++)
		r = surface_create(input, width, height, &input->pool[i]);
	if (r < 0 || !input->converter) {
		va_input_close(input);
		return r < 0 ? r : -ENOMEM;
	}
	if (processes)
		process_open(input);
	*ret_input = input;
	return 0;
}

void va_input_close(struct va_input *input)
{
	if (!input)
		return;
	process_close(input);
	va_image_finish(&input->image);
	for (int i = 0; i < IMPORTS; i++)
		surface_destroy(input, &input->imports[i].surface);
	for (int i = 0; i < POOL; i++)
		surface_destroy(input, &input->pool[i]);
	surface_destroy(input, &input->passing);
	surface_destroy(input, &input->whole);
	converter_free(input->converter);
	free(input);
}
