#include "app/command.h"

#include <string.h>

#include "base/log.h"
#include "proc/takeover.h"

/* Not for people: what a running gateway starts before it becomes this binary, with its own arguments, and so without
 * help and in no list. */
int command_takeover_check(const struct command *command, int argc, char **argv)
{
    enum { FILE_NUMBER = 1, PROGRAM, COMMAND };
    if (argc > COMMAND && !takeover_is_check() && takeover_begin_check(argv[FILE_NUMBER]))
        for (const struct command *serving = commands; serving->name; serving++)
            if (strcmp(serving->name, argv[COMMAND]) == 0 &&
                (serving->run == command_serve || serving->run == command_run))
                return serving->run(serving, argc - COMMAND, argv + COMMAND);
    log_line(NGI_LOG_ERROR, "%s: for a running postern only", command->name);
    return EXIT_USAGE;
}
