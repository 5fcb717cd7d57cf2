# conf: what is installed beside the programs
dist_pkgdata_DATA = conf/call.fsm
examplesdir = $(docdir)/examples
dist_examples_DATA = conf/callbox.conf conf/account.conf conf/hub.conf

# The settings' part of the manual comes from the table that parses them.
dist_man_MANS += conf/call.fsm.5
nodist_man_MANS = conf/callbox.conf.5
EXTRA_DIST += conf/callbox.conf.5.in
CLEANFILES += conf/callbox.conf.5
conf/callbox.conf.5: conf/callbox.conf.5.in core/box/callboxd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && { cat $(srcdir)/conf/callbox.conf.5.in && core/box/callboxd --man; } > $@.part && mv $@.part $@
