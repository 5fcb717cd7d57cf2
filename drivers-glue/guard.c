#include "drivers-glue/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct job {
	struct job *next;
	int (*run)(void *data);
	void *data;
	int result;
	bool done, waited; /* waited: the caller frees it */
};

struct guard {
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t work, done;
	struct job *first, **end;
	int count;
	bool lost;
};

static atomic_int stuck, patience; /* patience 0: not known yet */

void guard_set_patience(int factor)
{
	atomic_store(&patience, factor);
}

int guard_patience(void)
{
	int known = atomic_load(&patience);
	if (known > 0)
		return known;
	const char *words = getenv("CALLBOX_PATIENCE");
	long factor = words ? strtol(words, NULL, 10) : 1;
	known = factor >= 1 && factor <= 1000 ? (int)factor : 1;
	atomic_store(&patience, known);
	return known;
}

int guard_stuck(void)
{
	return atomic_load(&stuck);
}

static void guard_free(struct guard *guard)
{
	pthread_mutex_destroy(&guard->lock);
	pthread_cond_destroy(&guard->work);
	pthread_cond_destroy(&guard->done);
	free(guard);
}

/* Under the lock; a job that nobody waits for is freed. */
static void job_end(struct guard *guard, struct job *job, int result)
{
	job->result = result;
	job->done = true;
	if (!job->waited)
		free(job);
	if (guard->lost) { /* it came back after all */
		guard->lost = false;
		atomic_fetch_sub(&stuck, 1);
	}
	pthread_cond_broadcast(&guard->done);
}

static void *guard_thread(void *data)
{
	struct guard *guard = data;
	pthread_mutex_lock(&guard->lock);
	for (;;) {
		while (!guard->first && guard->count > 0)
			pthread_cond_wait(&guard->work, &guard->lock);
		struct job *job = guard->first;
		if (!job)
			break;
		guard->first = job->next;
		if (!guard->first)
			guard->end = &guard->first;
		pthread_mutex_unlock(&guard->lock);
		int result = job->run(job->data);
		pthread_mutex_lock(&guard->lock);
		job_end(guard, job, result);
	}
	pthread_mutex_unlock(&guard->lock);
	guard_free(guard);
	return NULL;
}

struct guard *guard_new(const char *name)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	pthread_condattr_t attributes;
	if (!guard)
		return NULL;
	guard->count = 1;
	guard->end = &guard->first;
	pthread_mutex_init(&guard->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&guard->work, NULL);
	pthread_cond_init(&guard->done, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&guard->thread, NULL, guard_thread, guard) != 0) {
		guard_free(guard);
		return NULL;
	}
	pthread_setname_np(guard->thread, name);
	pthread_detach(guard->thread);
	return guard;
}

struct guard *guard_hold(struct guard *guard)
{
	pthread_mutex_lock(&guard->lock);
	guard->count++;
	pthread_mutex_unlock(&guard->lock);
	return guard;
}

void guard_release(struct guard *guard)
{
	if (!guard)
		return;
	pthread_mutex_lock(&guard->lock);
	if (--guard->count == 0)
		pthread_cond_signal(&guard->work);
	pthread_mutex_unlock(&guard->lock);
}

/* Under the lock. */
static struct job *job_put(struct guard *guard, int (*run)(void *data), void *data, bool waited)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	*job = (struct job){ .run = run, .data = data, .waited = waited };
	*guard->end = job;
	guard->end = &job->next;
	pthread_cond_signal(&guard->work);
	return job;
}

int guard_post(struct guard *guard, int (*run)(void *data), void *data)
{
	pthread_mutex_lock(&guard->lock);
	struct job *job = job_put(guard, run, data, false);
	pthread_mutex_unlock(&guard->lock);
	return job ? 0 : -ENOMEM;
}

static void tick_of(struct timespec *at)
{
	clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_nsec += GUARD_TICK_MS * 1000000L;
	if (at->tv_nsec >= 1000000000) {
		at->tv_sec++;
		at->tv_nsec -= 1000000000;
	}
}

/* Under the lock. */
static int job_wait(struct guard *guard, struct job *job, int limit_ms)
{
	struct timespec tick;
	int ticks = (limit_ms + GUARD_TICK_MS - 1) / GUARD_TICK_MS * guard_patience();
	while (!job->done && ticks > 0) {
		tick_of(&tick);
		while (!job->done && pthread_cond_timedwait(&guard->done, &guard->lock, &tick) != ETIMEDOUT)
			;
		ticks--;
	}
	if (job->done) {
		int result = job->result;
		free(job);
		return result;
	}
	job->waited = false;
	if (!guard->lost) {
		guard->lost = true;
		atomic_fetch_add(&stuck, 1);
	}
	return -ETIMEDOUT;
}

int guard_call(struct guard *guard, int (*run)(void *data), void *data, int limit_ms)
{
	pthread_mutex_lock(&guard->lock);
	struct job *job = guard->lost ? NULL : job_put(guard, run, data, true);
	int r = job ? job_wait(guard, job, limit_ms) : guard->lost ? -ETIMEDOUT : -ENOMEM;
	pthread_mutex_unlock(&guard->lock);
	return r;
}

void guard_finish(struct guard *guard, int (*run)(void *data), void *data)
{
	pthread_mutex_lock(&guard->lock);
	struct job *job = job_put(guard, run, data, !guard->lost);
	if (job && !guard->lost)
		job_wait(guard, job, GUARD_CLOSE_MS);
	pthread_mutex_unlock(&guard->lock);
	guard_release(guard);
}
