# The plugins of these tests are C text in the tests, compiled while they run, but for the frozen one: that was compiled
# against NGI 1.0 once and is never built again (frozen/README).
EXTRA_DIST += tests/abi/frozen/README tests/abi/frozen/frozen_1_0.c tests/abi/frozen/frozen_1_0.so

check_PROGRAMS += tests/abi/abi
TESTS += tests/abi/abi
tests_abi_abi_CPPFLAGS = $(TEST_CPPFLAGS)
tests_abi_abi_CFLAGS = $(TEST_CFLAGS)
tests_abi_abi_LDADD = $(CHECK_LIBS)
tests_abi_abi_SOURCES = tests/abi/main.c tests/abi/suites.h tests/abi/layout_1_0.h \
	tests/harness/command.c tests/harness/command.h \
	tests/harness/scratch.c tests/harness/scratch.h \
	tests/abi/test_frozen.c \
	tests/abi/test_header.c \
	tests/abi/test_layout.c \
	tests/abi/test_symbols.c \
	tests/abi/test_versions.c
