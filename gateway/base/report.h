/* What is wrong, in several lines: for work that goes on after the first mistake so as to name them all. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

/* A zeroed struct report is an empty report. */
struct report {
    char **lines;
    size_t count;
};

/* Appends a formatted line (no newline). Out of memory, the line goes to the log at once instead of being lost. */
void report_add(struct report *report, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes every line to the log as an error. */
void report_log(const struct report *report);
void report_free(struct report *report);

#endif
