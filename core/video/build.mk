# core/video: callbox-video
pkglibexec_PROGRAMS += core/video/callbox-video
core_video_callbox_video_SOURCES = core/video/capture.c core/video/capture.h core/video/main.c \
	core/video/render.c core/video/render.h
core_video_callbox_video_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD)
