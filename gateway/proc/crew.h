/* Processes that all do the same, and a small parent that has nothing else to do: it starts them, replaces those that
 * die, and ends them. No thread, no plugin code and no client in the parent, so that nothing can bring it down. */
#ifndef PROC_CREW_H
#define PROC_CREW_H

#include <stdbool.h>

struct crew {
    unsigned count;
    /* What a child does, from its fork to its exit status. It writes a byte to `ready_fd`, and closes it, once it
     * works. It ends by itself on SIGTERM, and gets another where there is no time for it to finish. `first`: it is the
     * first of all. */
    int (*child)(void *arg, int ready_fd, bool first);
    void (*ready)(void *arg); /* in the parent: all of them work */
    void *arg;
    double grace; /* seconds between the SIGTERM and the end */
};

/* Runs until SIGTERM or SIGINT, which a second one hurries; SIGUSR1 is passed on. signals_block has been called, and no
 * thread has been started. 0; 1 if the first child never worked, or one of them had to be killed at the end. */
int crew_run(const struct crew *crew);

#endif
