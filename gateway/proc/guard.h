/* The end of a process that must come, whatever handlers do: joining a thread cannot be given up. */
#ifndef PROC_GUARD_H
#define PROC_GUARD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct guard {
    sem_t ended;
    pthread_t thread;
    bool started;
};

/* Starts a thread that, unless guard_end is called within a moment, names the handlers that have not returned
 * and ends the process with 1. */
void guard_begin(struct guard *guard);
void guard_end(struct guard *guard);

#endif
