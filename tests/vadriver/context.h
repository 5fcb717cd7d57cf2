/* context: one encoder, decoder or converter with a worker of its own. Between vaBeginPicture and vaEndPicture a job
 * is put together from copies of the program's buffers; vaEndPicture queues it:
 *
 *   program: Begin, Render..., End -> queue -> worker: wait for earlier users of the surfaces, faults, run -> changed
 *
 * The kinds differ in their struct codec only. */
#ifndef TESTS_VADRIVER_CONTEXT_H
#define TESTS_VADRIVER_CONTEXT_H

#include "tests/vadriver/buffer.h"
#include "tests/vadriver/config.h"
#include "tests/vadriver/surface.h"

enum { USED_MAX = 40 };

/* A surface of a job and how many jobs must have left it before. */
struct used {
	struct surface *surface; /* held */
	uint64_t before;
	bool written; /* its status is the job's */
};

struct job {
	unsigned int number; /* in its context, from 1 */
	struct surface *target; /* of vaBeginPicture; held */
	struct buffer *coded; /* held; NULL: no encoder */
	struct used used[USED_MAX];
	unsigned int used_count;
	void *work; /* the codec's */
};

struct context {
	struct object object;
	struct driver *driver;
	const struct codec *codec;
	VAProfile profile;
	uint32_t rate_control, packed;
	unsigned int width, height;
	unsigned int number; /* of its kind in this display, from 1 */
	unsigned int begun;
	struct job *building;
	GQueue jobs;
	bool stopping;
	pthread_t worker;
	void *state; /* the codec's; the worker's alone once it runs */
};

/* All but run are called with the lock held; run only by the worker, without it. */
struct codec {
	enum context_kind kind;
	VAStatus error; /* what a failed job is called */
	VAStatus (*open)(struct context *context);
	void (*close)(struct context *context);
	void *(*work_create)(void);
	void (*work_destroy)(void *work);
	VAStatus (*render)(struct context *context, struct job *job, const struct buffer *buffer);
	VAStatus (*end)(struct context *context, struct job *job); /* checks, and takes what it uses */
	VAStatus (*run)(struct context *context, struct job *job);
};
extern const struct codec decode_codec, encode_codec, proc_codec;

/* Holds the surface for the job; once a surface. -ENOSPC: too many. */
int job_use(struct job *job, struct surface *surface, bool written);

VAStatus context_create(VADriverContextP va, VAConfigID config, int width, int height, int flags,
		VASurfaceID *targets, int target_count, VAContextID *ret_id);
VAStatus context_destroy(VADriverContextP va, VAContextID id);
VAStatus context_begin(VADriverContextP va, VAContextID id, VASurfaceID target);
VAStatus context_render(VADriverContextP va, VAContextID id, VABufferID *buffers, int count);
VAStatus context_end(VADriverContextP va, VAContextID id);

#endif
