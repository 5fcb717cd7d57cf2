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

# What a table of the program says stands in the manual as the table has it; so do the folders.
MAN_FOLDERS = -e 's|[@]sysconfdir[@]|$(sysconfdir)|' -e 's|[@]runstatedir[@]|$(runstatedir)|' \
	-e 's|[@]localstatedir[@]|$(localstatedir)|' -e 's|[@]datadir[@]|$(datadir)|' -e 's|[@]docdir[@]|$(docdir)|'
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
core/box/callboxd.8: core/box/callboxd.8.in core/box/callboxd$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) conf && core/box/callboxd --man api > conf/api.part && \
	sed $(MAN_FOLDERS) -e '/^@API@$$/{r conf/api.part' -e 'd;}' $(srcdir)/core/box/callboxd.8.in > $@.part && mv $@.part $@

# What systemd needs: a unit stands beside the daemon that it starts, users and folders here.
SYSTEMD_UNITS = core/box/callboxd.service core/panel/callbox-panel.service plugins/hub/callbox-hub.service
SYSTEMD_FILES = $(SYSTEMD_UNITS) conf/sysusers.d/callbox.conf conf/tmpfiles.d/callbox.conf
if SYSTEMD_FILES_WANTED
systemdsystemunit_DATA = $(SYSTEMD_UNITS)
sysusers_DATA = conf/sysusers.d/callbox.conf
tmpfiles_DATA = conf/tmpfiles.d/callbox.conf
endif
$(SYSTEMD_FILES): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|[@]sbindir[@]|$(sbindir)|' -e 's|[@]runstatedir[@]|$(runstatedir)|g' \
	-e 's|[@]sysconfdir[@]|$(sysconfdir)|g' -e 's|[@]localstatedir[@]|$(localstatedir)|g' $(srcdir)/$@.in > $@.part && mv $@.part $@
EXTRA_DIST += core/box/callboxd.service.in core/panel/callbox-panel.service.in plugins/hub/callbox-hub.service.in \
	conf/sysusers.d/callbox.conf.in conf/tmpfiles.d/callbox.conf.in tests/lint/units
CLEANFILES += $(SYSTEMD_FILES)
if !SANITIZED
TESTS += tests/lint/units
endif
