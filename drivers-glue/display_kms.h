/* display_kms: one screen, by the kernel's atomic mode setting.
 *
 *   scene ─► frame's own memory on a plane (dma-buf)  ┐
 *         └► drawn into a dumb buffer (libyuv)        ┴─► one commit ─► flip at vblank ─► old frames released
 *
 * The first way that the driver takes is remembered until pictures of another kind come. Never tears: three
 * buffers, one flip on its way at most. Outputs may come and go (kernel events). One program at a time is the
 * screen's master: display_yield() and display_take() hand it on without a dark moment.
 * Owner: who opened it; one thread at a time. */
#ifndef CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_H
#define CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devices/frame.h"

struct display;

struct display_scene {
	struct frame *main, *inset; /* raw or JPEG; NULL: none. Held while they are needed */
	bool main_mirror, inset_mirror;
	int inset_percent; /* of the screen's width */
};

struct display_counts {
	uint64_t flips, direct; /* direct: main was shown from its own memory */
	uint64_t modes;		/* mode sets */
	int imports;		/* framebuffers around frames' memory now */
};

/* output: auto, CARD or CARD:CONNECTOR; mode: preferred, WIDTHxHEIGHT or WIDTHxHEIGHT@HERTZ. 0 and this program is
 * the master; -EBUSY: another one is. No output need be connected yet. */
int display_open(const char *output, const char *mode, struct display **ret_display, char *why, size_t why_bytes);
int display_check(const char *output, const char *mode, char *why, size_t why_bytes); /* the words alone */
/* linger_ms: how long the last picture may wait for the next master to show its own. NULL is fine. */
void display_close(struct display *display, int linger_ms);

/* Two descriptors to poll for reading; then, and at least once a second, call display_dispatch(). */
int display_fd(const struct display *display);
int display_hotplug_fd(const struct display *display); /* -1: the kernel gives no such events */
/* True: what is on the screen must be given anew (an output came, or is another one). */
bool display_dispatch(struct display *display);
/* A picture can be given now: no flip is on its way. */
bool display_is_ready(const struct display *display);
/* Of the mode, in pixels; false: there is no output now. */
bool display_size(const struct display *display, int *ret_width, int *ret_height);

/* 0; -EAGAIN, -EBUSY: the flip before is not over yet; -ENODEV: there is no output; -EACCES: another program is
 * master; -ENOTSUP or -EBADMSG: this frame is no picture; others: the driver failed. */
int display_show(struct display *display, const struct display_scene *scene);
/* XRGB8888 of the mode's size. The same errors. */
int display_paint(struct display *display, const uint8_t *pixels, int stride);
int display_blank(struct display *display); /* signal off; the next picture switches it on */

void display_yield(struct display *display); /* the picture stays until the next master's */
int display_take(struct display *display);   /* 0, or -EBUSY: somebody else is master still */
bool display_is_master(const struct display *display);

/* Whether frames of this kind are shown from their own memory, as far as is known: else mapping is needed.
 * Any thread. */
bool display_wants_memory(const struct display *display);
void display_counts(const struct display *display, struct display_counts *ret_counts);
/* Words like "HDMI-A-1 1920x1080@60 on /dev/dri/card0". */
void display_describe(const struct display *display, char *text, size_t text_bytes);

#endif
