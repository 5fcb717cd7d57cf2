#include "tests/vadriver/surface.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#include "tests/vadriver/config.h"

enum { SIDE_MAX = 4096, PITCH_ALIGN = 64, ODD_PITCH = 34, ODD_ROWS = 2 };

const struct surface_format surface_formats[] = {
	{ VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, DRM_FORMAT_NV12, { DRM_FORMAT_R8, DRM_FORMAT_GR88 }, 2, 1, 12 },
	{ VA_FOURCC_YUY2, VA_RT_FORMAT_YUV422, DRM_FORMAT_YUYV, { DRM_FORMAT_YUYV, 0 }, 1, 2, 16 },
	{ VA_FOURCC_BGRX, VA_RT_FORMAT_RGB32, DRM_FORMAT_XRGB8888, { DRM_FORMAT_XRGB8888, 0 }, 1, 4, 32 },
	{ VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32, DRM_FORMAT_ARGB8888, { DRM_FORMAT_ARGB8888, 0 }, 1, 4, 32 },
};
const unsigned int surface_format_count = G_N_ELEMENTS(surface_formats);

const struct surface_format *surface_format_find(uint32_t fourcc)
{
	for (unsigned int i = 0; i < surface_format_count; i++) {
		if (surface_formats[i].fourcc == fourcc)
			return &surface_formats[i];
	}
	return NULL;
}

static const struct surface_format *format_of_rt(unsigned int rt_format)
{
	for (unsigned int i = 0; i < surface_format_count; i++) {
		if (surface_formats[i].rt_format & rt_format)
			return &surface_formats[i];
	}
	return NULL;
}

static void access_sync(const struct surface *surface, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };
	/* ENOTTY: shared memory that is no dma-buf needs nothing. */
	if (surface->imported)
		(void)ioctl(surface->fd, DMA_BUF_IOCTL_SYNC, &sync);
}

void surface_access_begin(const struct surface *surface, bool write)
{
	access_sync(surface, DMA_BUF_SYNC_START | (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}

void surface_access_end(const struct surface *surface, bool write)
{
	access_sync(surface, DMA_BUF_SYNC_END | (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}

static void surface_free(struct object *object)
{
	struct surface *surface = (struct surface *)object;
	if (surface->bytes != NULL)
		munmap(surface->bytes, surface->size);
	if (surface->fd >= 0)
		close(surface->fd);
	g_free(surface);
}

static int map(struct surface *surface)
{
	surface->writable = true;
	void *bytes = mmap(NULL, surface->size, PROT_READ | PROT_WRITE, MAP_SHARED, surface->fd, 0);
	if (bytes == MAP_FAILED && surface->imported) {
		surface->writable = false;
		bytes = mmap(NULL, surface->size, PROT_READ, MAP_SHARED, surface->fd, 0);
	}
	if (bytes == MAP_FAILED)
		return -errno;
	surface->bytes = bytes;
	return 0;
}

/* Memory of its own. */
static int allocate(const struct personality *personality, struct surface *surface)
{
	const struct surface_format *format = surface_format_find(surface->fourcc);
	/* Whole macroblocks: codecs use them beyond the picture. */
	unsigned int row = ((surface->width + 15) & ~15u) * format->bytes_per_pixel;
	unsigned int rows = (surface->height + 15) & ~15u;
	if (personality->odd_pitch) {
		surface->pitch[0] = row + ODD_PITCH;
		rows += ODD_ROWS;
	} else {
		surface->pitch[0] = (row + PITCH_ALIGN - 1) & ~(PITCH_ALIGN - 1u);
	}
	surface->size = (size_t)surface->pitch[0] * rows;
	if (format->planes == 2) {
		surface->pitch[1] = surface->pitch[0];
		surface->offset[1] = (uint32_t)surface->size;
		surface->size += surface->size / 2;
	}
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	surface->size = (surface->size + page - 1) / page * page;
	surface->fd = memfd_create("vadriver", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (surface->fd < 0 || ftruncate(surface->fd, (off_t)surface->size) < 0)
		return -errno;
	(void)fcntl(surface->fd, F_ADD_SEALS, F_SEAL_SHRINK); /* udmabuf wants it */
	return map(surface);
}

/* Where a program's picture lies, from either form of descriptor. */
struct import {
	int fd;
	uint32_t fourcc, pitch[2], offset[2];
	unsigned int planes;
};

static bool import_of_prime2(const VADRMPRIMESurfaceDescriptor *d, struct import *ret)
{
	*ret = (struct import){ .fd = d->objects[0].fd, .fourcc = d->fourcc };
	if (d->num_objects != 1 || d->num_layers < 1 || d->num_layers > 2)
		return false;
	if (d->objects[0].drm_format_modifier != DRM_FORMAT_MOD_LINEAR &&
			d->objects[0].drm_format_modifier != DRM_FORMAT_MOD_INVALID)
		return false;
	for (uint32_t layer = 0; layer < d->num_layers; layer++) {
		for (uint32_t plane = 0; plane < d->layers[layer].num_planes; plane++) {
			if (ret->planes == 2 || d->layers[layer].object_index[plane] != 0)
				return false;
			ret->pitch[ret->planes] = d->layers[layer].pitch[plane];
			ret->offset[ret->planes++] = d->layers[layer].offset[plane];
		}
	}
	return true;
}

static bool import_of_prime(const VASurfaceAttribExternalBuffers *d, struct import *ret)
{
	*ret = (struct import){ .fourcc = d->pixel_format, .planes = d->num_planes };
	if (d->num_buffers != 1 || d->num_planes < 1 || d->num_planes > 2)
		return false;
	ret->fd = (int)d->buffers[0];
	for (unsigned int plane = 0; plane < d->num_planes; plane++) {
		ret->pitch[plane] = d->pitches[plane];
		ret->offset[plane] = d->offsets[plane];
	}
	return true;
}

static VAStatus import(const struct personality *personality, struct surface *surface,
		const struct import *from)
{
	const struct surface_format *format = surface_format_find(surface->fourcc);
	if (from->planes != format->planes || (from->fourcc != 0 && from->fourcc != surface->fourcc))
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	surface->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	off_t size = surface->fd < 0 ? -1 : lseek(surface->fd, 0, SEEK_END);
	if (size <= 0)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	surface->size = (size_t)size;
	for (unsigned int plane = 0; plane < from->planes; plane++) {
		size_t rows = plane == 0 ? surface->height : (surface->height + 1) / 2;
		size_t row = ((size_t)surface->width + 1) / 2 * 2 * format->bytes_per_pixel;
		surface->pitch[plane] = from->pitch[plane];
		surface->offset[plane] = from->offset[plane];
		if (from->pitch[plane] < row || from->pitch[plane] % personality->import_pitch != 0 ||
				from->offset[plane] + from->pitch[plane] * (rows - 1) + row > surface->size)
			return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	surface->imported = true;
	return map(surface) < 0 ? VA_STATUS_ERROR_ALLOCATION_FAILED : VA_STATUS_SUCCESS;
}

struct wish {
	uint32_t fourcc;
	int memory;
	const void *descriptor;
};

static VAStatus wish_of(const VASurfaceAttrib *attributes, unsigned int count, struct wish *ret)
{
	for (unsigned int i = 0; i < count; i++) {
		const VASurfaceAttrib *a = &attributes[i];
		if (!(a->flags & VA_SURFACE_ATTRIB_SETTABLE))
			continue;
		switch ((int)a->type) {
		case VASurfaceAttribPixelFormat:
			ret->fourcc = (uint32_t)a->value.value.i;
			break;
		case VASurfaceAttribMemoryType:
			ret->memory = a->value.value.i;
			break;
		case VASurfaceAttribExternalBufferDescriptor:
			ret->descriptor = a->value.value.p;
			break;
		default:
			break; /* hints */
		}
	}
	if (ret->memory == 0)
		ret->memory = VA_SURFACE_ATTRIB_MEM_TYPE_VA;
	return VA_STATUS_SUCCESS;
}

static VAStatus fill(struct driver *driver, struct surface *surface, const struct wish *wish)
{
	struct import from;
	bool good;
	if (wish->memory == VA_SURFACE_ATTRIB_MEM_TYPE_VA || wish->descriptor == NULL)
		return allocate(&driver->personality, surface) < 0 ? VA_STATUS_ERROR_ALLOCATION_FAILED :
								     VA_STATUS_SUCCESS;
	if (driver->personality.no_import)
		return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
	if (wish->memory == VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
		good = import_of_prime2(wish->descriptor, &from);
	else if (wish->memory == VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME)
		good = import_of_prime(wish->descriptor, &from);
	else
		return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
	VAStatus status = good ? import(&driver->personality, surface, &from) :
				 VA_STATUS_ERROR_INVALID_PARAMETER;
	driver->report.imports += status == VA_STATUS_SUCCESS;
	return status;
}

VAStatus surface_create2(VADriverContextP va, unsigned int format, unsigned int width,
		unsigned int height, VASurfaceID *ids, unsigned int count, VASurfaceAttrib *attributes,
		unsigned int attribute_count)
{
	struct driver *driver = driver_of(va);
	struct wish wish = { 0 };
	VAStatus status = wish_of(attributes, attributes != NULL ? attribute_count : 0, &wish);
	const struct surface_format *f = wish.fourcc != 0 ? surface_format_find(wish.fourcc) :
							    format_of_rt(format);
	if (f == NULL)
		return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
	if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
		return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
	if (wish.descriptor != NULL && count != 1)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&driver->lock);
	unsigned int made;
	for (made = 0; made < count && status == VA_STATUS_SUCCESS; made++) {
		struct surface *surface = g_new0(struct surface, 1);
		surface->fourcc = f->fourcc;
		surface->width = width;
		surface->height = height;
		surface->planes = f->planes;
		surface->fd = -1;
		status = fill(driver, surface, &wish);
		ids[made] = object_add(&driver->objects, &surface->object, OBJECT_SURFACE, surface_free);
	}
	while (status != VA_STATUS_SUCCESS && made > 0) {
		struct object *object = object_find(&driver->objects, ids[--made], OBJECT_SURFACE,
				"vaCreateSurfaces");
		object_remove(&driver->objects, object);
		ids[made] = VA_INVALID_SURFACE;
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus surface_create(VADriverContextP va, int width, int height, int format, int count,
		VASurfaceID *ids)
{
	if (width < 1 || height < 1 || count < 0)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	return surface_create2(va, (unsigned int)format, (unsigned int)width, (unsigned int)height, ids,
			(unsigned int)count, NULL, 0);
}

VAStatus surface_destroy(VADriverContextP va, VASurfaceID *ids, int count)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	pthread_mutex_lock(&driver->lock);
	for (int i = 0; i < count; i++) {
		struct object *object = object_find(&driver->objects, ids[i], OBJECT_SURFACE,
				"vaDestroySurfaces");
		if (object == NULL)
			status = VA_STATUS_ERROR_INVALID_SURFACE;
		else
			object_remove(&driver->objects, object);
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus surface_wait(struct driver *driver, struct surface *surface, uint64_t timeout_ns)
{
	uint64_t wanted = surface->submitted;
	const struct deadline deadline = deadline_in(timeout_ns);
	VAStatus status = VA_STATUS_SUCCESS;
	object_hold(surface);
	while (surface->completed < wanted && status == VA_STATUS_SUCCESS) {
		if (!driver_wait(driver, &deadline) && surface->completed < wanted)
			status = VA_STATUS_ERROR_TIMEDOUT;
	}
	if (status == VA_STATUS_SUCCESS)
		status = surface->status;
	object_release(surface);
	return status;
}

VAStatus surface_sync2(VADriverContextP va, VASurfaceID id, uint64_t timeout_ns)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_ERROR_INVALID_SURFACE;
	pthread_mutex_lock(&driver->lock);
	struct surface *surface = object_find(&driver->objects, id, OBJECT_SURFACE, "vaSyncSurface");
	if (surface != NULL)
		status = surface_wait(driver, surface, timeout_ns);
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus surface_sync(VADriverContextP va, VASurfaceID id)
{
	return surface_sync2(va, id, VA_TIMEOUT_INFINITE);
}

VAStatus surface_query_status(VADriverContextP va, VASurfaceID id, VASurfaceStatus *ret_status)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct surface *surface = object_find(&driver->objects, id, OBJECT_SURFACE,
			"vaQuerySurfaceStatus");
	if (surface != NULL)
		*ret_status = surface->completed < surface->submitted ? VASurfaceRendering : VASurfaceReady;
	pthread_mutex_unlock(&driver->lock);
	return surface != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_SURFACE;
}

static void attribute_int(VASurfaceAttrib *list, unsigned int *count, VASurfaceAttribType type,
		uint32_t flags, int value)
{
	VASurfaceAttrib *a = &list[(*count)++];
	memset(a, 0, sizeof(*a));
	a->type = type;
	a->flags = flags;
	a->value.type = VAGenericValueTypeInteger;
	a->value.value.i = value;
}

VAStatus surface_query_attributes(VADriverContextP va, VAConfigID id, VASurfaceAttrib *attributes,
		unsigned int *count)
{
	struct driver *driver = driver_of(va);
	VASurfaceAttrib list[16];
	unsigned int n = 0;
	const uint32_t both = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE;
	pthread_mutex_lock(&driver->lock);
	struct config *config = object_find(&driver->objects, id, OBJECT_CONFIG,
			"vaQuerySurfaceAttributes");
	bool any = config != NULL && config->entrypoint == VAEntrypointVideoProc;
	pthread_mutex_unlock(&driver->lock);
	if (config == NULL)
		return VA_STATUS_ERROR_INVALID_CONFIG;
	for (unsigned int i = 0; i < (any ? surface_format_count : 1); i++)
		attribute_int(list, &n, VASurfaceAttribPixelFormat, both, (int)surface_formats[i].fourcc);
	attribute_int(list, &n, VASurfaceAttribMinWidth, VA_SURFACE_ATTRIB_GETTABLE, 16);
	attribute_int(list, &n, VASurfaceAttribMaxWidth, VA_SURFACE_ATTRIB_GETTABLE, SIDE_MAX);
	attribute_int(list, &n, VASurfaceAttribMinHeight, VA_SURFACE_ATTRIB_GETTABLE, 16);
	attribute_int(list, &n, VASurfaceAttribMaxHeight, VA_SURFACE_ATTRIB_GETTABLE, SIDE_MAX);
	attribute_int(list, &n, VASurfaceAttribMemoryType, both,
			VA_SURFACE_ATTRIB_MEM_TYPE_VA |
					(driver->personality.no_import ? 0 :
							VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME |
									VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2));
	if (!driver->personality.no_import) {
		attribute_int(list, &n, VASurfaceAttribExternalBufferDescriptor, VA_SURFACE_ATTRIB_SETTABLE, 0);
		list[n - 1].value.type = VAGenericValueTypePointer;
		list[n - 1].value.value.p = NULL;
	}
	if (attributes != NULL && *count < n) {
		*count = n;
		return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
	}
	if (attributes != NULL)
		memcpy(attributes, list, n * sizeof(*list));
	*count = n;
	return VA_STATUS_SUCCESS;
}

/* A dma-buf of the surface's memory: the kernel's udmabuf makes one of a memfd; where there is none, the memfd
 * itself goes out, which maps the same. */
static int export_fd(const struct surface *surface)
{
	int device = surface->imported ? -1 : open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = -1;
	if (device >= 0) {
		struct udmabuf_create create = {
			.memfd = (uint32_t)surface->fd,
			.flags = UDMABUF_FLAGS_CLOEXEC,
			.size = surface->size,
		};
		fd = ioctl(device, UDMABUF_CREATE, &create);
		close(device);
	}
	return fd >= 0 ? fd : fcntl(surface->fd, F_DUPFD_CLOEXEC, 0);
}

static void describe(const struct surface *surface, bool separate, int fd,
		VADRMPRIMESurfaceDescriptor *ret)
{
	const struct surface_format *format = surface_format_find(surface->fourcc);
	memset(ret, 0, sizeof(*ret));
	ret->fourcc = surface->fourcc;
	ret->width = surface->width;
	ret->height = surface->height;
	ret->num_objects = 1;
	ret->objects[0].fd = fd;
	ret->objects[0].size = (uint32_t)surface->size;
	ret->objects[0].drm_format_modifier = DRM_FORMAT_MOD_LINEAR;
	for (unsigned int plane = 0; plane < surface->planes; plane++) {
		unsigned int layer = separate ? plane : 0, at = separate ? 0 : plane;
		ret->layers[layer].drm_format = separate ? format->drm_planes[plane] : format->drm_format;
		ret->layers[layer].num_planes = at + 1;
		ret->layers[layer].pitch[at] = surface->pitch[plane];
		ret->layers[layer].offset[at] = surface->offset[plane];
		ret->num_layers = layer + 1;
	}
}

VAStatus surface_export(VADriverContextP va, VASurfaceID id, uint32_t memory, uint32_t flags,
		void *ret_descriptor)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	if (memory != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
		return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
	pthread_mutex_lock(&driver->lock);
	struct surface *surface = object_find(&driver->objects, id, OBJECT_SURFACE, "vaExportSurfaceHandle");
	int fd = surface != NULL ? export_fd(surface) : -1;
	if (surface == NULL)
		status = VA_STATUS_ERROR_INVALID_SURFACE;
	else if (fd < 0)
		status = VA_STATUS_ERROR_ALLOCATION_FAILED;
	else
		describe(surface, flags & VA_EXPORT_SURFACE_SEPARATE_LAYERS, fd, ret_descriptor);
	driver->report.exports += status == VA_STATUS_SUCCESS;
	pthread_mutex_unlock(&driver->lock);
	return status;
}
