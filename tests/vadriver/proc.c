/* proc: VideoProc: crop, scale and convert between the driver's formats through libyuv, by way of I420 (BT.601,
 * limited range). */
#include <errno.h>
#include <libyuv.h>
#include <string.h>

#include "tests/vadriver/context.h"
#include "tests/vadriver/proc.h"

struct region {
	int x, y, width, height;
};

struct proc_work {
	bool have_pipeline;
	VASurfaceID from_id;
	struct surface *from; /* held by the job */
	bool has_from_region, has_to_region;
	struct region from_region, to_region;
};

/* Planar picture between the two sides. */
struct planar {
	int width, height, pitch, chroma_pitch;
	uint8_t *y, *u, *v;
};

static void planar_init(struct planar *p, int width, int height)
{
	p->width = width;
	p->height = height;
	p->pitch = (width + 1) & ~1;
	p->chroma_pitch = p->pitch / 2;
	size_t luma = (size_t)p->pitch * (size_t)height;
	size_t chroma = (size_t)p->chroma_pitch * (size_t)((height + 1) / 2);
	p->y = g_malloc(luma + 2 * chroma);
	p->u = p->y + luma;
	p->v = p->u + chroma;
}

static VAStatus proc_open(struct context *context)
{
	(void)context;
	return VA_STATUS_SUCCESS;
}

static void proc_close(struct context *context)
{
	(void)context;
}

static void *proc_work_create(void)
{
	return g_new0(struct proc_work, 1);
}

static struct region region_of(const VARectangle *rectangle)
{
	return (struct region){ rectangle->x, rectangle->y, rectangle->width, rectangle->height };
}

static VAStatus proc_render(struct context *context, struct job *job, const struct buffer *buffer)
{
	struct proc_work *work = job->work;
	const VAProcPipelineParameterBuffer *p = (const VAProcPipelineParameterBuffer *)buffer->bytes;
	if (buffer->type == VAProcFilterParameterBufferType)
		return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
	if (buffer->type != VAProcPipelineParameterBufferType || buffer->size < sizeof(*p)) {
		report_violation(&context->driver->report, "vaRenderPicture: buffer type %d in a converter",
				(int)buffer->type);
		return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
	}
	if (work->have_pipeline || p->num_filters != 0 || p->rotation_state != VA_ROTATION_NONE ||
			p->mirror_state != VA_MIRROR_NONE)
		return VA_STATUS_ERROR_UNIMPLEMENTED;
	work->have_pipeline = true;
	work->from_id = p->surface;
	work->has_from_region = p->surface_region != NULL;
	if (work->has_from_region)
		work->from_region = region_of(p->surface_region);
	work->has_to_region = p->output_region != NULL;
	if (work->has_to_region)
		work->to_region = region_of(p->output_region);
	return VA_STATUS_SUCCESS;
}

/* Within the surface, and on even pixels where chroma asks for it. */
static bool region_good(struct region *region, bool given, const struct surface *surface)
{
	if (!given)
		*region = (struct region){ 0, 0, (int)surface->width, (int)surface->height };
	region->x &= ~1;
	region->y &= ~1;
	return region->x >= 0 && region->y >= 0 && region->width > 0 && region->height > 0 &&
			region->x + region->width <= (int)surface->width &&
			region->y + region->height <= (int)surface->height;
}

static VAStatus proc_end(struct context *context, struct job *job)
{
	struct proc_work *work = job->work;
	struct driver *driver = context->driver;
	if (!work->have_pipeline) {
		report_violation(&driver->report, "vaEndPicture: a conversion without pipeline parameters");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	work->from = object_find(&driver->objects, work->from_id, OBJECT_SURFACE, "pipeline surface");
	if (work->from == NULL || !job->target->writable)
		return VA_STATUS_ERROR_INVALID_SURFACE;
	if (!region_good(&work->from_region, work->has_from_region, work->from) ||
			!region_good(&work->to_region, work->has_to_region, job->target)) {
		report_violation(&driver->report, "pipeline: a region leaves its surface");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	return job_use(job, work->from, false) < 0 ? VA_STATUS_ERROR_MAX_NUM_EXCEEDED : VA_STATUS_SUCCESS;
}

static uint8_t *corner(const struct surface *s, const struct region *region, unsigned int plane)
{
	size_t bytes = surface_format_find(s->fourcc)->bytes_per_pixel;
	return s->bytes + s->offset[plane] + (size_t)s->pitch[plane] * (size_t)(region->y >> plane) +
			(size_t)region->x * bytes;
}

static void fetch(const struct surface *s, const struct region *region, const struct planar *to)
{
	const uint8_t *from = corner(s, region, 0);
	int pitch = (int)s->pitch[0];
	if (s->fourcc == VA_FOURCC_NV12)
		NV12ToI420(from, pitch, corner(s, region, 1), (int)s->pitch[1], to->y, to->pitch, to->u,
				to->chroma_pitch, to->v, to->chroma_pitch, to->width, to->height);
	else if (s->fourcc == VA_FOURCC_YUY2)
		YUY2ToI420(from, pitch, to->y, to->pitch, to->u, to->chroma_pitch, to->v, to->chroma_pitch,
				to->width, to->height);
	else
		ARGBToI420(from, pitch, to->y, to->pitch, to->u, to->chroma_pitch, to->v, to->chroma_pitch,
				to->width, to->height);
}

static void store(const struct planar *from, const struct surface *s, const struct region *region)
{
	uint8_t *to = corner(s, region, 0);
	int pitch = (int)s->pitch[0];
	if (s->fourcc == VA_FOURCC_NV12)
		I420ToNV12(from->y, from->pitch, from->u, from->chroma_pitch, from->v, from->chroma_pitch, to,
				pitch, corner(s, region, 1), (int)s->pitch[1], from->width, from->height);
	else if (s->fourcc == VA_FOURCC_YUY2)
		I420ToYUY2(from->y, from->pitch, from->u, from->chroma_pitch, from->v, from->chroma_pitch, to,
				pitch, from->width, from->height);
	else
		I420ToARGB(from->y, from->pitch, from->u, from->chroma_pitch, from->v, from->chroma_pitch, to,
				pitch, from->width, from->height);
}

static VAStatus proc_run(struct context *context, struct job *job)
{
	const struct proc_work *work = job->work;
	struct planar in, out;
	(void)context;
	planar_init(&in, work->from_region.width, work->from_region.height);
	surface_access_begin(work->from, false);
	fetch(work->from, &work->from_region, &in);
	surface_access_end(work->from, false);
	planar_init(&out, work->to_region.width, work->to_region.height);
	I420Scale(in.y, in.pitch, in.u, in.chroma_pitch, in.v, in.chroma_pitch, in.width, in.height, out.y,
			out.pitch, out.u, out.chroma_pitch, out.v, out.chroma_pitch, out.width, out.height,
			kFilterBox);
	surface_access_begin(job->target, true);
	store(&out, job->target, &work->to_region);
	surface_access_end(job->target, true);
	g_free(in.y);
	g_free(out.y);
	return VA_STATUS_SUCCESS;
}

const struct codec proc_codec = {
	.kind = CONTEXT_PROC,
	.error = VA_STATUS_ERROR_OPERATION_FAILED,
	.open = proc_open,
	.close = proc_close,
	.work_create = proc_work_create,
	.work_destroy = g_free,
	.render = proc_render,
	.end = proc_end,
	.run = proc_run,
};

VAStatus proc_query_filters(VADriverContextP va, VAContextID context, VAProcFilterType *filters,
		unsigned int *ret_count)
{
	(void)va;
	(void)context;
	(void)filters;
	*ret_count = 0;
	return VA_STATUS_SUCCESS;
}

VAStatus proc_query_filter_caps(VADriverContextP va, VAContextID context, VAProcFilterType type, void *caps,
		unsigned int *ret_count)
{
	(void)va;
	(void)context;
	(void)type;
	(void)caps;
	*ret_count = 0;
	return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
}

VAStatus proc_query_pipeline_caps(VADriverContextP va, VAContextID context, VABufferID *filters,
		unsigned int count, VAProcPipelineCaps *caps)
{
	static VAProcColorStandardType standards[] = { VAProcColorStandardBT601 };
	static uint32_t formats[] = { VA_FOURCC_NV12, VA_FOURCC_YUY2, VA_FOURCC_BGRX, VA_FOURCC_BGRA };
	(void)va;
	(void)context;
	(void)filters;
	if (count != 0)
		return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
	memset(caps, 0, sizeof(*caps));
	caps->input_color_standards = caps->output_color_standards = standards;
	caps->num_input_color_standards = caps->num_output_color_standards = G_N_ELEMENTS(standards);
	caps->input_pixel_format = caps->output_pixel_format = formats;
	caps->num_input_pixel_formats = caps->num_output_pixel_formats = G_N_ELEMENTS(formats);
	caps->rotation_flags = 1 << VA_ROTATION_NONE;
	caps->max_input_width = caps->max_input_height = 4096;
	caps->max_output_width = caps->max_output_height = 4096;
	caps->min_input_width = caps->min_input_height = 2;
	caps->min_output_width = caps->min_output_height = 2;
	return VA_STATUS_SUCCESS;
}
