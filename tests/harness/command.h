/* Running a command to its end and looking at what it said. */
#ifndef TESTS_HARNESS_COMMAND_H
#define TESTS_HARNESS_COMMAND_H

struct command_result {
    int status;      /* exit status; -1 if a signal ended it */
    int signal;      /* that signal, or 0 */
    char *out, *err; /* what it wrote, NUL-terminated */
};

/* Runs argv[0] (NULL-terminated list; "postern" is the binary under test, any other name is looked up in PATH) for 60 s
 * at most, with an empty standard input and in the C locale. Fails the test if it cannot be run or hangs. */
void command_run(struct command_result *result, const char *const *argv);
/* The same in another working directory. */
void command_run_in(struct command_result *result, const char *directory, const char *const *argv);
#define COMMAND(result, ...) command_run(result, (const char *const[]){ __VA_ARGS__, NULL })
#define COMMAND_IN(result, directory, ...) command_run_in(result, directory, (const char *const[]){ __VA_ARGS__, NULL })
void command_free(struct command_result *result);

/* The path of a file in the build tree ("examples/hello.so"; "postern" is the binary under test) or in the source tree:
 * static storage, the last eight calls of both together. */
const char *built(const char *path);
const char *source(const char *path);

#endif
