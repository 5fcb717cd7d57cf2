#include "tests/vadriver/image.h"

#include <string.h>

#include "tests/vadriver/buffer.h"
#include "tests/vadriver/surface.h"

struct image {
	struct object object;
	VAImage va;
	struct buffer *buffer; /* held */
};

static void image_free(struct object *object)
{
	struct image *image = (struct image *)object;
	object_release(image->buffer);
	g_free(image);
}

static VAImageFormat image_format(const struct surface_format *format)
{
	VAImageFormat f = { .fourcc = format->fourcc, .byte_order = VA_LSB_FIRST,
		.bits_per_pixel = format->depth };
	if (format->rt_format == VA_RT_FORMAT_RGB32) {
		f.depth = format->fourcc == VA_FOURCC_BGRA ? 32 : 24;
		f.red_mask = 0x00ff0000;
		f.green_mask = 0x0000ff00;
		f.blue_mask = 0x000000ff;
		f.alpha_mask = format->fourcc == VA_FOURCC_BGRA ? 0xff000000 : 0;
	}
	return f;
}

VAStatus image_query_formats(VADriverContextP va, VAImageFormat *formats, int *ret_count)
{
	(void)va;
	for (unsigned int i = 0; i < surface_format_count; i++)
		formats[i] = image_format(&surface_formats[i]);
	*ret_count = (int)surface_format_count;
	return VA_STATUS_SUCCESS;
}

/* Makes the image over the buffer, whose count of the table it takes along. Lock held. */
static void image_make(struct driver *driver, const struct surface_format *format, struct buffer *buffer,
		unsigned int width, unsigned int height, const uint32_t pitch[2],
		const uint32_t offset[2], VAImage *ret)
{
	struct image *image = g_new0(struct image, 1);
	image->buffer = object_hold(buffer);
	object_add(&driver->objects, &image->object, OBJECT_IMAGE, image_free);
	image->va.image_id = image->object.id;
	image->va.format = image_format(format);
	image->va.buf = buffer->object.id;
	image->va.width = (uint16_t)width;
	image->va.height = (uint16_t)height;
	image->va.data_size = buffer->surface != NULL ? (uint32_t)buffer->surface->size : buffer->size;
	image->va.num_planes = format->planes;
	for (unsigned int plane = 0; plane < format->planes; plane++) {
		image->va.pitches[plane] = pitch[plane];
		image->va.offsets[plane] = offset[plane];
	}
	*ret = image->va;
}

VAStatus image_create(VADriverContextP va, VAImageFormat *wanted, int width, int height, VAImage *ret)
{
	struct driver *driver = driver_of(va);
	const struct surface_format *format = surface_format_find(wanted->fourcc);
	if (format == NULL)
		return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
	if (width < 1 || height < 1 || width > 4096 || height > 4096)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	uint32_t row = ((uint32_t)width + 1) / 2 * 2 * format->bytes_per_pixel;
	uint32_t rows = ((uint32_t)height + 1) / 2 * 2;
	uint32_t pitch = driver->personality.odd_pitch ? row + 18 : (row + 15) / 16 * 16;
	const uint32_t pitches[2] = { pitch, pitch }, offsets[2] = { 0, pitch * rows };
	uint32_t size = format->planes == 2 ? pitch * rows * 3 / 2 : pitch * rows;
	pthread_mutex_lock(&driver->lock);
	image_make(driver, format, buffer_make(driver, VAImageBufferType, size, 1, NULL),
			(unsigned int)width, (unsigned int)height, pitches, offsets, ret);
	pthread_mutex_unlock(&driver->lock);
	return VA_STATUS_SUCCESS;
}

VAStatus image_derive(VADriverContextP va, VASurfaceID id, VAImage *ret)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	if (driver->personality.no_derive)
		return VA_STATUS_ERROR_OPERATION_FAILED;
	pthread_mutex_lock(&driver->lock);
	struct surface *surface = object_find(&driver->objects, id, OBJECT_SURFACE, "vaDeriveImage");
	if (surface == NULL)
		status = VA_STATUS_ERROR_INVALID_SURFACE;
	else
		image_make(driver, surface_format_find(surface->fourcc),
				buffer_make(driver, VAImageBufferType, (unsigned int)surface->size, 1, surface),
				surface->width, surface->height, surface->pitch, surface->offset, ret);
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus image_destroy(VADriverContextP va, VAImageID id)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct image *image = object_find(&driver->objects, id, OBJECT_IMAGE, "vaDestroyImage");
	if (image != NULL) {
		if (image->buffer->mapped != 0)
			report_violation(&driver->report, "vaDestroyImage: image %#x is still mapped", id);
		object_remove(&driver->objects, &image->buffer->object);
		object_remove(&driver->objects, &image->object);
	}
	pthread_mutex_unlock(&driver->lock);
	return image != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_IMAGE;
}

/* A rectangle of one side of a copy. */
struct area {
	uint8_t *bytes;
	const uint32_t *pitch, *offset;
	unsigned int width, height, x, y; /* of the whole, of the corner */
};

static void copy(const struct surface_format *format, const struct area *to, const struct area *from,
		unsigned int width, unsigned int height)
{
	for (unsigned int plane = 0; plane < format->planes; plane++) {
		unsigned int half = plane, rows = (height + half) >> half;
		size_t row = (size_t)(half ? (width + 1) / 2 * 2 : width) * format->bytes_per_pixel;
		size_t to_x = (size_t)(half ? to->x / 2 * 2 : to->x) * format->bytes_per_pixel;
		size_t from_x = (size_t)(half ? from->x / 2 * 2 : from->x) * format->bytes_per_pixel;
		for (unsigned int y = 0; y < rows; y++)
			memcpy(to->bytes + to->offset[plane] +
							(size_t)to->pitch[plane] * ((to->y >> half) + y) + to_x,
					from->bytes + from->offset[plane] +
							(size_t)from->pitch[plane] * ((from->y >> half) + y) + from_x,
					row);
	}
}

static bool inside(const struct area *area, unsigned int width, unsigned int height)
{
	return area->x + (uint64_t)width <= area->width && area->y + (uint64_t)height <= area->height;
}

static VAStatus transfer(struct driver *driver, VASurfaceID surface_id, VAImageID image_id, bool get,
		const unsigned int at[4], unsigned int width, unsigned int height)
{
	const char *who = get ? "vaGetImage" : "vaPutImage";
	struct surface *surface = object_find(&driver->objects, surface_id, OBJECT_SURFACE, who);
	struct image *image = object_find(&driver->objects, image_id, OBJECT_IMAGE, who);
	if (surface == NULL)
		return VA_STATUS_ERROR_INVALID_SURFACE;
	if (image == NULL)
		return VA_STATUS_ERROR_INVALID_IMAGE;
	if (surface->fourcc != image->va.format.fourcc)
		return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
	if (!get && !surface->writable)
		return VA_STATUS_ERROR_OPERATION_FAILED;
	VAStatus status = surface_wait(driver, surface, VA_TIMEOUT_INFINITE);
	uint8_t *bytes = image->buffer->surface != NULL ? image->buffer->surface->bytes :
							  image->buffer->bytes;
	const struct area outer = { bytes, image->va.pitches, image->va.offsets, image->va.width,
		image->va.height, at[0], at[1] };
	const struct area inner = { surface->bytes, surface->pitch, surface->offset, surface->width,
		surface->height, at[2], at[3] };
	if (!inside(&outer, width, height) || !inside(&inner, width, height))
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	surface_access_begin(surface, !get);
	copy(surface_format_find(surface->fourcc), get ? &outer : &inner, get ? &inner : &outer, width,
			height);
	surface_access_end(surface, !get);
	return get ? status : VA_STATUS_SUCCESS;
}

VAStatus image_get(VADriverContextP va, VASurfaceID surface, int x, int y, unsigned int width,
		unsigned int height, VAImageID image)
{
	struct driver *driver = driver_of(va);
	if (x < 0 || y < 0)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	const unsigned int at[4] = { 0, 0, (unsigned int)x, (unsigned int)y };
	pthread_mutex_lock(&driver->lock);
	VAStatus status = transfer(driver, surface, image, true, at, width, height);
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus image_put(VADriverContextP va, VASurfaceID surface, VAImageID image, int from_x, int from_y,
		unsigned int from_width, unsigned int from_height, int to_x, int to_y,
		unsigned int to_width, unsigned int to_height)
{
	struct driver *driver = driver_of(va);
	if (from_x < 0 || from_y < 0 || to_x < 0 || to_y < 0 || from_width != to_width ||
			from_height != to_height)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	const unsigned int at[4] = { (unsigned int)from_x, (unsigned int)from_y, (unsigned int)to_x,
		(unsigned int)to_y };
	pthread_mutex_lock(&driver->lock);
	VAStatus status = transfer(driver, surface, image, false, at, to_width, to_height);
	pthread_mutex_unlock(&driver->lock);
	return status;
}
