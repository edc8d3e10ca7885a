/* The last words of a process that a plugin has brought down: which plugin, in what, for which request, and from where.
 */
#ifndef PLUGIN_CRASH_H
#define PLUGIN_CRASH_H

#include <ucontext.h>

#include "http/transcript.h"

enum crash_end {
    CRASH_FAULT, /* `where` is the instruction */
    CRASH_ABORT, /* abort was called: what the C library does for it is of no interest */
    CRASH_EXIT,  /* exit was called: `where` is in a function of atexit(3) */
};

/* Writes the backtrace of the calling thread, from `where` on, to standard error. Called in the signal handler of the
 * crash. `incident` marks the lines, "" without one. */
typedef void crash_autopsy(const ucontext_t *where, enum crash_end end, const char *incident);

/* Tells somebody else, who is to draw conclusions, what is known of the crash; in the signal handler, as soon as the
 * line is written. The strings may lie in bad memory. */
typedef void crash_witness(const struct transcript_facts *facts);

/* Has `witness` told. Before crash_watch. */
void crash_tell(crash_witness *witness);

/* Has SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT write one line to stderr, keep the request (crash_file.h), and call
 * `autopsy` (may be NULL), before they do what they always do. Not in sanitizer builds, whose own reports say more. The
 * same for a plugin that calls exit(); the process then ends with 1. */
void crash_watch(crash_autopsy *autopsy);

/* Gives this thread a stack of its own for those words, for a plugin that has used up the usual one. crash_watch does
 * so for the thread that calls it, plugin/call for every other that enters a plugin. */
void crash_watch_thread(void);

#endif
