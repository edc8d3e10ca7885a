/* Every integration suite, those of HTTP in the order in which a request meets what they test; main.c runs them all. */
#ifndef TESTS_INTEGRATION_SUITES_H
#define TESTS_INTEGRATION_SUITES_H

#include <check.h>

#define INTEGRATION_SUITES(SUITE) HTTP_SUITES(SUITE) PROCESS_SUITES(SUITE)

/* Those to which it matters how libmicrohttpd reads, sends, suspends and closes: all that run where
 * $POSTERN_TEST_HTTP is set, for another release of it. */
#define HTTP_SUITES(SUITE) \
    SUITE(listeners) SUITE(connections) SUITE(intake) SUITE(edge) SUITE(edge_connections) SUITE(slow) SUITE(routing) \
    SUITE(environ) SUITE(proxies) SUITE(input) SUITE(output) SUITE(failures) SUITE(files) SUITE(endings) SUITE(life) \
    SUITE(threads) SUITE(access_log) SUITE(static_files) SUITE(examples) SUITE(executor) SUITE(deadlines) \
    SUITE(cancel) SUITE(later) SUITE(background) SUITE(streaming) SUITE(stream_body) SUITE(fastcgi_plugin) \
    SUITE(fastcgi_faults) \
    SUITE(fastcgi_connections) SUITE(fastcgi_servers) SUITE(handover)
/* Those about placement and processes. */
#define PROCESS_SUITES(SUITE) \
    SUITE(scenarios) SUITE(crashes) SUITE(host) SUITE(generations) SUITE(workers) SUITE(takeover) SUITE(quarantine) \
    SUITE(file_changes) SUITE(control) SUITE(host_faults) SUITE(host_losses)

/* Of them those that say what a plugin is offered, and not where it runs: they pass in host processes too, under
 * $POSTERN_TEST_RUN=process. The first are quick, and part of `make check`. The others are left out there: listeners,
 * routing, connections, intake and both of edge never reach a plugin that matters; threads, executor and scenarios are
 * about threads and their placement; life, crashes, generations, workers, handover, takeover, quarantine, file_changes
 * and control about the gateway's processes; fastcgi_plugin, fastcgi_faults, fastcgi_connections and fastcgi_servers
 * about what plugins/fastcgi keeps for all calls of a process; host about `postern host`. */
#define HOSTED_SUITES(SUITE) \
    SUITE(environ) SUITE(proxies) SUITE(input) SUITE(output) SUITE(failures) SUITE(files) SUITE(endings) \
    SUITE(access_log) SUITE(static_files) SUITE(examples) SUITE(stream_body)
#define HOSTED_SUITES_SLOW(SUITE) \
    SUITE(slow) SUITE(deadlines) SUITE(cancel) SUITE(later) SUITE(background) SUITE(streaming)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
INTEGRATION_SUITES(SUITE_DECLARE)

#endif
