/* avcodec: libavcodec and what we use of libavutil, loaded when a decoder is first opened (library.h): they pull in
 * ninety other libraries, of which H.264 and VP8 need none. Call as av.avcodec_open2(...) after
 * avcodec_load(). */
#ifndef CALLBOX_DRIVERS_GLUE_AVCODEC_H
#define CALLBOX_DRIVERS_GLUE_AVCODEC_H

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/log.h>

#include "drivers-glue/library.h"

struct avcodec_functions {
	LIBRARY_FUNCTION(av_buffer_ref);
	LIBRARY_FUNCTION(av_buffer_unref);
	LIBRARY_FUNCTION(av_frame_alloc);
	LIBRARY_FUNCTION(av_frame_free);
	LIBRARY_FUNCTION(av_frame_move_ref);
	LIBRARY_FUNCTION(av_frame_unref);
	LIBRARY_FUNCTION(av_hwdevice_ctx_alloc);
	LIBRARY_FUNCTION(av_hwdevice_ctx_init);
	LIBRARY_FUNCTION(av_hwframe_map);
	LIBRARY_FUNCTION(av_hwframe_transfer_data);
	LIBRARY_FUNCTION(av_log_set_level);
	LIBRARY_FUNCTION(av_packet_alloc);
	LIBRARY_FUNCTION(av_packet_free);
	LIBRARY_FUNCTION(avcodec_alloc_context3);
	LIBRARY_FUNCTION(avcodec_find_decoder);
	LIBRARY_FUNCTION(avcodec_free_context);
	LIBRARY_FUNCTION(avcodec_get_name);
	LIBRARY_FUNCTION(avcodec_open2);
	LIBRARY_FUNCTION(avcodec_receive_frame);
	LIBRARY_FUNCTION(avcodec_send_packet);
};

extern struct avcodec_functions av;

/* Any thread. 0, or -ENOENT with words in why. */
int avcodec_load(char *why, size_t why_bytes);

#endif
