/* Every refusal suite, in the order in which a plugin meets them; then the command line. main.c runs them all. */
#ifndef TESTS_REFUSALS_SUITES_H
#define TESTS_REFUSALS_SUITES_H

#include <check.h>

#define REFUSAL_SUITES(SUITE) \
    SUITE(file) SUITE(trust) SUITE(linking) SUITE(entry) SUITE(descriptor) SUITE(routes) SUITE(options) SUITE(claims) \
    SUITE(lifecycle) SUITE(together) SUITE(arguments) SUITE(configuration) SUITE(inspect) SUITE(call) SUITE(scaffold)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
REFUSAL_SUITES(SUITE_DECLARE)

#endif
