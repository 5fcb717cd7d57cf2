# core/signalling: the provider ABI and the process that hosts one plugin
callboxincludedir = $(includedir)/callbox
callboxinclude_HEADERS = core/signalling/provider_abi.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = core/signalling/callbox-provider.pc
pkglibexec_PROGRAMS += core/signalling/callbox-provider
core_signalling_callbox_provider_SOURCES = core/signalling/provider_host.c core/signalling/provider_abi.h
core_signalling_callbox_provider_LDADD = $(BASE_LDADD)
