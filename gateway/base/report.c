#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void report_add(struct report *report, const char *fmt, ...)
{
    char *line = NULL;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char **lines = realloc(report->lines, (report->count + 1) * sizeof *lines);
    if (lines)
        report->lines = lines;
    if (!lines || vasprintf(&line, fmt, ap) < 0)
        log_vline(NGI_LOG_ERROR, fmt, again);
    else
        report->lines[report->count++] = line;
    va_end(again);
    va_end(ap);
}

void report_log(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        log_line(NGI_LOG_ERROR, "%s", report->lines[i]);
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->lines[i]);
    free(report->lines);
    *report = (struct report){ 0 };
}
