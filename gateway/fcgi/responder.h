/* The application's side of a FastCGI connection, in the role of a Responder (FastCGI Specification 1.0): a state
 * machine on bytes. Fed with what a web server sends it yields events; it makes the headers of what is sent back. No
 * sockets, no threads, and no memory but for the parameters of one request, which are bounded. Every byte may lie.
 *
 * One request at a time: FCGI_MPXS_CONNS is 0, as in every application that the usual servers know. */
#ifndef FCGI_RESPONDER_H
#define FCGI_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "fcgi/record.h"

enum {
    RESPONDER_PARAMS_MOST = 256 * 1024, /* bytes of a request's parameters; nginx sends 40 KiB at its most generous */
    RESPONDER_SMALL = 256,              /* what is looked at of a record that has to be seen whole */
    RESPONDER_REPLY_MOST = 128,
    RESPONDER_END_SIZE = 2 * FCGI_HEADER_SIZE + FCGI_BODY_SIZE,
};

/* What FCGI_GET_VALUES is answered with (section 4.1). */
struct responder_values {
    unsigned connections, requests; /* at most, at once */
};

enum responder_event_kind {
    RESPONDER_NOTHING,    /* all has been taken */
    RESPONDER_BEGIN,      /* a request begins */
    RESPONDER_PARAM,      /* one of its parameters; they come when all have arrived */
    RESPONDER_PARAMS_END, /* `overflow`: there were more than fit, and none has come as an event */
    RESPONDER_STDIN,      /* bytes of its body */
    RESPONDER_STDIN_END,
    RESPONDER_ABORT, /* the request is to be given up, and ended all the same (section 5.4); `data` as it may say why */
    RESPONDER_REPLY, /* bytes to send, as they stand and between records */
    RESPONDER_HANG_UP, /* a reply like that, after which the connection is to be closed */
    RESPONDER_BROKEN,  /* what has come is no FastCGI: the connection has to be closed; `why`, a constant */
};

struct responder_event {
    enum responder_event_kind kind;
    const uint8_t
        *data; /* RESPONDER_STDIN, _ABORT, _REPLY, _HANG_UP: until the next call; of STDIN in the bytes given */
    size_t length;
    struct fcgi_pair pair; /* RESPONDER_PARAM: until RESPONDER_PARAMS_END has been followed by another call */
    bool overflow;
    const char *why;
};

enum responder_stage { RESPONDER_IDLE, RESPONDER_IN_PARAMS, RESPONDER_IN_STDIN, RESPONDER_ALL_READ };

struct responder {
    struct responder_values values;
    enum responder_stage stage;
    bool keeps;       /* the connection, after the request (FCGI_KEEP_CONN) */
    bool broken;      /* nothing that follows can be read */
    uint16_t request; /* its id; 0: none is active */
    struct buffer params;
    bool overflow; /* there were more */
    size_t given;  /* bytes of params that have been told as events */
    bool giving;   /* that is what there is to do */

    uint8_t head[FCGI_HEADER_SIZE];
    size_t head_length;
    struct fcgi_header header; /* of the record under way, once head_length is FCGI_HEADER_SIZE */
    size_t left, padding;      /* of its content and padding, to come */
    uint8_t small[RESPONDER_SMALL];
    size_t small_length;
    uint8_t reply[RESPONDER_REPLY_MOST];
};

void responder_init(struct responder *responder, struct responder_values values);
void responder_free(struct responder *responder);

/* Takes bytes off the front of what has come, until there is an event. Returns how many; with RESPONDER_NOTHING, all.
 * An event may come without a byte being taken, so it is called until it says RESPONDER_NOTHING. */
size_t responder_take(struct responder *responder, const uint8_t *in, size_t n, struct responder_event *ret);

/* Whether a request is active: begun, and not ended by responder_put_end. */
static inline bool responder_is_busy(const struct responder *responder)
{
    return responder->request != 0;
}

/* The header of a record with `n` bytes (1 to FCGI_CONTENT_MAX) of the active request's `stream`, FCGI_STDOUT or
 * FCGI_STDERR; they follow without padding. */
void responder_put_header(const struct responder *responder, enum fcgi_type stream, size_t n,
                          uint8_t out[FCGI_HEADER_SIZE]);

/* The end of the active request: the empty record that closes FCGI_STDOUT, and FCGI_END_REQUEST. From here on none is
 * active; what still comes for it is ignored. */
void responder_put_end(struct responder *responder, uint32_t app_status, uint8_t out[RESPONDER_END_SIZE]);

#endif
