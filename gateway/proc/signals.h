/* Signals as a queue that one thread reads: no code runs in signal context, no thread is interrupted. */
#ifndef PROC_SIGNALS_H
#define PROC_SIGNALS_H

/* Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD for this thread and those it will start, and has SIGPIPE
 * and SIGXFSZ ignored. Before any other thread. */
void signals_block(void);

/* A descriptor (signalfd(2), non-blocking, close-on-exec) that can be read when one of them has come, or -errno. A
 * child of fork may go on with it: there it tells of the child's. */
int signals_open(void);

/* The next of these signals; 0: there is none. */
int signals_next(int fd);

/* In a child that runs foreign code: its own children are not ours to hear of. */
void signals_leave_children(void);

/* A descriptor that is readable while signals_wait has one to tell; the caller's to close. -1 with errno. */
int signals_open(void);

#endif
