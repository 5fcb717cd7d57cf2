# conf: what is installed beside the programs
dist_pkgdata_DATA = conf/call.fsm conf/quirks.conf
examplesdir = $(docdir)/examples
dist_examples_DATA = conf/callbox.conf conf/account.conf conf/hooks.conf conf/hub.conf conf/panel.conf

# The picture of the call's states is drawn from the table itself.
if HAVE_DOT
doc_DATA = conf/call.svg
endif
CLEANFILES += conf/call.svg
conf/call.svg: conf/call.fsm core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && CALLBOX_DATA_DIR='$(abs_srcdir)/conf' core/box/callboxd -c . --draw | $(DOT) -Tsvg > $@.part && mv $@.part $@

# What a table of the program says stands in the manual as the table has it.
dist_man_MANS += conf/call.fsm.5
nodist_man_MANS += conf/callbox.conf.5 conf/hooks.conf.5 conf/quirks.conf.5 core/box/callboxd.8
EXTRA_DIST += conf/callbox.conf.5.in conf/hooks.conf.5.in conf/quirks.conf.5.in core/box/callboxd.8.in
CLEANFILES += conf/callbox.conf.5 conf/hooks.conf.5 conf/quirks.conf.5 core/box/callboxd.8 conf/api.part
conf/callbox.conf.5: conf/callbox.conf.5.in core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && { cat $(srcdir)/conf/callbox.conf.5.in && core/box/callboxd --man conf; } > $@.part && mv $@.part $@
conf/hooks.conf.5: conf/hooks.conf.5.in core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && { cat $(srcdir)/conf/hooks.conf.5.in && core/box/callboxd --man hooks; } > $@.part && mv $@.part $@
conf/quirks.conf.5: conf/quirks.conf.5.in core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && { cat $(srcdir)/conf/quirks.conf.5.in && core/box/callboxd --man quirks; } > $@.part && mv $@.part $@
core/box/callboxd.8: core/box/callboxd.8.in core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && core/box/callboxd --man api > conf/api.part && \
	sed -e '/^@API@$$/{r conf/api.part' -e 'd;}' $(srcdir)/core/box/callboxd.8.in > $@.part && mv $@.part $@
