/* drifts: how far the clocks of two sound devices are apart, as an earlier call measured it: a line a pair in the state
 * folder's file "drift". The next call begins with it. Main loop. */
#ifndef CALLBOX_BOX_DRIFTS_H
#define CALLBOX_BOX_DRIFTS_H

#include <cjson/cJSON.h>

#define DRIFTS_MAX 16 /* pairs kept, the last measured first */

/* [{microphone, speaker, nanos}]: ppm in thousandths; what is no such line is left out. Caller deletes. */
cJSON *drifts_load(const char *state_dir);
void drifts_put(const char *state_dir, const char *microphone, const char *speaker, int nanos);

#endif
