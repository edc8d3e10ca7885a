/* Every suite about NGI as others compile against it; main.c runs them all. */
#ifndef TESTS_ABI_SUITES_H
#define TESTS_ABI_SUITES_H

#include <check.h>

#define ABI_SUITES(SUITE) SUITE(header) SUITE(layout) SUITE(symbols) SUITE(versions) SUITE(frozen)

#define SUITE_DECLARE(name) Suite *name##_suite(void);
ABI_SUITES(SUITE_DECLARE)

#endif
