/* The backtrace of a crashed thread, made by a clean process: the crashed one cannot be trusted to allocate, lock or
 * read files. The thread's handler starts `postern autopsy`, waits for it and then lets the process die. */
#ifndef PROC_AUTOPSY_H
#define PROC_AUTOPSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugin/crash.h"

/* A crash_autopsy, for crash_watch. Returns when the backtrace stands on standard error, or after 5 s. */
void autopsy_request(const ucontext_t *where, enum crash_end end, const char *incident);

/* In the clean process: the thread `tid` of process `pid` waits in autopsy_request; `where` is an address in its
 * memory. False, with the reason logged, if there is no backtrace. */
bool autopsy_perform(pid_t pid, pid_t tid, uintptr_t where, enum crash_end end, const char *incident);

#endif
