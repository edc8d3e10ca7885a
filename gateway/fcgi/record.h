/* FastCGI records (FastCGI Specification 1.0, Open Market 1996, sections 3 to 5): their layout, and nothing about
 * sockets. Only libc: plugins/fastcgi is built with it too. */
#ifndef FCGI_RECORD_H
#define FCGI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fcgi_type {
    FCGI_BEGIN_REQUEST = 1,
    FCGI_ABORT_REQUEST,
    FCGI_END_REQUEST,
    FCGI_PARAMS,
    FCGI_STDIN,
    FCGI_STDOUT,
    FCGI_STDERR,
    FCGI_DATA,
    FCGI_GET_VALUES,
    FCGI_GET_VALUES_RESULT,
    FCGI_UNKNOWN_TYPE,
};

enum { FCGI_RESPONDER = 1, FCGI_KEEP_CONN = 1 }; /* a role; a flag */

enum fcgi_protocol_status { FCGI_REQUEST_COMPLETE, FCGI_CANT_MPX_CONN, FCGI_OVERLOADED, FCGI_UNKNOWN_ROLE };

enum {
    FCGI_HEADER_SIZE = 8,
    FCGI_BODY_SIZE = 8, /* of BEGIN_REQUEST, END_REQUEST, UNKNOWN_TYPE */
    FCGI_CONTENT_MAX = 65535,
    FCGI_PADDING_MAX = 255,
};

struct fcgi_header {
    uint8_t type;     /* enum fcgi_type, or whatever the peer has sent */
    uint16_t request; /* 0: the record is about the connection */
    uint16_t length;  /* bytes of content */
    uint8_t padding;  /* bytes after it, without meaning */
};

void fcgi_put_header(uint8_t out[FCGI_HEADER_SIZE], const struct fcgi_header *header);
/* False: it is of another version than 1, so nothing that follows can be read either. */
bool fcgi_get_header(const uint8_t in[FCGI_HEADER_SIZE], struct fcgi_header *ret);

struct fcgi_begin {
    uint16_t role;
    uint8_t flags;
};
void fcgi_put_begin(uint8_t out[FCGI_BODY_SIZE], const struct fcgi_begin *begin);
void fcgi_get_begin(const uint8_t in[FCGI_BODY_SIZE], struct fcgi_begin *ret);

struct fcgi_end {
    uint32_t app_status;     /* of the application, as exit(2) would have it */
    uint8_t protocol_status; /* enum fcgi_protocol_status */
};
void fcgi_put_end(uint8_t out[FCGI_BODY_SIZE], const struct fcgi_end *end);
void fcgi_get_end(const uint8_t in[FCGI_BODY_SIZE], struct fcgi_end *ret);

/* --- name-value pairs (section 3.4) */

enum { FCGI_PAIR_HEAD_MAX = 8 }; /* the two lengths */

/* Writes the two lengths, and returns how many bytes they took: name and value follow, without terminators. Neither may
 * have more than INT32_MAX bytes. */
size_t fcgi_put_pair_head(uint8_t out[FCGI_PAIR_HEAD_MAX], size_t name_length, size_t value_length);

struct fcgi_pair {
    const uint8_t *name, *value; /* in the bytes that were read; not terminated */
    size_t name_length, value_length;
};

/* Takes one pair off the front of `length` bytes. How many bytes it took; 0: there is none that is whole. */
size_t fcgi_get_pair(const uint8_t *in, size_t length, struct fcgi_pair *ret);

#endif
