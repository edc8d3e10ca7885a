#include "app/command.h"

#include "base/log.h"
#include "base/text.h"
#include "proc/autopsy.h"

/* Not for people: what a crashing postern starts, and so without help and in no list. */
int command_autopsy(const struct command *command, int argc, char **argv)
{
    enum { PID = 1, TID, WHERE, END, INCIDENT, COUNT };
    uint64_t numbers[INCIDENT] = { 0 };
    bool good = argc == COUNT;
    for (int i = PID; i < INCIDENT && good; i++)
        good = text_to_uint64(argv[i], &numbers[i]);
    if (!good) {
        log_line(NGI_LOG_ERROR, "%s: for a crashing postern only", command->name);
        return EXIT_USAGE;
    }
    bool done = autopsy_perform((pid_t)numbers[PID], (pid_t)numbers[TID], (uintptr_t)numbers[WHERE],
                                (enum crash_end)numbers[END], argv[INCIDENT]);
    return done ? 0 : EXIT_REFUSED;
}
