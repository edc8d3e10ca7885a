# What tests are built with. Each folder has a program of its own, which runs its suites and ends with Check's line.
TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir) -DTEST_SRCDIR='"$(abs_top_srcdir)"' -DTEST_BUILDDIR='"$(abs_top_builddir)"' \
	-DPLUGINSDIR='"$(pluginsdir)"' $(CHECK_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
TEST_CFLAGS = $(AM_CFLAGS) -Wno-missing-prototypes

dist_check_SCRIPTS = tests/check-layers tests/check-docs
TESTS += tests/check-layers tests/check-docs
# Check's own 4 seconds are a machine's that never stands still.
AM_TESTS_ENVIRONMENT = srcdir='$(abs_top_srcdir)'; CK_DEFAULT_TIMEOUT=30; export srcdir CK_DEFAULT_TIMEOUT;

if HAVE_TESTS
include tests/unit/local.mk
include tests/integration/local.mk
include tests/refusals/local.mk
include tests/abi/local.mk
include tests/servers/local.mk
include tests/oracles/local.mk
include tests/fuzz/local.mk
include tests/zygote/local.mk
else
check-local:
	@echo "make check needs Check and libcurl. On Debian: apt-get install check libcurl4-openssl-dev" >&2; exit 1
endif
