#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "tests/zygote/fixture.h"

int main(int argc, char **argv)
{
    static const struct command zygote = { .name = "zygote" };
    if (argc > 1 && strcmp(argv[1], "zygote") == 0)
        return command_zygote(&zygote, argc - 1, argv + 1);
    SRunner *runner = srunner_create(zygote_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
