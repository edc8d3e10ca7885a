# The gateway is a library and a thin main, so that unit tests and fuzzers link the same code.
noinst_LIBRARIES += libpostern.a
libpostern_a_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGINSDIR='"$(pluginsdir)"' $(MICROHTTPD_CFLAGS) $(CONFUSE_CFLAGS) \
	$(PCRE2_CFLAGS) $(JANSSON_CFLAGS) $(ELF_CFLAGS) $(DW_CFLAGS) \
	$(SECCOMP_CFLAGS)
libpostern_a_SOURCES =
POSTERN_LIBS = libpostern.a $(MICROHTTPD_LIBS) $(CONFUSE_LIBS) $(PCRE2_LIBS) $(JANSSON_LIBS) $(DW_LIBS) $(ELF_LIBS) \
	$(SECCOMP_LIBS)

include gateway/base/local.mk
include gateway/conf/local.mk
include gateway/elf/local.mk
include gateway/fcgi/local.mk
include gateway/http/local.mk
include gateway/plugin/local.mk
include gateway/obs/local.mk
include gateway/run/local.mk
include gateway/net/local.mk
include gateway/proc/local.mk
include gateway/app/local.mk
