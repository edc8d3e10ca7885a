/* HTTP clients for tests: libcurl for what clients do, a raw socket for what they should not do. Any thread may use
 * them; one that fails an assertion fails the test. */
#ifndef TESTS_HARNESS_CLIENT_H
#define TESTS_HARNESS_CLIENT_H

#include <stddef.h>

struct reply {
    long status;
    char *head;   /* status line and headers as they came, of the final response; NUL-terminated, never NULL */
    char *body;   /* NUL-terminated too */
    size_t length;
    int error;    /* a CURLcode; 0: fine */
    int interim;  /* 1xx responses that came before */
};

/* One request on a connection of its own. `url`: "http://HOST:PORT" or "unix:PATH"; `path` as it stands, dots and all.
 * `method` NULL: GET. `headers`: NULL, or lines ended by NULL; Content-Type and Expect only where they are among them.
 * `data` NULL: no body. */
void fetch(struct reply *reply, const char *url, const char *path, const char *method, const char *const *headers,
           const void *data, size_t length);
void reply_free(struct reply *reply);
/* The value of a header (in any case; the first of that name), or NULL. Static storage of the thread, the last eight
 * calls. */
const char *reply_header(const struct reply *reply, const char *name);
/* The same of a response that raw_… returned. */
const char *head_value(const char *head, const char *name);

/* Several requests on one kept-alive connection: begin, fetch_on as often as wanted, end. */
struct session;
struct session *session_begin(const char *url);
void fetch_on(struct session *session, struct reply *reply, const char *path, const char *method,
              const char *const *headers, const void *data, size_t length);
/* TCP connections it has had to open. */
long session_connections(const struct session *session);
void session_end(struct session *session);

/* A TCP connection to 127.0.0.1:port. */
int raw_connect(int port);
void raw_send(int fd, const void *data, size_t length);
/* A byte at a time, until there is an answer: the rest might meet a reset. */
void raw_send_byte_by_byte(int fd, const char *text);
/* Reads until the peer closes (or resets); fails the test if nothing comes for 60 s. NUL-terminated, malloc'ed. */
char *raw_read_all(int fd, size_t *ret_length);
/* Reads one response (head, and the body by Content-Length or decoded from chunks); NUL-terminated, malloc'ed; NULL if
 * the peer closed before its end. `head_only`: of a HEAD. A 1xx is a response too. */
char *raw_read_response(int fd, int head_only);

#endif
