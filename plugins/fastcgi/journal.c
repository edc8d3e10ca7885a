/* SPDX-License-Identifier: MIT
 *
 * journal.c - see journal.h.
 */
#include "journal.h"

/* Of one request; an application that loops over an error must not fill the operator's disk. */
enum { LINES_MOST = 200 };

static void put_line(struct journal *journal)
{
    if (!journal->used)
        return;
    if (journal->lines < LINES_MOST)
        journal_say(journal, NGI_LOG_WARNING, "the application says: %.*s", (int)journal->used, journal->line);
    else if (journal->lines == LINES_MOST)
        journal_say(journal, NGI_LOG_WARNING, "the application says more, which is left out");
    journal->lines += journal->lines <= LINES_MOST;
    journal->used = 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void journal_init(struct journal *journal, ngi_request *r)
{
    const char *id = ngi_env(r, "NGI_REQUEST_ID");

    journal->host = r->ngi;
    journal->r = r;
    (void)snprintf(journal->id, sizeof journal->id, "%s", id ? id : "");
    journal->lines = 0;
    journal->used = 0;
}

void journal_say(struct journal *journal, int level, const char *fmt, ...)
{
    char text[JOURNAL_LINE + 512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (journal->r)
        ngi_log(journal->r, level, "%s", text);
    else
        ngi_host_log(journal->host, level, "[%s]: %s", journal->id, text);
}

void journal_add(struct journal *journal, const void *data, size_t n)
{
    const char *from = data;

    while (n > 0) {
        const char *newline = memchr(from, '\n', n);
        size_t whole = newline ? (size_t)(newline - from) : n;
        size_t room = sizeof journal->line - journal->used;
        size_t length = whole < room ? whole : room;

        memcpy(journal->line + journal->used, from, length);
        journal->used += length;
        from += length;
        n -= length;
        if (length < whole || (newline && length == whole))
            put_line(journal);
        if (newline && length == whole) {
            from++;
            n--;
        }
    }
}

void journal_end(struct journal *journal)
{
    put_line(journal);
}
