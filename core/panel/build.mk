# core/panel: callbox-panel, its page, and callbox.js
sbin_PROGRAMS += core/panel/callbox-panel
core_panel_callbox_panel_SOURCES = core/panel/main.c core/panel/link.c core/panel/link.h \
	core/panel/panel_conf.c core/panel/panel_conf.h core/panel/pictures.c core/panel/pictures.h core/panel/rules.c core/panel/rules.h
core_panel_callbox_panel_CFLAGS = $(AM_CFLAGS) $(LWS_CFLAGS)
core_panel_callbox_panel_LDADD = $(BASE_LDADD) $(LWS_LIBS)

# callbox.js is its parts in this order, after the table of states; the parts alone are what tests import.
CALLBOX_JS = core/panel/callbox/table.js core/panel/callbox/machine.js \
	core/panel/callbox/actions.js core/panel/callbox/hub.js \
	core/panel/callbox/media.js core/panel/callbox/view.js core/panel/callbox/tab.js core/panel/callbox/hunt.js \
	core/panel/callbox/peer.js core/panel/callbox/box.js \
	core/panel/callbox/callbox.js
CALLBOX_WWW = core/panel/www/index.html core/panel/www/guest.html core/panel/www/panel.js core/panel/www/guest.js \
	core/panel/www/room.js core/panel/www/parts.js core/panel/www/words.js core/panel/www/room.css \
	core/panel/www/icon.svg
wwwdir = $(pkgdatadir)/www
dist_www_DATA = $(CALLBOX_WWW)
nodist_www_DATA = core/panel/www/callbox.js core/panel/www/callbox-script.js
core/panel/www/callbox.js: $(CALLBOX_JS) conf/call.fsm
	$(AM_V_GEN)$(MKDIR_P) core/panel/www && { printf '/* callbox.js of callbox $(PACKAGE_VERSION), BSD-2-Clause. */\n' && \
	printf 'export const CALL_FSM = String.raw`' && cat $(srcdir)/conf/call.fsm && printf '`;\n' && \
	for part in $(CALLBOX_JS); do sed '/^import /d' $(srcdir)/$$part || exit 1; done; } > $@.part && mv $@.part $@
core/panel/www/callbox-script.js: core/panel/www/callbox.js
	$(AM_V_GEN){ printf 'globalThis.Callbox = (() => {\n"use strict";\n' && sed 's/^export //' core/panel/www/callbox.js && \
	printf 'return Object.assign(Callbox, { CallType, CallError });\n})();\n'; } > $@.part && mv $@.part $@

nodist_man_MANS += core/panel/callbox-panel.8
core/panel/callbox-panel.8: core/panel/callbox-panel.8.in core/panel/callbox-panel$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) core/panel && core/panel/callbox-panel --man | sed -e '/^\.Bl/d' -e '/^\.El/d' -e '/^\.Sh/d' > core/panel/conf.part && \
	sed -e '/^@CONF@$$/{r core/panel/conf.part' -e 'd;}' $(srcdir)/core/panel/callbox-panel.8.in > $@.part && mv $@.part $@

EXTRA_DIST += core/panel/callbox-panel.8.in $(CALLBOX_JS) core/panel/callbox/package.json
CLEANFILES += core/panel/www/callbox.js core/panel/www/callbox-script.js core/panel/callbox-panel.8 core/panel/conf.part

check_PROGRAMS += tests/unit/test_rules
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c core/panel/rules.c core/panel/rules.h \
	core/panel/panel_conf.c core/panel/panel_conf.h
tests_unit_test_rules_LDADD = $(BASE_LDADD)
