/* Every unit suite, in the order of the layers; main.c runs them all. */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <check.h>

#define UNIT_SUITES(SUITE) \
    SUITE(settings) SUITE(conditional) SUITE(cookie) SUITE(date) SUITE(field) SUITE(method) SUITE(multipart) \
    SUITE(target) SUITE(urlencoded) SUITE(facts)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
UNIT_SUITES(SUITE_DECLARE)

#endif
