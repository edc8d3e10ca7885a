/* SPDX-License-Identifier: MIT
 *
 * journal.h - what is to be said about one request: the application's FCGI_STDERR by lines, and our own words.
 */
#ifndef FASTCGI_JOURNAL_H
#define FASTCGI_JOURNAL_H

#include <ngi.h>
#include <stdbool.h>

enum { JOURNAL_LINE = 1024 };

struct journal {
    const ngi_host *host;
    ngi_request *r; /* NULL in a stream, which may not touch it */
    char id[40];    /* the request's, for then */
    unsigned lines; /* of the application, so far */
    size_t used;
    char line[JOURNAL_LINE];
};

void journal_init(struct journal *journal, ngi_request *r);

/* A line of ours. */
void journal_say(struct journal *journal, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Bytes of FCGI_STDERR: each line of them is a line of the log. */
void journal_add(struct journal *journal, const void *data, size_t n);
/* No more of them come: an unfinished line is one. */
void journal_end(struct journal *journal);

#endif
