#include "drivers-glue/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

/* Lazy binding: of thousands of functions few are ever called. */
static int load(const struct library *library, char *why, size_t why_bytes)
{
	void *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
	for (const struct library_symbol *s = library->symbols; handle && s->name; s++)
		if (!(*s->at = dlsym(handle, s->name)))
			handle = NULL; /* it stays loaded, which does no harm */
	if (handle)
		return 0;
	const char *error = dlerror();
	snprintf(why, why_bytes, "%s", error ? error : library->file);
	return -ENOENT;
}

int library_load(struct library *library, char *why, size_t why_bytes)
{
	pthread_mutex_lock(&library->lock);
	int r = library->loaded ? 0 : load(library, why, why_bytes);
	library->loaded = r == 0;
	pthread_mutex_unlock(&library->lock);
	return r;
}
