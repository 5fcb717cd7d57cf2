/* cec: HDMI-CEC by the kernel's API (/dev/cecN): this box as a playback device beside a television: switches it on
 * and to this box, switches it off, hears its remote control.
 * Owner: who opened it, one thread; nothing waits. */
#ifndef CALLBOX_DRIVERS_GLUE_CEC_H
#define CALLBOX_DRIVERS_GLUE_CEC_H

#include <stdbool.h>
#include <stddef.h>

struct cec;

enum cec_key { CEC_KEY_NONE, CEC_KEY_SELECT, CEC_KEY_EXIT };

/* device: a file, or "on": the first adapter that is no television's. 0, or -errno with words for people. */
int cec_open(const char *device, struct cec **ret_cec, char *why, size_t why_bytes);
void cec_close(struct cec *cec); /* NULL is fine */

int cec_fd(const struct cec *cec); /* poll for POLLIN and POLLPRI; then cec_dispatch() until it is false */
/* Takes one message or event; *ret_key: what was pressed, once for each time a key goes down. False: there was none. */
bool cec_dispatch(struct cec *cec, enum cec_key *ret_key);

/* On: the television is switched on and shows this box. Off: it goes to standby, unless it shows something else.
 * Done as soon as the adapter has its address. */
void cec_power(struct cec *cec, bool on);

#endif
