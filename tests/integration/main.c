/* Runs the integration suites. CK_RUN_SUITE=routing runs one of them (the other CK_ variables: see Check's manual). */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/integration/suites.h"
#include "tests/integration/support.h"

enum { OPEN_DIRECTORIES = 16 };

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *at)
{
    (void)file, (void)kind, (void)at;
    return remove(path);
}

int main(void)
{
    /* A place of our own for all that tests write: whatever a failed one leaves goes at the end. */
    char place[] = "/tmp/postern-integration-XXXXXX";
    if (!mkdtemp(place) || setenv("TMPDIR", place, 1) < 0) {
        perror(place);
        return EXIT_FAILURE;
    }

    runner = srunner_create(NULL);
#define SUITE_ADD(name) srunner_add_suite(runner, name##_suite());
    if (!gateway_rung()) {
        HTTP_SUITES(SUITE_ADD)
        if (!getenv("POSTERN_TEST_HTTP")) {
            PROCESS_SUITES(SUITE_ADD)
        }
    } else {
        HOSTED_SUITES(SUITE_ADD)
        if (getenv("POSTERN_TEST_FULL") || getenv("CK_RUN_SUITE")) {
            HOSTED_SUITES_SLOW(SUITE_ADD)
        }
    }
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner) + bad_ends;
    srunner_free(runner);
    gateway_show_lost();
    nftw(place, remove_one, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
