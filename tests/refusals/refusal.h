/* What the refusal suites share: a directory of plugins, and how the binary speaks of it. */
#ifndef TESTS_REFUSALS_REFUSAL_H
#define TESTS_REFUSALS_REFUSAL_H

#include <stdbool.h>

#include "tests/harness/command.h"
#include "tests/harness/scratch.h"
#include "tests/refusals/suites.h"

/* The directory of the test under way. In what a command says, and in what a test expects of it, it stands as "DIR". */
extern struct scratch dir;

/* Where a crash ends in a sanitizer's report instead of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* A test case of `suite` whose tests have a directory each. */
TCase *refusal_case(Suite *suite);
/* Says on stderr why the test under way cannot do here what it should. */
void skip(const char *why);

/* Compiles a plugin into the directory. Before `text` stand #include <ngi.h> and `answer`, a handler that writes
 * "fine". */
void given(const char *name, const char *text);
/* The same, with flags for the compiler. */
void given_linked(const char *name, const char *text, const char *flags);
/* A plugin that is right, called `name`. */
void given_good(const char *name);

/* `postern check` and `postern serve` both refuse the directory with exactly these lines (without "postern: ", parted
 * by \n), exit with 1, and serve nothing. */
void refused(const char *lines);
/* The same with further arguments for both. */
#define REFUSED_WITH(lines, ...) refused_with(lines, (const char *const[]){ __VA_ARGS__, NULL })
void refused_with(const char *lines, const char *const *arguments);
/* Only check, for what a process does not survive. */
void check_refuses(const char *lines, const char *const *arguments);
/* `postern check` has nothing to say against the directory. */
void accepted(void);

/* Runs a command of the binary and holds its exit status, stdout and stderr against what they should be; NULL: not
 * looked at. "DIR" in the arguments stands for the directory. */
#define SAYS(status, out, err, ...) says(status, out, err, (const char *const[]){ "postern", __VA_ARGS__, NULL })
void says(int status, const char *out, const char *err, const char *const *argv);
/* Runs it and keeps what it said, with "DIR" for the directory; free with command_free. */
#define RUN(result, ...) run(result, (const char *const[]){ "postern", __VA_ARGS__, NULL })
void run(struct command_result *result, const char *const *argv);

#endif
