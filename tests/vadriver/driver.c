#include "tests/vadriver/driver.h"

#include <errno.h>
#include <stdio.h>
#include <va/va_backend_vpp.h>

#include "tests/vadriver/buffer.h"
#include "tests/vadriver/config.h"
#include "tests/vadriver/context.h"
#include "tests/vadriver/image.h"
#include "tests/vadriver/proc.h"
#include "tests/vadriver/surface.h"

/* The drivers of this process that wait for vaTerminate. */
static pthread_mutex_t drivers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct driver *drivers;

struct driver *driver_of(VADriverContextP va)
{
	return va->pDriverData;
}

struct deadline deadline_in(uint64_t timeout_ns)
{
	struct deadline deadline = { .never = timeout_ns == VA_TIMEOUT_INFINITE };
	if (deadline.never)
		return deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline.at);
	uint64_t nanoseconds = (uint64_t)deadline.at.tv_nsec + timeout_ns % 1000000000;
	deadline.at.tv_sec += (time_t)(timeout_ns / 1000000000 + nanoseconds / 1000000000);
	deadline.at.tv_nsec = (long)(nanoseconds % 1000000000);
	return deadline;
}

bool driver_wait(struct driver *driver, const struct deadline *deadline)
{
	if (deadline->never)
		return pthread_cond_wait(&driver->changed, &driver->lock) == 0;
	return pthread_cond_timedwait(&driver->changed, &driver->lock, &deadline->at) != ETIMEDOUT;
}

/* ---- entries that only have to be there ---- */

static VAStatus no_palette(VADriverContextP va, VAImageID image, unsigned char *palette)
{
	(void)va, (void)image, (void)palette;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_formats(VADriverContextP va, VAImageFormat *formats, unsigned int *flags,
		unsigned int *ret_count)
{
	(void)va, (void)formats, (void)flags;
	*ret_count = 0;
	return VA_STATUS_SUCCESS;
}

static VAStatus no_subpicture_create(VADriverContextP va, VAImageID image, VASubpictureID *subpicture)
{
	(void)va, (void)image, (void)subpicture;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_destroy(VADriverContextP va, VASubpictureID subpicture)
{
	(void)va, (void)subpicture;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_image(VADriverContextP va, VASubpictureID subpicture, VAImageID image)
{
	(void)va, (void)subpicture, (void)image;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_key(VADriverContextP va, VASubpictureID subpicture, unsigned int min,
		unsigned int max, unsigned int mask)
{
	(void)va, (void)subpicture, (void)min, (void)max, (void)mask;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_alpha(VADriverContextP va, VASubpictureID subpicture, float alpha)
{
	(void)va, (void)subpicture, (void)alpha;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_associate(VADriverContextP va, VASubpictureID subpicture, VASurfaceID *surfaces,
		int count, short from_x, short from_y, unsigned short from_width,
		unsigned short from_height, short to_x, short to_y, unsigned short to_width,
		unsigned short to_height, unsigned int flags)
{
	(void)va, (void)subpicture, (void)surfaces, (void)count, (void)from_x, (void)from_y;
	(void)from_width, (void)from_height, (void)to_x, (void)to_y, (void)to_width, (void)to_height;
	(void)flags;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_subpicture_deassociate(VADriverContextP va, VASubpictureID subpicture,
		VASurfaceID *surfaces, int count)
{
	(void)va, (void)subpicture, (void)surfaces, (void)count;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus no_display_attributes(VADriverContextP va, VADisplayAttribute *list, int *ret_count)
{
	(void)va, (void)list;
	*ret_count = 0;
	return VA_STATUS_SUCCESS;
}

static VAStatus no_display_attribute(VADriverContextP va, VADisplayAttribute *list, int count)
{
	(void)va, (void)list, (void)count;
	return VA_STATUS_ERROR_ATTR_NOT_SUPPORTED;
}

/* ---- from vaInitialize to vaTerminate ---- */

static void forget(struct driver *driver)
{
	pthread_mutex_lock(&drivers_lock);
	for (struct driver **d = &drivers; *d != NULL; d = &(*d)->next) {
		if (*d == driver) {
			*d = driver->next;
			break;
		}
	}
	pthread_mutex_unlock(&drivers_lock);
}

static VAStatus terminate(VADriverContextP va)
{
	struct driver *driver = driver_of(va);
	struct report_left left;
	forget(driver);
	pthread_mutex_lock(&driver->lock);
	object_table_finish(&driver->objects, &left);
	report_finish(&driver->report, &left);
	pthread_mutex_unlock(&driver->lock);
	g_free(driver->dump);
	pthread_cond_destroy(&driver->changed);
	pthread_mutex_destroy(&driver->lock);
	g_free(driver);
	va->pDriverData = NULL;
	return VA_STATUS_SUCCESS;
}

/* At the exit of a process that never called vaTerminate: threads may still run, so nothing is freed. */
__attribute__((destructor)) static void exit_without_terminate(void)
{
	for (struct driver *driver = drivers; driver != NULL; driver = driver->next) {
		struct report_left left = { 0 };
		if (pthread_mutex_trylock(&driver->lock) != 0)
			continue;
		object_table_count(&driver->objects, &left);
		report_violation(&driver->report, "exit: vaTerminate was not called");
		report_finish(&driver->report, &left);
		pthread_mutex_unlock(&driver->lock);
	}
}

static const struct VADriverVTable table = {
	.vaTerminate = terminate,
	.vaQueryConfigProfiles = config_query_profiles,
	.vaQueryConfigEntrypoints = config_query_entrypoints,
	.vaGetConfigAttributes = config_get_attributes,
	.vaCreateConfig = config_create,
	.vaDestroyConfig = config_destroy,
	.vaQueryConfigAttributes = config_query_attributes,
	.vaCreateSurfaces = surface_create,
	.vaDestroySurfaces = surface_destroy,
	.vaCreateContext = context_create,
	.vaDestroyContext = context_destroy,
	.vaCreateBuffer = buffer_create,
	.vaBufferSetNumElements = buffer_set_count,
	.vaMapBuffer = buffer_map,
	.vaUnmapBuffer = buffer_unmap,
	.vaDestroyBuffer = buffer_destroy,
	.vaBeginPicture = context_begin,
	.vaRenderPicture = context_render,
	.vaEndPicture = context_end,
	.vaSyncSurface = surface_sync,
	.vaQuerySurfaceStatus = surface_query_status,
	.vaQueryImageFormats = image_query_formats,
	.vaCreateImage = image_create,
	.vaDeriveImage = image_derive,
	.vaDestroyImage = image_destroy,
	.vaSetImagePalette = no_palette,
	.vaGetImage = image_get,
	.vaPutImage = image_put,
	.vaQuerySubpictureFormats = no_subpicture_formats,
	.vaCreateSubpicture = no_subpicture_create,
	.vaDestroySubpicture = no_subpicture_destroy,
	.vaSetSubpictureImage = no_subpicture_image,
	.vaSetSubpictureChromakey = no_subpicture_key,
	.vaSetSubpictureGlobalAlpha = no_subpicture_alpha,
	.vaAssociateSubpicture = no_subpicture_associate,
	.vaDeassociateSubpicture = no_subpicture_deassociate,
	.vaQueryDisplayAttributes = no_display_attributes,
	.vaGetDisplayAttributes = no_display_attribute,
	.vaSetDisplayAttributes = no_display_attribute,
	.vaBufferInfo = buffer_info,
	.vaCreateSurfaces2 = surface_create2,
	.vaQuerySurfaceAttributes = surface_query_attributes,
	.vaExportSurfaceHandle = surface_export,
};

static int settings_load(struct driver *driver)
{
	g_autofree char *word = NULL;
	const char *name = "CALLBOX_VA_PERSONALITY";
	int r = personality_load(&driver->personality, g_getenv(name), &word);
	if (r == 0) {
		name = "CALLBOX_VA_FAULT";
		r = faults_load(&driver->faults, g_getenv(name), &word);
	}
	if (r < 0)
		fprintf(stderr, "vadriver: %s: unknown word \"%s\"\n", name, word);
	return r;
}

static VAStatus driver_init(VADriverContextP va)
{
	struct driver *driver = g_new0(struct driver, 1);
	pthread_condattr_t clock;
	if (settings_load(driver) < 0) {
		g_free(driver);
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	pthread_mutex_init(&driver->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&driver->changed, &clock);
	pthread_condattr_destroy(&clock);
	report_init(&driver->report);
	driver->dump = g_strdup(g_getenv("CALLBOX_VA_DUMP"));
	object_table_init(&driver->objects, &driver->report);
	va->pDriverData = driver;
	*va->vtable = table;
	if (!driver->personality.no_sync_buffer) {
		va->vtable->vaSyncSurface2 = surface_sync2;
		va->vtable->vaSyncBuffer = buffer_sync;
	}
	if (va->vtable_vpp != NULL) {
		va->vtable_vpp->version = VA_DRIVER_VTABLE_VPP_VERSION;
		va->vtable_vpp->vaQueryVideoProcFilters = proc_query_filters;
		va->vtable_vpp->vaQueryVideoProcFilterCaps = proc_query_filter_caps;
		va->vtable_vpp->vaQueryVideoProcPipelineCaps = proc_query_pipeline_caps;
	}
	va->version_major = VA_MAJOR_VERSION;
	va->version_minor = VA_MINOR_VERSION;
	va->max_profiles = PROFILES_MAX;
	va->max_entrypoints = ENTRYPOINTS_MAX;
	va->max_attributes = ATTRIBUTES_MAX;
	va->max_image_formats = (int)surface_format_count;
	va->max_subpic_formats = 1;
	va->max_display_attributes = 1;
	va->str_vendor = "callbox software driver for tests";
	pthread_mutex_lock(&drivers_lock);
	driver->next = drivers;
	drivers = driver;
	pthread_mutex_unlock(&drivers_lock);
	return VA_STATUS_SUCCESS;
}

/* libva asks for its own minor version first, then for every older one down to 0. */
VAStatus __vaDriverInit_1_0(VADriverContextP va);
__attribute__((visibility("default"))) VAStatus __vaDriverInit_1_0(VADriverContextP va)
{
	return driver_init(va);
}
