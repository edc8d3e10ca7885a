/* The gateway's part, played by a test: a reactor that turns when it is told to, on the test's thread, and an executor
 * that only takes note of what a zygote tells it. */
#ifndef TESTS_ZYGOTE_FIXTURE_H
#define TESTS_ZYGOTE_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <sys/types.h>

#include "proc/zygote.h"

Suite *zygote_suite(void);

/* --- what was told of the hosts that were asked for, by number */

enum { HOSTS_MOST = 16 };

struct told {
    bool came, ended;
    pid_t pid;
    int pidfd;
    int status;
    char why[256];
};
extern struct told told[HOSTS_MOST];

/* --- the reactor */

/* Turns until `what` is true; fails the test after a long while. */
void turn_until(const bool *what);
/* Has the log written into a file from here on; the whole of it, until the next call. */
void log_into(const char *path);
const char *log_text(void);

#endif
