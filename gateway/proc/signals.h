/* Signals as a queue that one thread reads: no code runs in signal context, no thread is interrupted. */
#ifndef PROC_SIGNALS_H
#define PROC_SIGNALS_H

/* Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 for this thread and those it will start, and has SIGPIPE and
 * SIGXFSZ ignored. Before any other thread is started. */
void signals_take(void);

/* The next of these signals; waits up to `timeout_ms` (-1: without end). 0 if the time is up. */
int signals_wait(int timeout_ms);

/* A descriptor that is readable while signals_wait has one to tell; the caller's to close. -1 with errno. */
int signals_open(void);

#endif
