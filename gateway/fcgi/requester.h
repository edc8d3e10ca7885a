/* The web server's side of a FastCGI connection (FastCGI Specification 1.0), the other end of responder.h: makes the
 * records of a request, and takes what comes back apart. No sockets and no threads. Every byte that comes may lie:
 * which requests are under way is the caller's to know, and so whether what comes is for one of them. */
#ifndef FCGI_REQUESTER_H
#define FCGI_REQUESTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "fcgi/record.h"

enum { REQUESTER_ID = 1 }; /* of a request that is under way alone; 0 is none */

/* --- what is sent for the request `request`: appended to `out`. NGI_OK, NGI_ETOOBIG, NGI_ENOMEM. */

/* The beginning of a request, on a connection that is kept. */
int requester_put_begin(struct buffer *out, uint16_t request);
/* One parameter, into a buffer of them; lengths below 2^31. */
int requester_put_pair(struct buffer *pairs, const char *name, size_t name_length, const char *value,
                       size_t value_length);
/* All of them, and their end. */
int requester_put_params(struct buffer *out, uint16_t request, const struct buffer *pairs);
/* The header of `n` bytes of body, up to FCGI_CONTENT_MAX, which follow; 0: its end. */
int requester_put_stdin(struct buffer *out, uint16_t request, size_t n);
/* `why`: a byte of content, which the specification knows nothing of, for who is known to read it; 0: none. */
int requester_put_abort(struct buffer *out, uint16_t request, uint8_t why);

/* --- what comes */

enum requester_event_kind {
    REQUESTER_NOTHING, /* all has been taken */
    REQUESTER_STDOUT,  /* bytes of the response */
    REQUESTER_STDERR,  /* bytes for the log */
    REQUESTER_END,     /* the request is over: the last byte of its last record has been taken */
    REQUESTER_BROKEN,  /* this is no FastCGI, and nothing that follows can be read: `why`, a constant */
};

struct requester_event {
    enum requester_event_kind kind;
    uint16_t request;    /* which it is about; not of REQUESTER_NOTHING and _BROKEN */
    const uint8_t *data; /* in the bytes given */
    size_t length;
    struct fcgi_end end;
    const char *why;
};

/* A zeroed one is at the beginning of a record. */
struct requester {
    uint8_t head[FCGI_HEADER_SIZE];
    size_t head_length;
    struct fcgi_header header; /* of the record under way, once head_length is FCGI_HEADER_SIZE */
    size_t left, padding;      /* of its content and padding, to come */
    uint8_t end[FCGI_BODY_SIZE];
    const char *broken; /* why nothing more can be read; NULL */
};

/* Takes bytes off the front of what has come, until there is an event. Returns how many; with REQUESTER_NOTHING, all.
 */
size_t requester_take(struct requester *requester, const uint8_t *in, size_t n, struct requester_event *ret);

#endif
