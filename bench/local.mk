# Measuring programs: built by make bench-programs only, run by bench/run.
MEASURING = bench/bare bench/router bench/soak.so
EXTRA_PROGRAMS += $(MEASURING)
CLEANFILES += $(MEASURING)
EXTRA_DIST += bench/README.md bench/run bench/client.py bench/sibling.py bench/slow bench/faults bench/soak

bench_bare_SOURCES = bench/bare.c
bench_bare_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
bench_bare_LDADD = $(MICROHTTPD_LIBS)

# bare.c with net/intake in front of libmicrohttpd, and what that costs alone.
MEASURING += bench/bare_guarded bench/guard
bench_bare_guarded_SOURCES = bench/bare.c
bench_bare_guarded_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS) -DGUARDED
bench_bare_guarded_LDADD = $(POSTERN_LIBS) $(MICROHTTPD_LIBS)
bench_guard_SOURCES = bench/guard.c bench/median.h
bench_guard_LDADD = $(POSTERN_LIBS)

bench_router_SOURCES = bench/router.c bench/median.h
bench_router_LDADD = $(POSTERN_LIBS)

# For bench/soak: a program only to automake, as the examples are.
bench_soak_so_SOURCES = bench/soak_plugin.c
bench_soak_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
bench_soak_so_CFLAGS = $(PLUGIN_CFLAGS)
bench_soak_so_LDFLAGS = $(PLUGIN_LINK)

# For bench/scenarios, with the plugin of the tests of the same name.
MEASURING += bench/bare_routes
EXTRA_DIST += bench/scenarios bench/flask_tornado.py
bench_bare_routes_SOURCES = bench/bare_routes.c
bench_bare_routes_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS)
bench_bare_routes_LDADD = $(MICROHTTPD_LIBS)

# For bench/hosts.
MEASURING += bench/hosts.so
EXTRA_DIST += bench/hosts
bench_hosts_so_SOURCES = bench/hosts_plugin.c
bench_hosts_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
bench_hosts_so_CFLAGS = $(PLUGIN_CFLAGS)
bench_hosts_so_LDFLAGS = $(PLUGIN_LINK)

.PHONY: bench-programs
bench-programs: $(MEASURING)
