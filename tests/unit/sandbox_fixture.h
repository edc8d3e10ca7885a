/* What the suites about the sandbox share: a sandbox to fill in, and a child that enters it and tries something. What
 * this machine or this user cannot do is not among the tests that are run: a line on stderr names it and says why. */
#ifndef TESTS_UNIT_SANDBOX_FIXTURE_H
#define TESTS_UNIT_SANDBOX_FIXTURE_H

#include <check.h>
#include <stdbool.h>

#include "proc/sandbox.h"

/* Checked fixture: the sandbox of plugin p, without a setting, and a directory with an empty file in it. */
void sandbox_set_up(void);
void sandbox_tear_down(void);
extern struct sandbox sandbox;
extern ngi_error err;
extern char dir[64], file[80];

/* Prepares the sandbox, forks, enters it there with stderr and `keep` (-1: nothing more), and tries. What comes back is
 * what `attempt` returned, 0 or an errno, or the negative number of the signal that ended it. */
int try(int (*attempt)(void), int keep);
/* The same without a sandbox, for what changes the process. */
int try_free(int (*attempt)(void));
#define TRY(attempt) try(attempt, -1)

/* sandbox_prepare refuses, in these words. */
void assert_refused(int code, const char *words);

/* A user that nothing else runs as, so that what is counted for it is ours. */
#define NOBODY "54321"
void be_nobody(void);
enum { NOBODY_ID = 54321 };
/* Of the process itself, in try_free. An ordinary user stays. */
void drop_root(void);

/* Why a test cannot be run here; NULL: it can. */
const char *lacks_root(void);     /* or its capabilities */
const char *lacks_landlock(void); /* for a read-only file system */
const char *lacks_scopes(void);   /* for signals and abstract sockets */
const char *lacks_mounts(void);   /* without privilege, or with */
const char *lacks_user_namespaces(void);
const char *lacks_address_space(void);

#define ADD_UNLESS(lacks, tests, name)                                                                                 \
    do {                                                                                                               \
        const char *why_ = (lacks);                                                                                    \
        if (why_)                                                                                                      \
            fprintf(stderr, "skipped: %s: %s\n", #name, why_);                                                         \
        else                                                                                                           \
            tcase_add_test(tests, name);                                                                               \
    } while (0)

#endif
