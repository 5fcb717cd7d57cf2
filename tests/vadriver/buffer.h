/* buffer: bytes a program hands over or fetches. An image's buffer may show a surface's memory; a coded buffer shows
 * a chain of segments. Members are guarded by the driver's lock. */
#ifndef TESTS_VADRIVER_BUFFER_H
#define TESTS_VADRIVER_BUFFER_H

#include <stdbool.h>

#include "tests/vadriver/driver.h"
#include "tests/vadriver/surface.h"

enum { CODED_SEGMENTS_MAX = 64 };

/* What an encoder leaves in a coded buffer. */
struct coded {
	VACodedBufferSegment segments[CODED_SEGMENTS_MAX];
	uint64_t submitted, completed;
	VAStatus status;
};

struct buffer {
	struct object object;
	VABufferType type;
	unsigned int size, count; /* bytes of an element, elements */
	uint8_t *bytes; /* size * count; NULL when the memory is the surface's */
	struct surface *surface; /* held; of a derived image */
	struct coded *coded; /* of a coded buffer */
	unsigned int mapped;
};

/* A buffer of the driver's own making: over the surface's memory when surface is given. Lock held. */
struct buffer *buffer_make(struct driver *driver, VABufferType type, unsigned int size,
		unsigned int count, struct surface *surface);

VAStatus buffer_create(VADriverContextP va, VAContextID context, VABufferType type, unsigned int size,
		unsigned int count, void *data, VABufferID *ret_id);
VAStatus buffer_set_count(VADriverContextP va, VABufferID id, unsigned int count);
VAStatus buffer_map(VADriverContextP va, VABufferID id, void **ret_bytes);
VAStatus buffer_unmap(VADriverContextP va, VABufferID id);
VAStatus buffer_destroy(VADriverContextP va, VABufferID id);
VAStatus buffer_info(VADriverContextP va, VABufferID id, VABufferType *ret_type, unsigned int *ret_size,
		unsigned int *ret_count);
VAStatus buffer_sync(VADriverContextP va, VABufferID id, uint64_t timeout_ns);

#endif
