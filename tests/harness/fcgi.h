/* FastCGI from the web server's side, for tests: records put together by hand, with nothing of ours, and what comes back
 * taken apart. */
#ifndef TESTS_HARNESS_FCGI_H
#define TESTS_HARNESS_FCGI_H

#include <stddef.h>

/* Record types, as the specification numbers them. */
enum { R_BEGIN = 1, R_ABORT, R_END, R_PARAMS, R_STDIN, R_STDOUT, R_STDERR, R_DATA, R_VALUES, R_VALUES_RESULT, R_UNKNOWN };
enum { KEEP = 1, CLOSE = 0 }; /* FCGI_KEEP_CONN, or not */

/* Bytes to send. A zeroed one is empty. */
struct wire {
    unsigned char *data;
    size_t length;
};
void wire_add(struct wire *wire, const void *data, size_t n);
void wire_free(struct wire *wire);

/* A record of version 1, with so much padding. */
void wire_record(struct wire *wire, int type, int id, const void *content, size_t n, int padding);
void wire_begin(struct wire *wire, int id, int role, int flags);
/* Pairs as they stand in FCGI_PARAMS, without a record around them. */
void wire_pair(struct wire *pairs, const char *name, const char *value);
void wire_pair_n(struct wire *pairs, const char *name, size_t name_length, const char *value, size_t value_length);

/* All of a request, role Responder: "METHOD", "TARGET", further variables as "NAME=value" (NULL-terminated), and a body
 * with its CONTENT_LENGTH; NULL: none. */
void wire_request(struct wire *wire, int id, int flags, const char *method, const char *target,
                  const char *const *variables, const void *body, size_t length);
/* The same without FCGI_STDIN. */
void wire_head(struct wire *wire, int id, int flags, const char *method, const char *target,
               const char *const *variables);

/* What came for one request. */
struct answer {
    char *out, *err; /* NUL-terminated, never NULL */
    size_t length;   /* of out */
    const char *body; /* in out, behind the head; "" without one */
    int out_ended;   /* an empty FCGI_STDOUT record came */
    int ended;       /* FCGI_END_REQUEST came */
    int app_status, protocol_status;
};

int fcgi_connect(const char *url); /* "fcgi://127.0.0.1:PORT" or "unix:PATH" */
void fcgi_send(int fd, struct wire *wire); /* and empties it */
/* Reads records until FCGI_END_REQUEST of `id`, or the peer closes; fails the test if nothing comes for 60 s. Records of
 * other ids fail it too. */
void fcgi_read(int fd, int id, struct answer *answer);
/* Reads one record of any kind: its type; 0: the peer has closed. The content is malloc'ed. */
int fcgi_read_record(int fd, int *ret_id, unsigned char **ret_content, size_t *ret_length);
/* Reads FCGI_STDOUT of `id` until `text` has come. */
void fcgi_read_until(int fd, int id, struct answer *answer, const char *text);
/* Whether the peer closes, without a byte more. */
int fcgi_is_closed(int fd);
void answer_free(struct answer *answer);

#endif
