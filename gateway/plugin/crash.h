/* The last words of a process that a plugin has brought down: which plugin, in what, for which request. */
#ifndef PLUGIN_CRASH_H
#define PLUGIN_CRASH_H

/* Has SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT write one line to stderr before they do what they always do (not in
 * sanitizer builds, whose own reports say more), and a plugin that calls exit() named; the process then ends with 1. */
void crash_watch(void);

/* Gives this thread a stack of its own for those words, for a plugin that has used up the usual one. crash_watch does
 * so for the thread that calls it, plugin/call for every other that enters a plugin. */
void crash_watch_thread(void);

#endif
