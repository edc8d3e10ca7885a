# Measuring programs: built by make bench-programs only, run by bench/run.
EXTRA_PROGRAMS = bench/bare bench/router
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += bench/README.md bench/run

bench_bare_SOURCES = bench/bare.c
bench_bare_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
bench_bare_LDADD = $(MICROHTTPD_LIBS)

bench_router_SOURCES = bench/router.c
bench_router_LDADD = $(POSTERN_LIBS)

.PHONY: bench-programs
bench-programs: $(EXTRA_PROGRAMS)
