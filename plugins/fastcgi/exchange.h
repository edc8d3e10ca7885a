/* SPDX-License-Identifier: MIT
 *
 * exchange.h - one request over one connection: FastCGI records both ways (FastCGI Specification 1.0). One thread at a
 * time; what it needs of the outside is in what it is given.
 */
#ifndef FASTCGI_EXCHANGE_H
#define FASTCGI_EXCHANGE_H

#include "fcgi/record.h"
#include "journal.h"
#include "link.h"
#include "params.h"
#include "wait.h"

#include <stdbool.h>

enum {
    EXCHANGE_BUFFER = 32 * 1024,
    EXCHANGE_BLOCK = 32 * 1024, /* of a body, at most, that does not end it */
};

/* Why there is no (more) output. */
enum {
    EXCHANGE_END = 0,       /* all has come: END_REQUEST */
    EXCHANGE_HUNGRY = -1,   /* it waits for more of the request's body: exchange_feed */
    EXCHANGE_PENDING = -2,  /* nothing is there at the moment */
    EXCHANGE_CLOSED = -3,   /* the application has closed the connection */
    EXCHANGE_GARBAGE = -4,  /* what came is no FastCGI */
    EXCHANGE_SILENT = -5,   /* neither took nor gave anything for so long */
    EXCHANGE_GIVEN_UP = -6, /* nobody wants the answer any more: `patience` */
};

struct exchange {
    struct links *links;
    struct link *link;
    struct journal *journal;
    const struct patience *patience;
    int64_t read_ms;

    /* To the application: what has been cut into records already, then what the body of the next is. */
    const uint8_t *head; /* BEGIN_REQUEST and PARAMS; later the header of an FCGI_STDIN */
    size_t head_left;
    const uint8_t *content;
    size_t content_left;
    const uint8_t *body; /* what was fed, and is in no record yet */
    size_t body_left;
    bool body_last, body_ended; /* nothing follows what was fed; and the application has been told */
    bool deaf;                  /* it takes no more: perhaps it has said why */
    uint8_t header[FCGI_HEADER_SIZE];

    /* From it. */
    struct fcgi_header record; /* the one that is being read */
    size_t record_left;        /* of its content */
    size_t padding_left;
    uint8_t end_bytes[FCGI_BODY_SIZE];
    size_t end_used;
    bool answered; /* something has come */
    bool ended;
    struct fcgi_end end; /* once it has */
    int error;           /* errno of a CLOSED; 0: it was in order */
    const char *why;     /* of GARBAGE */
    size_t start, filled;
    uint8_t buffer[EXCHANGE_BUFFER];
};

/* Begins on `link`, which is its own from here on. `params` is the prologue, and outlives it; journal, patience and
 * read_ms have been set. */
void exchange_init(struct exchange *x, struct links *links, struct link *link, const struct params *params);

/* More of the request's body, when it is HUNGRY; `last`: no more follows. The block lives until the next HUNGRY, or the
 * end. One that is not the last has EXCHANGE_BLOCK bytes at most, and the last one may follow it at once. */
void exchange_feed(struct exchange *x, const void *data, size_t n, bool last);

/* Sends what can be sent, and reads up to `n` bytes of FCGI_STDOUT: how many, or one of the above. `wait`: waits for
 * them, and never returns PENDING. */
int64_t exchange_read(struct exchange *x, void *buf, size_t n, bool wait);

/* Ends it, and gives the connection back; one that is not at its end is aborted (section 5.4) and closed. */
void exchange_close(struct exchange *x);

/* What went wrong, in words; `code` is one of the above. Static, or in `buf`. */
const char *exchange_describe(const struct exchange *x, int code, char *buf, size_t size);

#endif
