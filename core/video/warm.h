/* warm: the libraries that decoders load (drivers-glue/library.h) are loaded before the first picture comes, on a thread
 * that leaves the processor to whoever makes the connection. The main thread's. */
#ifndef CALLBOX_VIDEO_WARM_H
#define CALLBOX_VIDEO_WARM_H

/* Once a process; again is fine. */
void warm_begin(void);
/* Waits for it; before main() returns. */
void warm_end(void);

#endif
