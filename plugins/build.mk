# plugins: signalling providers, each a module that exports one symbol, and the hub's server
sbin_PROGRAMS += plugins/hub/callbox-hub
plugins_hub_callbox_hub_SOURCES = plugins/hub/hub.c plugins/hub/hub_store.c plugins/hub/hub_store.h \
	plugins/hub/hub_wire.h
plugins_hub_callbox_hub_CFLAGS = $(AM_CFLAGS) $(LWS_CFLAGS) $(UV_CFLAGS) $(SQLITE_CFLAGS) $(OPENSSL_CFLAGS)
plugins_hub_callbox_hub_LDADD = $(BASE_LDADD) $(LWS_LIBS) $(UV_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS)

plugindir = $(libdir)/callbox/plugins
plugin_LTLIBRARIES = plugins/hub/hub.la plugins/loopback/loopback.la
PLUGIN_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
PLUGIN_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^callbox_provider$$'
plugins_hub_hub_la_SOURCES = plugins/hub/hub_provider.c plugins/hub/hub_wire.h \
	core/base/message.c core/base/message.h
plugins_hub_hub_la_CFLAGS = $(PLUGIN_CFLAGS) $(LWS_CFLAGS)
plugins_hub_hub_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_hub_hub_la_LIBADD = $(BASE_LIBS) $(LWS_LIBS)
plugins_loopback_loopback_la_SOURCES = plugins/loopback/loopback.c
plugins_loopback_loopback_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_loopback_loopback_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_loopback_loopback_la_LIBADD = $(BASE_LIBS)
EXTRA_DIST += plugins/README.md
dist_man_MANS += plugins/hub/callbox-hub.8
