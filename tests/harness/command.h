/* Running a command to its end and looking at what it said. */
#ifndef TESTS_HARNESS_COMMAND_H
#define TESTS_HARNESS_COMMAND_H

struct command_result {
    int status;      /* exit status; -1 if a signal ended it */
    int signal;      /* that signal, or 0 */
    char *out, *err; /* what it wrote, NUL-terminated */
};

/* Runs argv[0] (NULL-terminated list; "postern" is the binary under test) for 60 s at most. Fails the test if it cannot
 * be run or hangs. */
void command_run(struct command_result *result, const char *const *argv);
#define COMMAND(result, ...) command_run(result, (const char *const[]){ __VA_ARGS__, NULL })
void command_free(struct command_result *result);

/* The path of the binary under test, and of a file in the build tree ("examples/hello.so") or the source tree: static storage, a few at a time. */
const char *built(const char *path);
const char *source(const char *path);

#endif
