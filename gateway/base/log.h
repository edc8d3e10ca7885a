/* The gateway's own log: lines on stderr, `postern: …`, one write(2) each so that threads and processes never mix
 * within a line. Library layers return errors; only the acting layer logs, once. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "sdk/ngi.h"

/* Lines less severe than `level` (NGI_LOG_…) are dropped; NGI_LOG_INFO at start. Set before threads start. */
void log_set_level(int level);
int log_level(void);

/* Whether lines bear the time (UTC, milliseconds). Off at start: a command's messages are for the person who typed it.
 * [any thread] */
void log_set_stamp(bool on);

/* One line; control characters are escaped, an over-long line is cut and ends in "…". [any thread] */
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_vline(int level, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
