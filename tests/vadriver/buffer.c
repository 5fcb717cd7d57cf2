#include "tests/vadriver/buffer.h"

#include <string.h>

enum { BYTES_MAX = 64 << 20 };

static void buffer_free(struct object *object)
{
	struct buffer *buffer = (struct buffer *)object;
	object_release(buffer->surface);
	g_free(buffer->bytes);
	g_free(buffer->coded);
	g_free(buffer);
}

struct buffer *buffer_make(struct driver *driver, VABufferType type, unsigned int size,
		unsigned int count, struct surface *surface)
{
	struct buffer *buffer = g_new0(struct buffer, 1);
	buffer->type = type;
	buffer->size = size;
	buffer->count = count;
	if (surface != NULL)
		buffer->surface = object_hold(surface);
	else
		buffer->bytes = g_malloc0((size_t)size * count);
	if (type == VAEncCodedBufferType)
		buffer->coded = g_new0(struct coded, 1);
	object_add(&driver->objects, &buffer->object, OBJECT_BUFFER, buffer_free);
	return buffer;
}

VAStatus buffer_create(VADriverContextP va, VAContextID context, VABufferType type, unsigned int size,
		unsigned int count, void *data, VABufferID *ret_id)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	if (size == 0 || count == 0 || (uint64_t)size * count > BYTES_MAX)
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&driver->lock);
	if (object_find(&driver->objects, context, OBJECT_CONTEXT, "vaCreateBuffer") == NULL) {
		status = VA_STATUS_ERROR_INVALID_CONTEXT;
	} else {
		struct buffer *buffer = buffer_make(driver, type, size, count, NULL);
		if (data != NULL)
			memcpy(buffer->bytes, data, (size_t)size * count);
		*ret_id = buffer->object.id;
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus buffer_set_count(VADriverContextP va, VABufferID id, unsigned int count)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaBufferSetNumElements");
	if (buffer == NULL)
		status = VA_STATUS_ERROR_INVALID_BUFFER;
	else if (count < 1 || count > buffer->count)
		status = VA_STATUS_ERROR_INVALID_PARAMETER;
	else
		buffer->count = count;
	pthread_mutex_unlock(&driver->lock);
	return status;
}

static VAStatus coded_wait(struct driver *driver, struct buffer *buffer, uint64_t timeout_ns)
{
	struct coded *coded = buffer->coded;
	uint64_t wanted = coded->submitted;
	const struct deadline deadline = deadline_in(timeout_ns);
	VAStatus status = VA_STATUS_SUCCESS;
	object_hold(buffer);
	while (coded->completed < wanted && status == VA_STATUS_SUCCESS) {
		if (!driver_wait(driver, &deadline) && coded->completed < wanted)
			status = VA_STATUS_ERROR_TIMEDOUT;
	}
	if (status == VA_STATUS_SUCCESS)
		status = coded->status;
	object_release(buffer);
	return status;
}

VAStatus buffer_sync(VADriverContextP va, VABufferID id, uint64_t timeout_ns)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_ERROR_INVALID_BUFFER;
	if (id == VA_INVALID_ID)
		return status; /* programs ask so whether there is such a function */
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaSyncBuffer");
	if (buffer != NULL && buffer->coded == NULL)
		report_violation(&driver->report, "vaSyncBuffer: buffer %#x is no coded buffer", id);
	else if (buffer != NULL)
		status = coded_wait(driver, buffer, timeout_ns);
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus buffer_map(VADriverContextP va, VABufferID id, void **ret_bytes)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaMapBuffer");
	if (buffer == NULL) {
		pthread_mutex_unlock(&driver->lock);
		return VA_STATUS_ERROR_INVALID_BUFFER;
	}
	buffer->mapped++;
	if (buffer->coded != NULL) {
		(void)coded_wait(driver, buffer, VA_TIMEOUT_INFINITE); /* the segment tells of an error */
		*ret_bytes = buffer->coded->segments;
	} else if (buffer->surface != NULL) {
		(void)surface_wait(driver, buffer->surface, VA_TIMEOUT_INFINITE);
		surface_access_begin(buffer->surface, true);
		*ret_bytes = buffer->surface->bytes;
	} else {
		*ret_bytes = buffer->bytes;
	}
	pthread_mutex_unlock(&driver->lock);
	return VA_STATUS_SUCCESS;
}

VAStatus buffer_unmap(VADriverContextP va, VABufferID id)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaUnmapBuffer");
	if (buffer == NULL) {
		status = VA_STATUS_ERROR_INVALID_BUFFER;
	} else if (buffer->mapped == 0) {
		report_violation(&driver->report, "vaUnmapBuffer: buffer %#x is not mapped", id);
		status = VA_STATUS_ERROR_INVALID_BUFFER;
	} else {
		buffer->mapped--;
		if (buffer->surface != NULL)
			surface_access_end(buffer->surface, true);
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus buffer_destroy(VADriverContextP va, VABufferID id)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaDestroyBuffer");
	if (buffer != NULL) {
		if (buffer->mapped != 0)
			report_violation(&driver->report, "vaDestroyBuffer: buffer %#x is still mapped", id);
		object_remove(&driver->objects, &buffer->object);
	}
	pthread_mutex_unlock(&driver->lock);
	return buffer != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_BUFFER;
}

VAStatus buffer_info(VADriverContextP va, VABufferID id, VABufferType *ret_type, unsigned int *ret_size,
		unsigned int *ret_count)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct buffer *buffer = object_find(&driver->objects, id, OBJECT_BUFFER, "vaBufferInfo");
	if (buffer != NULL) {
		*ret_type = buffer->type;
		*ret_size = buffer->size;
		*ret_count = buffer->count;
	}
	pthread_mutex_unlock(&driver->lock);
	return buffer != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_BUFFER;
}
