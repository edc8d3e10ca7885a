/* The last words of a process that a plugin has brought down: which plugin, in what, for which request. */
#ifndef PROC_CRASH_H
#define PROC_CRASH_H

/* Has SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT write one line to stderr before they do what they always do (not in
 * sanitizer builds, whose own reports say more), and a plugin that calls exit() named; the process then ends with 1. */
void crash_watch(void);

#endif
