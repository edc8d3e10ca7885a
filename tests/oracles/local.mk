# Malformed requests, and what nginx and h11 make of them. Without those it is a SKIP.
dist_check_SCRIPTS += tests/oracles/oracles tests/oracles/compare.py
EXTRA_DIST += tests/oracles/inputs.py tests/oracles/judge.py tests/oracles/parties.py \
	tests/oracles/tables.py
TESTS += tests/oracles/oracles
check_PROGRAMS += tests/oracles/recorder.so
tests_oracles_recorder_so_SOURCES = tests/oracles/recorder.c
tests_oracles_recorder_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_oracles_recorder_so_CFLAGS = $(PLUGIN_CFLAGS)
tests_oracles_recorder_so_LDFLAGS = $(PLUGIN_LINK)
