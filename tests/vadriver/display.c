#include "tests/vadriver/display.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <va/va_backend.h>
#include <va/va_drmcommon.h>

static int is_valid(VADisplayContextP display)
{
	return display->pDriverContext != NULL;
}

static void destroy(VADisplayContextP display)
{
	free(display->pDriverContext->drm_state);
	free(display->pDriverContext);
	free(display);
}

static VAStatus driver_name(VADisplayContextP display, char **ret_name)
{
	(void)display;
	*ret_name = strdup("callbox");
	return VA_STATUS_SUCCESS;
}

static VAStatus candidates(VADisplayContextP display, int *ret_count)
{
	(void)display;
	*ret_count = 1;
	return VA_STATUS_SUCCESS;
}

static VAStatus driver_name_by_index(VADisplayContextP display, char **ret_name, int index)
{
	(void)index;
	return driver_name(display, ret_name);
}

VADisplay display_create(const char *folder)
{
	/* libva frees these with free(). */
	struct VADisplayContext *display = calloc(1, sizeof(*display));
	struct VADriverContext *driver = calloc(1, sizeof(*driver));
	struct drm_state *state = calloc(1, sizeof(*state));
	if (display == NULL || driver == NULL || state == NULL)
		abort();
	g_setenv("LIBVA_DRIVERS_PATH", folder, TRUE);
	g_setenv("LIBVA_DRIVER_NAME", "callbox", TRUE);
	g_setenv("LIBVA_MESSAGING_LEVEL", "1", FALSE);
	state->fd = -1;
	driver->drm_state = state;
	driver->display_type = VA_DISPLAY_DRM_RENDERNODES;
	driver->pDisplayContext = display;
	display->vadpy_magic = VA_DISPLAY_MAGIC;
	display->pDriverContext = driver;
	display->vaIsValid = is_valid;
	display->vaDestroy = destroy;
	display->vaGetDriverName = driver_name;
	display->vaGetNumCandidates = candidates;
	display->vaGetDriverNameByIndex = driver_name_by_index;
	return display;
}
