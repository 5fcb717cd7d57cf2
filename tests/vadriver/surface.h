/* surface: a linear picture in shared memory, its own or a program's dma-buf. submitted and completed count the jobs
 * that use it: a job waits for those before it, vaSyncSurface for all so far. Members are guarded by the driver's
 * lock; the pixels belong to whoever the counts allow. */
#ifndef TESTS_VADRIVER_SURFACE_H
#define TESTS_VADRIVER_SURFACE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/vadriver/driver.h"

struct surface {
	struct object object;
	uint32_t fourcc; /* VA_FOURCC_NV12, YUY2, BGRX, BGRA */
	unsigned int width, height, planes;
	uint32_t pitch[2], offset[2]; /* bytes */
	uint8_t *bytes;
	size_t size;
	int fd; /* of the memory: a memfd or the imported dma-buf */
	bool imported, writable;
	uint64_t submitted, completed;
	VAStatus status; /* of the last completed job */
};

/* A row of what the driver can store. */
struct surface_format {
	uint32_t fourcc, rt_format, drm_format, drm_planes[2];
	unsigned int planes, bytes_per_pixel, depth;
};
extern const struct surface_format surface_formats[];
extern const unsigned int surface_format_count;
const struct surface_format *surface_format_find(uint32_t fourcc);

/* Around any access of the processor to the pixels: dma-bufs want to know. */
void surface_access_begin(const struct surface *surface, bool write);
void surface_access_end(const struct surface *surface, bool write);
/* Waits until completed reaches the count; timeout_ns VA_TIMEOUT_INFINITE waits for ever. Lock held.
 * VA_STATUS_ERROR_TIMEDOUT or the status of the last job. */
VAStatus surface_wait(struct driver *driver, struct surface *surface, uint64_t timeout_ns);

VAStatus surface_create(VADriverContextP va, int width, int height, int format, int count,
		VASurfaceID *ids);
VAStatus surface_create2(VADriverContextP va, unsigned int format, unsigned int width,
		unsigned int height, VASurfaceID *ids, unsigned int count, VASurfaceAttrib *attributes,
		unsigned int attribute_count);
VAStatus surface_destroy(VADriverContextP va, VASurfaceID *ids, int count);
VAStatus surface_sync(VADriverContextP va, VASurfaceID id);
VAStatus surface_sync2(VADriverContextP va, VASurfaceID id, uint64_t timeout_ns);
VAStatus surface_query_status(VADriverContextP va, VASurfaceID id, VASurfaceStatus *ret_status);
VAStatus surface_query_attributes(VADriverContextP va, VAConfigID config, VASurfaceAttrib *attributes,
		unsigned int *count);
VAStatus surface_export(VADriverContextP va, VASurfaceID id, uint32_t memory, uint32_t flags,
		void *ret_descriptor);

#endif
