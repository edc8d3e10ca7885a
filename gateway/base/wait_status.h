/* How a process has ended, in words. */
#ifndef BASE_WAIT_STATUS_H
#define BASE_WAIT_STATUS_H

enum { WAIT_STATUS_SIZE = 32 };

/* Of a status of waitpid(2): "died of SIGSEGV", "ended with status 3"; of a signal that has no name, as those of real
 * time, "died of signal 40". Returns `out`. */
const char *wait_status_print(int status, char out[WAIT_STATUS_SIZE]);

#endif
