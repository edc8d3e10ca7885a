/* The commands of the postern binary. Each has a file of its own; commands.c has the table that drives the dispatch,
 * the help and the tests. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <stddef.h>

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* An option of a command line, for parsing and for --help alike. */
struct option_row {
    const char *name;     /* "--plugins" */
    char letter;          /* 'c' for -c; 0: none */
    const char *argument; /* "DIR"; NULL: takes none */
    const char *help;
};

struct command {
    const char *name;
    const char *arguments;            /* behind the name in the usage line */
    const char *summary;              /* one line, for the list; NULL: not in it, and last */
    const char *description;          /* for its own --help */
    const struct option_row *options; /* ends with { 0 } */
    /* argv[0] is the command's name. Returns the exit status. */
    int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command commands[]; /* ends with { 0 } */

int command_serve(const struct command *command, int argc, char **argv);
int command_run(const struct command *command, int argc, char **argv);
int command_check(const struct command *command, int argc, char **argv);
int command_inspect(const struct command *command, int argc, char **argv);
int command_call(const struct command *command, int argc, char **argv);
int command_status(const struct command *command, int argc, char **argv);
int command_reload(const struct command *command, int argc, char **argv);
int command_drain(const struct command *command, int argc, char **argv);
int command_stop(const struct command *command, int argc, char **argv);
int command_autopsy(const struct command *command, int argc, char **argv);
int command_takeover_check(const struct command *command, int argc, char **argv);
int command_zygote(const struct command *command, int argc, char **argv);
int command_host(const struct command *command, int argc, char **argv);
int command_new(const struct command *command, int argc, char **argv);

#endif
