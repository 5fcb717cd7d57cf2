#include "drivers-glue/avcodec.h"

#include <libavutil/macros.h>

struct avcodec_functions av;

static const struct library_symbol symbols[] = {
	LIBRARY_SYMBOL(av, av_buffer_ref),
	LIBRARY_SYMBOL(av, av_buffer_unref),
	LIBRARY_SYMBOL(av, av_frame_alloc),
	LIBRARY_SYMBOL(av, av_frame_free),
	LIBRARY_SYMBOL(av, av_frame_move_ref),
	LIBRARY_SYMBOL(av, av_frame_unref),
	LIBRARY_SYMBOL(av, av_hwdevice_ctx_alloc),
	LIBRARY_SYMBOL(av, av_hwdevice_ctx_init),
	LIBRARY_SYMBOL(av, av_hwframe_map),
	LIBRARY_SYMBOL(av, av_hwframe_transfer_data),
	LIBRARY_SYMBOL(av, av_log_set_level),
	LIBRARY_SYMBOL(av, av_packet_alloc),
	LIBRARY_SYMBOL(av, av_packet_free),
	LIBRARY_SYMBOL(av, avcodec_alloc_context3),
	LIBRARY_SYMBOL(av, avcodec_find_decoder),
	LIBRARY_SYMBOL(av, avcodec_free_context),
	LIBRARY_SYMBOL(av, avcodec_get_name),
	LIBRARY_SYMBOL(av, avcodec_open2),
	LIBRARY_SYMBOL(av, avcodec_receive_frame),
	LIBRARY_SYMBOL(av, avcodec_send_packet),
	{ NULL, NULL },
};

static struct library library = LIBRARY("libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR), symbols);

int avcodec_load(char *why, size_t why_bytes)
{
	int r = library_load(&library, why, why_bytes);
	if (r == 0)
		av.av_log_set_level(AV_LOG_QUIET);
	return r;
}
