/* HTTP clients for tests: libcurl for what clients do, a raw socket for what they should not do. */
#ifndef TESTS_HARNESS_CLIENT_H
#define TESTS_HARNESS_CLIENT_H

#include <stddef.h>

struct reply {
    long status;
    char *head;   /* status line and headers as they came, NUL-terminated */
    char *body;   /* NUL-terminated too */
    size_t length;
    int error;    /* a CURLcode; 0: fine */
};

/* One request. `method` NULL: GET. `headers`: NULL, or lines ended by NULL. `data` NULL: no body. */
void fetch(struct reply *reply, const char *url, const char *path, const char *method, const char *const *headers,
           const void *data, size_t length);
void reply_free(struct reply *reply);
/* The value of a header (in any case; the first of that name), or NULL: static storage. */
const char *reply_header(const struct reply *reply, const char *name);

/* A TCP connection to 127.0.0.1:port. */
int raw_connect(int port);
void raw_send(int fd, const void *data, size_t length);
/* Reads until the peer closes, at most 10 s; NUL-terminated, malloc'ed. */
char *raw_read_all(int fd, size_t *ret_length);
/* Reads one response (head, and the body by Content-Length or chunks); NUL-terminated, malloc'ed; NULL if the peer closed
 * before its end. `head_only`: of a HEAD. */
char *raw_read_response(int fd, int head_only);

#endif
