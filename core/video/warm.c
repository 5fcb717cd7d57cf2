#include "core/video/warm.h"

#include <glib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/devices/devices.h"

#define NICE 5

static GThread *thread;

static void *load(void *data)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread alone */
	for (const struct decoder_driver *const *driver = decoder_drivers; *driver; driver++)
		if ((*driver)->warm)
			(*driver)->warm();
	return data;
}

void warm_begin(void)
{
	if (!thread)
		thread = g_thread_new("warm", load, NULL);
}

void warm_end(void)
{
	if (thread)
		g_thread_join(thread);
	thread = NULL;
}
