#include "tests/vadriver/context.h"

#include <errno.h>
#include <stdlib.h>

static const struct codec *const codecs[CONTEXT_KINDS] = {
	[CONTEXT_DECODE] = &decode_codec,
	[CONTEXT_ENCODE] = &encode_codec,
	[CONTEXT_PROC] = &proc_codec,
};

int job_use(struct job *job, struct surface *surface, bool written)
{
	for (unsigned int i = 0; i < job->used_count; i++) {
		if (job->used[i].surface == surface) {
			job->used[i].written |= written;
			return 0;
		}
	}
	if (job->used_count == USED_MAX)
		return -ENOSPC;
	job->used[job->used_count++] = (struct used){ object_hold(surface), 0, written };
	return 0;
}

static void job_free(struct context *context, struct job *job)
{
	for (unsigned int i = 0; i < job->used_count; i++)
		object_release(job->used[i].surface);
	object_release(job->coded);
	object_release(job->target);
	context->codec->work_destroy(job->work);
	g_free(job);
}

/* ---- the worker ---- */

static const struct fault *fault_of(const struct context *context, const struct job *job,
		enum fault_kind kind)
{
	return fault_find(&context->driver->faults, kind, context->codec->kind, context->number,
			job->number);
}

/* True once every earlier user of the surfaces is done. */
static bool job_ready(const struct job *job)
{
	for (unsigned int i = 0; i < job->used_count; i++) {
		if (job->used[i].surface->completed < job->used[i].before)
			return false;
	}
	return true;
}

/* Damages what the job made: every 16th byte of a stream, NAL headers first, or the upper rows of a picture. */
static void damage(struct job *job)
{
	if (job->coded != NULL) {
		struct coded *coded = job->coded->coded;
		for (VACodedBufferSegment *s = coded->segments; s != NULL; s = s->next) {
			for (uint32_t i = 4; i < s->size; i += 16)
				((uint8_t *)s->buf)[i] ^= 0xff;
		}
		return;
	}
	for (size_t i = 0; i < (size_t)job->target->pitch[0] * (job->target->height / 4); i++)
		job->target->bytes[job->target->offset[0] + i] ^= 0x80;
}

/* Faults before the work; lock held. VA_STATUS_SUCCESS: go on. */
static VAStatus faults_before(struct context *context, const struct job *job)
{
	struct driver *driver = context->driver;
	const struct deadline never = { .never = true };
	const struct fault *latency = fault_of(context, job, FAULT_LATENCY);
	if (fault_of(context, job, FAULT_ABORT) != NULL)
		abort();
	if (latency != NULL) {
		const struct deadline end = deadline_in((uint64_t)latency->value * 1000000);
		while (!context->stopping && driver_wait(driver, &end))
			continue;
	}
	bool stuck = fault_of(context, job, FAULT_STUCK) != NULL;
	if (stuck || fault_of(context, job, FAULT_HANG) != NULL) {
		while (stuck || !context->stopping)
			driver_wait(driver, &never);
		return context->codec->error;
	}
	return fault_of(context, job, FAULT_ERROR) != NULL ||
					fault_of(context, job, FAULT_SILENT_ERROR) != NULL ?
			context->codec->error :
			VA_STATUS_SUCCESS;
}

/* Runs a job with the lock held at both ends. */
static VAStatus job_run(struct context *context, struct job *job)
{
	struct driver *driver = context->driver;
	const struct deadline never = { .never = true };
	while (!job_ready(job)) {
		if (context->stopping)
			return context->codec->error;
		driver_wait(driver, &never);
	}
	VAStatus status = faults_before(context, job);
	bool corrupt = fault_of(context, job, FAULT_CORRUPT) != NULL;
	if (status != VA_STATUS_SUCCESS)
		return status;
	pthread_mutex_unlock(&driver->lock);
	status = context->codec->run(context, job);
	if (status == VA_STATUS_SUCCESS && corrupt)
		damage(job);
	pthread_mutex_lock(&driver->lock);
	return status;
}

static void count(struct report *report, const struct context *context, VAStatus status)
{
	if (status != VA_STATUS_SUCCESS)
		report->failed++;
	else if (context->codec->kind == CONTEXT_ENCODE)
		report->encoded++;
	else if (context->codec->kind == CONTEXT_DECODE)
		report->decoded++;
	else
		report->processed++;
}

static void job_complete(struct context *context, struct job *job, VAStatus status)
{
	count(&context->driver->report, context, status);
	if (job->coded != NULL) {
		struct coded *coded = job->coded->coded;
		if (status != VA_STATUS_SUCCESS)
			coded->segments[0] = (VACodedBufferSegment){
				.status = VA_CODED_BUF_STATUS_BAD_BITSTREAM,
				.buf = job->coded->bytes,
			};
		coded->completed++;
		coded->status = fault_of(context, job, FAULT_SILENT_ERROR) ? VA_STATUS_SUCCESS : status;
	}
	if (fault_of(context, job, FAULT_SILENT_ERROR) != NULL)
		status = VA_STATUS_SUCCESS;
	for (unsigned int i = 0; i < job->used_count; i++) {
		job->used[i].surface->completed++;
		if (job->used[i].written)
			job->used[i].surface->status = status;
	}
	job_free(context, job);
	pthread_cond_broadcast(&context->driver->changed);
}

static void *work(void *data)
{
	struct context *context = data;
	struct driver *driver = context->driver;
	const struct deadline never = { .never = true };
	pthread_mutex_lock(&driver->lock);
	for (;;) {
		struct job *job = g_queue_pop_head(&context->jobs);
		if (job != NULL)
			job_complete(context, job, job_run(context, job));
		else if (context->stopping)
			break;
		else
			driver_wait(driver, &never);
	}
	pthread_mutex_unlock(&driver->lock);
	return NULL;
}

/* ---- the program's side ---- */

static void context_free(struct object *object)
{
	struct context *context = (struct context *)object;
	struct driver *driver = context->driver;
	context->stopping = true;
	pthread_cond_broadcast(&driver->changed);
	pthread_mutex_unlock(&driver->lock);
	pthread_join(context->worker, NULL);
	pthread_mutex_lock(&driver->lock);
	if (context->building != NULL) {
		report_violation(&driver->report, "vaDestroyContext: context %#x has a picture begun",
				context->object.id);
		job_free(context, context->building);
	}
	context->codec->close(context);
	g_free(context);
}

static VAStatus open_locked(struct driver *driver, struct context *context)
{
	context->number = ++driver->contexts_made[context->codec->kind];
	if (fault_find(&driver->faults, FAULT_REFUSE, context->codec->kind, context->number, 0) != NULL)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	VAStatus status = context->codec->open(context);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (pthread_create(&context->worker, NULL, work, context) != 0) {
		context->codec->close(context);
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	}
	return VA_STATUS_SUCCESS;
}

VAStatus context_create(VADriverContextP va, VAConfigID config_id, int width, int height, int flags,
		VASurfaceID *targets, int target_count, VAContextID *ret_id)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	(void)flags;
	pthread_mutex_lock(&driver->lock);
	const struct config *config = object_find(&driver->objects, config_id, OBJECT_CONFIG,
			"vaCreateContext");
	if (config == NULL)
		status = VA_STATUS_ERROR_INVALID_CONFIG;
	else if (config->kind != CONTEXT_PROC && (width < 16 || height < 16 || width > 4096 || height > 4096))
		status = VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
	for (int i = 0; i < target_count; i++) {
		if (object_find(&driver->objects, targets[i], OBJECT_SURFACE, "vaCreateContext") == NULL)
			status = VA_STATUS_ERROR_INVALID_SURFACE;
	}
	if (status == VA_STATUS_SUCCESS) {
		struct context *context = g_new0(struct context, 1);
		context->driver = driver;
		context->codec = codecs[config->kind];
		context->profile = config->profile;
		context->rate_control = config->rate_control;
		context->packed = config->packed;
		context->width = (unsigned int)width;
		context->height = (unsigned int)height;
		g_queue_init(&context->jobs);
		status = open_locked(driver, context);
		if (status == VA_STATUS_SUCCESS)
			*ret_id = object_add(&driver->objects, &context->object, OBJECT_CONTEXT, context_free);
		else
			g_free(context);
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus context_destroy(VADriverContextP va, VAContextID id)
{
	struct driver *driver = driver_of(va);
	pthread_mutex_lock(&driver->lock);
	struct context *context = object_find(&driver->objects, id, OBJECT_CONTEXT, "vaDestroyContext");
	if (context != NULL)
		object_remove(&driver->objects, &context->object);
	pthread_mutex_unlock(&driver->lock);
	return context != NULL ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONTEXT;
}

VAStatus context_begin(VADriverContextP va, VAContextID id, VASurfaceID target)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	pthread_mutex_lock(&driver->lock);
	struct context *context = object_find(&driver->objects, id, OBJECT_CONTEXT, "vaBeginPicture");
	struct surface *surface = object_find(&driver->objects, target, OBJECT_SURFACE, "vaBeginPicture");
	if (context == NULL) {
		status = VA_STATUS_ERROR_INVALID_CONTEXT;
	} else if (surface == NULL) {
		status = VA_STATUS_ERROR_INVALID_SURFACE;
	} else if (context->building != NULL) {
		report_violation(&driver->report, "vaBeginPicture: the picture before has no vaEndPicture");
		status = VA_STATUS_ERROR_OPERATION_FAILED;
	} else {
		struct job *job = g_new0(struct job, 1);
		job->number = ++context->begun;
		job->target = object_hold(surface);
		job->work = context->codec->work_create();
		context->building = job;
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

VAStatus context_render(VADriverContextP va, VAContextID id, VABufferID *buffers, int count_of)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_SUCCESS;
	pthread_mutex_lock(&driver->lock);
	struct context *context = object_find(&driver->objects, id, OBJECT_CONTEXT, "vaRenderPicture");
	if (context == NULL) {
		status = VA_STATUS_ERROR_INVALID_CONTEXT;
	} else if (context->building == NULL) {
		report_violation(&driver->report, "vaRenderPicture: no vaBeginPicture before");
		status = VA_STATUS_ERROR_OPERATION_FAILED;
	}
	for (int i = 0; i < count_of && status == VA_STATUS_SUCCESS; i++) {
		struct buffer *buffer = object_find(&driver->objects, buffers[i], OBJECT_BUFFER,
				"vaRenderPicture");
		if (buffer == NULL) {
			status = VA_STATUS_ERROR_INVALID_BUFFER;
			break;
		}
		if (buffer->mapped != 0)
			report_violation(&driver->report, "vaRenderPicture: buffer %#x is still mapped",
					buffers[i]);
		status = context->codec->render(context, context->building, buffer);
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}

static void submit(struct context *context, struct job *job)
{
	for (unsigned int i = 0; i < job->used_count; i++)
		job->used[i].before = job->used[i].surface->submitted++;
	if (job->coded != NULL)
		job->coded->coded->submitted++;
	g_queue_push_tail(&context->jobs, job);
	pthread_cond_broadcast(&context->driver->changed);
}

VAStatus context_end(VADriverContextP va, VAContextID id)
{
	struct driver *driver = driver_of(va);
	VAStatus status = VA_STATUS_ERROR_INVALID_CONTEXT;
	pthread_mutex_lock(&driver->lock);
	struct context *context = object_find(&driver->objects, id, OBJECT_CONTEXT, "vaEndPicture");
	if (context != NULL && context->building == NULL) {
		report_violation(&driver->report, "vaEndPicture: no vaBeginPicture before");
		status = VA_STATUS_ERROR_OPERATION_FAILED;
	} else if (context != NULL) {
		struct job *job = context->building;
		context->building = NULL;
		status = context->codec->end(context, job);
		if (status == VA_STATUS_SUCCESS && job_use(job, job->target, true) < 0)
			status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
		if (status == VA_STATUS_SUCCESS)
			submit(context, job);
		else
			job_free(context, job);
	}
	pthread_mutex_unlock(&driver->lock);
	return status;
}
