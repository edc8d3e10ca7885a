#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "tests/zygote/fixture.h"

int main(int argc, char **argv)
{
    static const struct command own[] = { { .name = "zygote", .run = command_zygote },
                                          { .name = "autopsy", .run = command_autopsy } };
    for (size_t i = 0; argc > 1 && i < sizeof own / sizeof *own; i++)
        if (strcmp(argv[1], own[i].name) == 0)
            return own[i].run(&own[i], argc - 1, argv + 1);
    SRunner *runner = srunner_create(zygote_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
