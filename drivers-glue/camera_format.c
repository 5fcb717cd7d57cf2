#include "drivers-glue/camera_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is known, and what each costs beside a wrong size or rate. */
static const struct known {
	uint32_t fourcc;
	enum frame_format format;
	int memories;
	bool swapped;
	double cost;
} known[] = {
	{ V4L2_PIX_FMT_H264, FRAME_H264, 1, false, -0.5 },
	{ V4L2_PIX_FMT_NV12, FRAME_NV12, 1, false, 0 },
	{ V4L2_PIX_FMT_NV12M, FRAME_NV12, 2, false, 0.01 },
	{ V4L2_PIX_FMT_YUV420, FRAME_I420, 1, false, 0.05 },
	{ V4L2_PIX_FMT_YUV420M, FRAME_I420, 3, false, 0.06 },
	{ V4L2_PIX_FMT_YVU420, FRAME_I420, 1, true, 0.07 },
	{ V4L2_PIX_FMT_YVU420M, FRAME_I420, 3, true, 0.08 },
	{ V4L2_PIX_FMT_YUYV, FRAME_YUYV, 1, false, 0.1 },
	{ V4L2_PIX_FMT_UYVY, FRAME_UYVY, 1, false, 0.11 },
	{ V4L2_PIX_FMT_MJPEG, FRAME_JPEG, 1, false, 0.2 },
	{ V4L2_PIX_FMT_JPEG, FRAME_JPEG, 1, false, 0.21 },
};

struct choice {
	const struct known *known;
	int width, height, fps;
	double cost;
};

/* The rate that the device has for a size and that is nearest to the wish, or above it; 0 when it does not say. */
static int best_fps(const struct camera_device *device, uint32_t fourcc, int width, int height, int wish)
{
	int best = 0;
	struct v4l2_frmivalenum e = { .pixel_format = fourcc, .width = (uint32_t)width,
				      .height = (uint32_t)height };
	for (e.index = 0; e.index < 256 && camera_ioctl(device, VIDIOC_ENUM_FRAMEINTERVALS, &e) == 0; e.index++) {
		struct v4l2_fract f = e.type == V4L2_FRMIVAL_TYPE_DISCRETE ? e.discrete : e.stepwise.min;
		int fps = f.numerator ? (int)((f.denominator + f.numerator / 2) / f.numerator) : 0;
		if (e.type != V4L2_FRMIVAL_TYPE_DISCRETE)
			return fps < wish ? fps : wish;
		if (abs(fps - wish) < abs(best - wish) || best == 0)
			best = fps;
	}
	return best;
}

/* Distance from the wish: too small a picture and too low a rate weigh most, a dear format a little. */
static double cost_of(const struct camera_wish *wish, int width, int height, int fps, double format)
{
	double area = (double)width * height / ((double)wish->width * wish->height);
	double aspect = (double)width / height * wish->height / wish->width;
	double cost = (area >= 1 ? (area - 1) * 0.5 : (1 / area - 1) * 2) + format;
	cost += aspect > 1 ? (aspect - 1) : (1 / aspect - 1);
	if (fps > 0 && fps < wish->fps)
		cost += 2.0 * (wish->fps - fps) / wish->fps;
	return cost;
}

static void consider(const struct camera_device *device, const struct camera_wish *wish,
		     const struct known *row, int width, int height, struct choice *best)
{
	if (width < 16 || height < 16 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX)
		return;
	/* Access units cannot be made smaller on their way. */
	if (row->format == FRAME_H264 && (width > wish->width || height > wish->height))
		return;
	int fps = best_fps(device, row->fourcc, width, height, wish->fps);
	double cost = cost_of(wish, width, height, fps, row->cost);
	if (!best->known || cost < best->cost)
		*best = (struct choice){ row, width, height, fps, cost };
}

static int clamp_step(int value, uint32_t min, uint32_t max, uint32_t step)
{
	uint32_t v = value < (int)min ? min : value > (int)max ? max : (uint32_t)value;
	return (int)(step > 1 ? min + (v - min) / step * step : v);
}

static void consider_format(const struct camera_device *device, const struct camera_wish *wish,
			    const struct known *row, struct choice *best)
{
	struct v4l2_frmsizeenum e = { .pixel_format = row->fourcc };
	for (e.index = 0; e.index < 256 && camera_ioctl(device, VIDIOC_ENUM_FRAMESIZES, &e) == 0; e.index++) {
		if (e.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
			consider(device, wish, row, (int)e.discrete.width, (int)e.discrete.height, best);
			continue;
		}
		const struct v4l2_frmsize_stepwise *s = &e.stepwise;
		consider(device, wish, row,
			 clamp_step(wish->width, s->min_width, s->max_width, s->step_width),
			 clamp_step(wish->height, s->min_height, s->max_height, s->step_height), best);
		return;
	}
	if (e.index == 0) /* it does not say: the wish, which it will make fit */
		consider(device, wish, row, wish->width, wish->height, best);
}

static bool offers(const struct camera_device *device, uint32_t fourcc)
{
	struct v4l2_fmtdesc e = { .type = device->type };
	for (e.index = 0; e.index < 256 && camera_ioctl(device, VIDIOC_ENUM_FMT, &e) == 0; e.index++)
		if (e.pixelformat == fourcc)
			return true;
	return false;
}

/* Words of the quirk are four letters, as v4l2-ctl prints them. */
static bool skipped(const struct camera_device *device, uint32_t fourcc)
{
	const char *word = device->quirk.skip_formats;
	while (word && *word) {
		size_t letters = strcspn(word, " ");
		if (letters == 4 && v4l2_fourcc(word[0], word[1], word[2], word[3]) == fourcc)
			return true;
		word += letters + strspn(word + letters, " ");
	}
	return false;
}

bool camera_format_idr(const struct camera_device *device)
{
	struct v4l2_queryctrl query = { .id = V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME };
	return camera_ioctl(device, VIDIOC_QUERYCTRL, &query) == 0 && !(query.flags & V4L2_CTRL_FLAG_DISABLED);
}

static bool is_welcome(const struct camera_device *device, const struct camera_wish *wish,
		       const struct known *row)
{
	if (row->format == FRAME_H264 &&
	    (!wish->h264 || !(device->quirk.h264 || camera_format_idr(device))))
		return false;
	if (device->converts) /* what is to be skipped are the camera's own formats, not what is made of them */
		return row->fourcc == V4L2_PIX_FMT_YUV420 && offers(device, row->fourcc);
	return !skipped(device, row->fourcc) && offers(device, row->fourcc);
}

static int choose(const struct camera_device *device, const struct camera_wish *wish, struct choice *best)
{
	*best = (struct choice){ 0 };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_welcome(device, wish, &known[i]))
			consider_format(device, wish, &known[i], best);
	return best->known ? 0 : -EPROTONOSUPPORT;
}

/* ---- what was set ---- */

static int stride_of(const struct camera_format *f, int plane, int luma)
{
	return plane > 0 && f->format == FRAME_I420 ? luma / 2 : luma;
}

static void shape_of_single(const struct v4l2_pix_format *p, struct camera_format *f)
{
	size_t luma = (size_t)p->bytesperline * p->height;
	for (int i = 0; i < FRAME_PLANES; i++)
		f->strides[i] = stride_of(f, i, (int)p->bytesperline);
	f->least[0] = f->format == FRAME_I420 || f->format == FRAME_NV12 ? luma + luma / 2 : luma;
}

static void shape_of_multi(const struct v4l2_pix_format_mplane *p, struct camera_format *f)
{
	for (int i = 0; i < FRAME_PLANES; i++) {
		bool own = i < f->memories && f->memories > 1;
		int stride = (int)p->plane_fmt[own ? i : 0].bytesperline;
		f->strides[i] = own ? stride : stride_of(f, i, stride);
		if (own)
			f->least[i] = (size_t)stride * (i > 0 ? p->height / 2 : p->height);
	}
	if (f->memories == 1) {
		size_t luma = (size_t)f->strides[0] * p->height;
		f->least[0] = f->format == FRAME_I420 || f->format == FRAME_NV12 ? luma + luma / 2 : luma;
	}
}

static void shape_of(const struct camera_device *device, const struct v4l2_format *set, struct camera_format *f)
{
	uint32_t quantization = device->multi ? set->fmt.pix_mp.quantization : set->fmt.pix.quantization;
	uint32_t colours = device->multi ? set->fmt.pix_mp.colorspace : set->fmt.pix.colorspace;
	if (device->multi)
		shape_of_multi(&set->fmt.pix_mp, f);
	else
		shape_of_single(&set->fmt.pix, f);
	f->full_range = f->format == FRAME_JPEG || quantization == V4L2_QUANTIZATION_FULL_RANGE ||
			(quantization == V4L2_QUANTIZATION_DEFAULT && colours == V4L2_COLORSPACE_JPEG);
	if (f->format == FRAME_JPEG || f->format == FRAME_H264)
		memset(f->least, 0, sizeof(f->least));
}

static int size_set(const struct camera_device *device, const struct choice *choice, struct camera_format *f)
{
	struct v4l2_format v = { .type = device->type };
	if (device->multi) {
		v.fmt.pix_mp.width = (uint32_t)choice->width;
		v.fmt.pix_mp.height = (uint32_t)choice->height;
		v.fmt.pix_mp.pixelformat = choice->known->fourcc;
		v.fmt.pix_mp.field = V4L2_FIELD_NONE;
		v.fmt.pix_mp.num_planes = (uint8_t)choice->known->memories;
	} else {
		v.fmt.pix.width = (uint32_t)choice->width;
		v.fmt.pix.height = (uint32_t)choice->height;
		v.fmt.pix.pixelformat = choice->known->fourcc;
		v.fmt.pix.field = V4L2_FIELD_NONE;
	}
	int r = camera_ioctl(device, VIDIOC_S_FMT, &v);
	if (r < 0)
		return r;
	f->fourcc = device->multi ? v.fmt.pix_mp.pixelformat : v.fmt.pix.pixelformat;
	f->width = (int)(device->multi ? v.fmt.pix_mp.width : v.fmt.pix.width);
	f->height = (int)(device->multi ? v.fmt.pix_mp.height : v.fmt.pix.height);
	if (f->fourcc != choice->known->fourcc || f->width < 16 || f->height < 16 ||
	    f->width > PICTURE_SIDE_MAX || f->height > PICTURE_SIDE_MAX)
		return -EPROTONOSUPPORT;
	shape_of(device, &v, f);
	return 0;
}

static int rate_set(const struct camera_device *device, int fps)
{
	struct v4l2_streamparm p = { .type = device->type };
	p.parm.capture.timeperframe.numerator = 1;
	p.parm.capture.timeperframe.denominator = (uint32_t)fps;
	int r = camera_ioctl(device, VIDIOC_S_PARM, &p);
	const struct v4l2_fract *f = &p.parm.capture.timeperframe;
	return r == 0 && f->numerator ? (int)((f->denominator + f->numerator / 2) / f->numerator) : fps;
}

int camera_format_set(const struct camera_device *device, const struct camera_wish *wish,
		      struct camera_format *ret_format)
{
	struct choice choice;
	struct camera_wish want = *wish;
	if (device->quirk.size)
		quirk_size_parse(device->quirk.size, &want.width, &want.height);
	if (device->quirk.fps)
		want.fps = device->quirk.fps;
	int r = choose(device, &want, &choice);
	if (r < 0)
		return r;
	struct camera_format f = { .format = choice.known->format, .memories = choice.known->memories,
				   .swapped = choice.known->swapped };
	r = size_set(device, &choice, &f);
	if (r < 0)
		return r;
	f.fps = rate_set(device, choice.fps ? choice.fps : want.fps);
	*ret_format = f;
	return 0;
}
