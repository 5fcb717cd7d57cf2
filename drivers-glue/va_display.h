/* va_display: a render node with the VA-API driver behind it. Every call may hang with the driver: on a guard's
 * thread only. */
#ifndef CALLBOX_DRIVERS_GLUE_VA_DISPLAY_H
#define CALLBOX_DRIVERS_GLUE_VA_DISPLAY_H

#include <stddef.h>
#include <va/va.h>

#define VA_NODES_MAX 16
#define VA_NODE_BYTES 64

struct va_display {
	VADisplay display;
	int fd; /* -1: the display has none */
	char node[VA_NODE_BYTES], vendor[96];
};

/* The nodes that address means: itself, or for "" every /dev/dri/renderD*, the first first. Their number. */
int va_display_nodes(const char *address, char nodes[VA_NODES_MAX][VA_NODE_BYTES]);
/* 0, or -errno with words for people in why: no permission, no driver. */
int va_display_open(const char *node, struct va_display *ret_display, char *why, size_t why_bytes);
void va_display_close(struct va_display *display);

/* For hosts without render nodes: every display is one of make's, every address has one node. Before threads
 * start; NULL: as usual. */
void va_display_set_source(VADisplay (*make)(void));

#endif
