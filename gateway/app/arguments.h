/* A command's arguments, parsed by the rows of its table. */
#ifndef APP_ARGUMENTS_H
#define APP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/command.h"
#include "conf/settings.h"

struct arguments {
    const struct command *command;
    struct given {
        const struct option_row *option;
        const char *value; /* NULL: takes none */
    } * given;             /* in order */
    size_t given_count;
    char **rest; /* what is no option; into argv */
    size_t rest_count;
    int status; /* the exit status if `done` */
};

/* Parses argv. False: the command is done, with arguments->status (--help was given and answered, or a mistake was told
 * together with the usage line). `least`, `most`: how many arguments that are no options it wants. */
bool arguments_parse(struct arguments *arguments, const struct command *command, int argc, char **argv, size_t least,
                     size_t most);
void arguments_free(struct arguments *arguments);

/* The last value of an option, its name with the dashes; NULL if it was not given. */
const char *arguments_get(const struct arguments *arguments, const char *name);
bool arguments_has(const struct arguments *arguments, const char *name);

/* The settings that -c, --set, --plugins and --listen make. `presets` (a --set each of the command's own, ended by
 * NULL; NULL: none) come first, so that the others win. NULL with what is wrong in `report`. */
struct settings *arguments_load(const struct arguments *arguments, const char *const *presets, struct report *report);
/* The same with one preset, or NULL; logs what is wrong. */
struct settings *arguments_settings(const struct arguments *arguments, const char *preset);

/* Prints "usage: postern …". */
void command_usage(const struct command *command, bool to_stderr);

#endif
