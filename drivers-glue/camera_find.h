/* camera_find: which node a name means: "/dev/video2", "auto" (the first camera), or "match:GLOB", the first one whose
 * card, driver, USB id ("046d:0825"), node or name under /dev/v4l/by-id fits. Any thread. */
#ifndef CALLBOX_GLUE_CAMERA_FIND_H
#define CALLBOX_GLUE_CAMERA_FIND_H

#define CAMERA_NODE_BYTES 64

/* 0, or -ENOENT. */
int camera_node_find(const char *address, char node[CAMERA_NODE_BYTES]);

#endif
