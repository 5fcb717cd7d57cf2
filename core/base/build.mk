# core/base: what every room may include
noinst_LIBRARIES += core/base/libbase.a
core_base_libbase_a_SOURCES = core/base/log.c core/base/log.h
BASE_LDADD = core/base/libbase.a $(BASE_LIBS)
