/* display: a VADisplay made by hand, for hosts without /dev/dri. libva loads the driver as ever, from the folder
 * given; vaTerminate frees it all. */
#ifndef TESTS_VADRIVER_DISPLAY_H
#define TESTS_VADRIVER_DISPLAY_H

#include <va/va.h>

/* folder holds callbox_drv_video.so; the environment of libva is set for it. Never NULL. */
VADisplay display_create(const char *folder);

#endif
