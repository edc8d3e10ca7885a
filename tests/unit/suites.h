/* Every unit suite, in the order of the layers; main.c runs them all. */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <check.h>

#define UNIT_SUITES(SUITE) \
    SUITE(arena) SUITE(buffer) SUITE(map) SUITE(text) SUITE(file) SUITE(passing) SUITE(peek) SUITE(log) SUITE(report) SUITE(network) \
    SUITE(wait_status) SUITE(settings) SUITE(settings_refusals) SUITE(record) SUITE(requester) SUITE(responder) SUITE(body) SUITE(cgi) \
    SUITE(cgi_response) SUITE(cgi_tell) SUITE(conditional) SUITE(cookie) SUITE(date) SUITE(environ) SUITE(field) \
    SUITE(form) SUITE(forwarded) SUITE(framing) SUITE(method) SUITE(multipart) SUITE(outcome) SUITE(outcome_conditional) \
    SUITE(pattern) \
    SUITE(request) SUITE(response) SUITE(response_body) SUITE(router) SUITE(router_random) SUITE(target) \
    SUITE(transcript) SUITE(crash_file) SUITE(crash_line) \
    SUITE(urlencoded) SUITE(claims) SUITE(description) SUITE(described) SUITE(facts) SUITE(facts_undefined) SUITE(facts_refusals) SUITE(facts_hostile) \
    SUITE(facts_printing) SUITE(options) SUITE(counters) SUITE(executor) SUITE(pipe) SUITE(placement) SUITE(circuit) SUITE(reactor) \
    SUITE(task) SUITE(hosts) SUITE(ahead) SUITE(later) SUITE(listener) SUITE(crowd) SUITE(patience) SUITE(mapped_file) SUITE(fastcgi) SUITE(channel) SUITE(last_words) \
    SUITE(quarantine) SUITE(verdict) SUITE(files_watch) SUITE(sockets) SUITE(sandbox) SUITE(sandbox_options)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
UNIT_SUITES(SUITE_DECLARE)

#endif
