#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { LINE_MAX_BYTES = 4096 };

/* Written before threads start, read by all. */
static int current_level = NGI_LOG_INFO;
/* Turned on when the server has started; relaxed: whether a line of that moment has the time does not matter. */
static _Atomic bool stamp;

static size_t put_stamp(char *out, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    return n + (size_t)snprintf(out + n, size - n, ".%03ldZ ", now.tv_nsec / 1000000);
}

/* What a command says to who typed it is an error unless it says otherwise; in a running gateway's log, where most
 * lines are not, errors are marked too. */
static const char *severity(int level, bool stamped)
{
    switch (level) {
    case NGI_LOG_ERROR: return stamped ? "error: " : "";
    case NGI_LOG_WARNING: return "warning: ";
    case NGI_LOG_DEBUG: return "debug: ";
    default: return "";
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void log_set_level(int level)
{
    current_level = level;
}

int log_level(void)
{
    return current_level;
}

void log_set_stamp(bool on)
{
    atomic_store_explicit(&stamp, on, memory_order_relaxed);
}

void log_vline(int level, const char *fmt, va_list ap)
{
    if (level > current_level)
        return;
    static const char cut[] = "…";
    char message[LINE_MAX_BYTES / 2];
    char line[LINE_MAX_BYTES];
    int saved_errno = errno;

    int wanted = vsnprintf(message, sizeof message, fmt, ap);
    size_t length = wanted < 0 ? 0 : (size_t)wanted < sizeof message ? (size_t)wanted : sizeof message - 1;
    bool truncated = wanted < 0 || (size_t)wanted >= sizeof message;

    size_t n = (size_t)snprintf(line, sizeof line, "postern: ");
    bool stamped = atomic_load_explicit(&stamp, memory_order_relaxed);
    if (stamped)
        n += put_stamp(line + n, sizeof line - n);
    n += (size_t)snprintf(line + n, sizeof line - n, "%s", severity(level, stamped));
    size_t room = sizeof line - n - sizeof cut - 1;
    n += text_escape_controls(line + n, room, message, length, &truncated);
    if (truncated) {
        memcpy(line + n, cut, sizeof cut - 1);
        n += sizeof cut - 1;
    }
    line[n++] = '\n';

    /* A log that cannot be written has nowhere to say so. */
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written;
    errno = saved_errno;
}

void log_line(int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_vline(level, fmt, ap);
    va_end(ap);
}
