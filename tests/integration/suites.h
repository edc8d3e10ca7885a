/* Every integration suite, in the order in which a request meets what they test; main.c runs them all. */
#ifndef TESTS_INTEGRATION_SUITES_H
#define TESTS_INTEGRATION_SUITES_H

#include <check.h>

#define INTEGRATION_SUITES(SUITE) \
    SUITE(listeners) SUITE(connections) SUITE(routing) SUITE(environ) SUITE(input) SUITE(output) SUITE(failures) \
    SUITE(files) SUITE(endings) SUITE(life) SUITE(threads) SUITE(access_log) SUITE(static_files) SUITE(examples) \
    SUITE(scenarios) SUITE(executor) SUITE(deadlines) SUITE(cancel) SUITE(later) SUITE(background) SUITE(streaming) \
    SUITE(stream_body) SUITE(crashes) SUITE(fastcgi_plugin) SUITE(fastcgi_faults) SUITE(fastcgi_connections) \
    SUITE(fastcgi_servers) SUITE(host) \
    SUITE(generations) SUITE(workers) SUITE(handover) SUITE(takeover) SUITE(quarantine) SUITE(file_changes) SUITE(control) \
    SUITE(host_faults) SUITE(host_losses)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
INTEGRATION_SUITES(SUITE_DECLARE)

#endif
