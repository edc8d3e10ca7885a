/* A throwaway process: something is tried in it, and whatever it does, crash and hang included, ends with it. */
#ifndef PROC_TRIAL_H
#define PROC_TRIAL_H

#include <stddef.h>

enum trial_end {
    TRIAL_DONE,    /* the function returned */
    TRIAL_EXITED,  /* something in it called exit */
    TRIAL_CRASHED, /* a signal ended it */
    TRIAL_HUNG,    /* it did not return in time, and was killed */
    TRIAL_FAILED,  /* no process could be made: errno */
};

struct trial {
    enum trial_end end;
    int status;   /* of waitpid(2), where it exited or crashed */
    char *output; /* what the function wrote to `fd`, NUL-terminated, malloc'ed; may be NULL */
    size_t length;
};

/* Runs fn(arg, fd) in a child of this (single-threaded) process, for `timeout_ms` at most. Free trial->output. */
void trial_run(struct trial *trial, void (*fn)(void *arg, int fd), void *arg, int timeout_ms);

#endif
