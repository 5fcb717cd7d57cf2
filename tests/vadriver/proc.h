/* proc: what VideoProc can do, as libva asks for it. The work itself is proc_codec of context.h. */
#ifndef TESTS_VADRIVER_PROC_H
#define TESTS_VADRIVER_PROC_H

#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_vpp.h>

VAStatus proc_query_filters(VADriverContextP va, VAContextID context, VAProcFilterType *filters,
		unsigned int *ret_count);
VAStatus proc_query_filter_caps(VADriverContextP va, VAContextID context, VAProcFilterType type, void *caps,
		unsigned int *ret_count);
VAStatus proc_query_pipeline_caps(VADriverContextP va, VAContextID context, VABufferID *filters,
		unsigned int count, VAProcPipelineCaps *caps);

#endif
