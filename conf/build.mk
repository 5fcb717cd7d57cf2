# conf: what is installed beside the programs
dist_pkgdata_DATA = conf/call.fsm
examplesdir = $(docdir)/examples
dist_examples_DATA = conf/callbox.conf conf/account.conf conf/hub.conf
