# core/screen: callbox-screen
pkglibexec_PROGRAMS += core/screen/callbox-screen
SCREEN_SOURCES = core/screen/draw.c core/screen/draw.h core/screen/output.c core/screen/output.h core/screen/page.c \
	core/screen/page.h core/screen/words.c core/screen/words.h
core_screen_callbox_screen_SOURCES = core/screen/main.c $(SCREEN_SOURCES)
core_screen_callbox_screen_CFLAGS = $(AM_CFLAGS) $(PANGO_CFLAGS)
core_screen_callbox_screen_LDADD = $(SCREENGLUE_LDADD) $(BASE_LDADD) $(PANGO_LIBS)

# ThreadSanitizer does not see through the font libraries.
if !SANITIZED_THREAD
check_PROGRAMS += tests/unit/test_screen
endif
tests_unit_test_screen_SOURCES = tests/unit/test_screen.c $(SCREEN_SOURCES)
tests_unit_test_screen_CFLAGS = $(AM_CFLAGS) $(PANGO_CFLAGS)
tests_unit_test_screen_LDADD = $(VIDEOGLUE_LDADD) $(BASE_LDADD) $(PANGO_LIBS)
