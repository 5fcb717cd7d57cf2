/* baresip_marks: a module for Debian's baresip 1.0.0: a video source that gives test pictures, and a video display that
 * writes a sighting for each picture to the file that is its device. Debian ships no header of baresip's: what is needed
 * of the interface between it and its modules, as of 1.0.0, is declared here.
 *
 * Threads: the source's own; the display is called by baresip's. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "drivers-glue/pace.h"
#include "drivers-glue/pattern.h"
#include "tests/bench/sightings.h"

/* ---- the interface ---- */

struct list;
struct vidsrc;
struct vidisp;
struct vidsz {
	unsigned int w, h;
};
struct vidframe {
	uint8_t *data[4];
	uint16_t linesize[4];
	struct vidsz size;
	int fmt; /* 0: I420 */
};
struct vidsrc_prm {
	double fps;
	int fmt;
};
struct vidsrc_st;
struct vidisp_st;
typedef void frame_handler(struct vidframe *frame, uint64_t timestamp_us, void *arg);
typedef int source_alloc_handler(struct vidsrc_st **ret_state, const struct vidsrc *source, void **context,
				 struct vidsrc_prm *prm, const struct vidsz *size, const char *format,
				 const char *device, frame_handler *frame, void *error, void *arg);
typedef int display_alloc_handler(struct vidisp_st **ret_state, const struct vidisp *display, void *prm,
				  const char *device, void *resize, void *arg);
typedef int display_handler(struct vidisp_st *state, const char *title, const struct vidframe *frame,
			    uint64_t timestamp_us);
struct mod_export {
	const char *name, *type;
	int (*init)(void);
	int (*close)(void);
};
extern struct list *baresip_vidsrcl(void);
extern struct list *baresip_vidispl(void);
extern int vidsrc_register(struct vidsrc **source, struct list *list, const char *name, source_alloc_handler *alloc,
			   void *update);
extern int vidisp_register(struct vidisp **display, struct list *list, const char *name, display_alloc_handler *alloc,
			   void *update, display_handler *show, void *hide);
extern void *mem_zalloc(size_t size, void (*destroy)(void *data));
extern void *mem_deref(void *data);
extern int vidframe_alloc(struct vidframe **ret_frame, int fmt, const struct vidsz *size);

/* ---- the source ---- */

struct vidsrc_st {
	const struct vidsrc *source; /* baresip looks at it: first */
	pthread_t thread;
	atomic_bool runs;
	struct vidframe *frame;
	double fps;
	frame_handler *on_frame;
	void *arg;
};

static void picture_of(const struct vidframe *frame, struct picture *ret_picture)
{
	*ret_picture = (struct picture){ .width = (int)frame->size.w, .height = (int)frame->size.h };
	for (int i = 0; i < 3; i++) {
		ret_picture->planes[i] = frame->data[i];
		ret_picture->strides[i] = frame->linesize[i];
	}
}

static void *source_run(void *data)
{
	struct vidsrc_st *s = data;
	struct picture picture;
	int64_t began = pace_now_us();
	picture_of(s->frame, &picture);
	for (int64_t number = 0; s->runs; number++) {
		int64_t due = (int64_t)((double)(pace_now_us() - began) * s->fps / 1e6);
		number = due > number ? due : number;
		pace_sleep_until(began + (int64_t)((double)number * 1e6 / s->fps));
		const struct pattern_mark mark = { (uint32_t)number + 1, (uint32_t)(pace_now_us() / 1000) };
		pattern_draw(&picture, &mark);
		s->on_frame(s->frame, (uint64_t)pace_now_us(), s->arg);
	}
	return NULL;
}

static void source_destroy(void *data)
{
	struct vidsrc_st *s = data;
	if (atomic_exchange(&s->runs, false))
		pthread_join(s->thread, NULL);
	mem_deref(s->frame);
}

static int source_alloc(struct vidsrc_st **ret_state, const struct vidsrc *source, void **context,
			struct vidsrc_prm *prm, const struct vidsz *size, const char *format, const char *device,
			frame_handler *frame, void *error, void *arg)
{
	struct vidsrc_st *s = mem_zalloc(sizeof(*s), source_destroy);
	(void)context, (void)format, (void)device, (void)error;
	if (!s)
		return ENOMEM;
	s->source = source;
	s->fps = prm->fps;
	s->on_frame = frame;
	s->arg = arg;
	int r = prm->fmt == 0 ? vidframe_alloc(&s->frame, 0, size) : EINVAL;
	s->runs = r == 0;
	if (r == 0)
		r = pthread_create(&s->thread, NULL, source_run, s);
	if (r != 0) {
		s->runs = false;
		mem_deref(s);
		return r;
	}
	*ret_state = s;
	return 0;
}

/* ---- the display ---- */

struct vidisp_st {
	const struct vidisp *display; /* baresip looks at it: first */
	FILE *out;
};

static void display_destroy(void *data)
{
	struct vidisp_st *d = data;
	if (d->out)
		fclose(d->out);
}

static int display_alloc(struct vidisp_st **ret_state, const struct vidisp *display, void *prm, const char *device,
			 void *resize, void *arg)
{
	struct vidisp_st *d = mem_zalloc(sizeof(*d), display_destroy);
	(void)prm, (void)resize, (void)arg;
	if (!d)
		return ENOMEM;
	d->display = display;
	d->out = fopen(device, "ae");
	if (!d->out) {
		mem_deref(d);
		return EIO;
	}
	*ret_state = d;
	return 0;
}

static int display_show(struct vidisp_st *d, const char *title, const struct vidframe *frame, uint64_t timestamp_us)
{
	struct picture picture;
	(void)title, (void)timestamp_us;
	picture_of(frame, &picture);
	sighting_write(d->out, &picture, pace_now_us());
	return 0;
}

/* ---- the module ---- */

static struct vidsrc *own_source;
static struct vidisp *own_display;

static int module_init(void)
{
	int r = vidsrc_register(&own_source, baresip_vidsrcl(), "marks", source_alloc, NULL);
	return r ? r : vidisp_register(&own_display, baresip_vidispl(), "marks", display_alloc, NULL, display_show, NULL);
}

static int module_close(void)
{
	own_source = mem_deref(own_source);
	own_display = mem_deref(own_display);
	return 0;
}

extern __attribute__((visibility("default"))) const struct mod_export exports;
const struct mod_export exports = { "marks", "video", module_init, module_close };
