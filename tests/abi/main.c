/* Runs the ABI suites. CK_RUN_SUITE=layout runs one of them (see Check's manual for the other CK_ variables). */
#include <stdlib.h>

#include "tests/abi/suites.h"

int main(void)
{
    SRunner *runner = srunner_create(NULL);
#define SUITE_ADD(name) srunner_add_suite(runner, name##_suite());
    ABI_SUITES(SUITE_ADD)
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
