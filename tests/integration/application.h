/* A FastCGI application that a test plays itself, record by record: so it is as slow, as hasty or as wrong as the test
 * wants, and nothing has to be waited for but what comes. */
#ifndef TESTS_INTEGRATION_APPLICATION_H
#define TESTS_INTEGRATION_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Serves plugins/fastcgi.so with its socket in the scratch directory, on which the application listens. Ends with NULL:
 * further arguments of the gateway. */
void application_serve(const char *const *more);
#define APPLICATION(...) application_serve(LIST(__VA_ARGS__))
/* The same over TCP, at 127.0.0.1 or [::1] with a free port. False: this machine has no such address. */
bool application_serve_tcp(const char *host);

/* The next connection of the gateway. */
int application_accept(void);
/* Whether one is there that was not accepted. */
bool application_is_wanted(void);
/* Waits until one is. */
void application_await(void);
/* From now on it has room for a single connection that was not accepted. */
void application_shrink(void);
/* Nobody listens any more. */
void application_close(void);

/* What the gateway has asked. */
struct asked {
    char *variables; /* lines NAME=value; NULL: it has closed the connection */
    unsigned flags;  /* of FCGI_BEGIN_REQUEST */
};
/* Reads FCGI_BEGIN_REQUEST and FCGI_PARAMS. */
void application_read(int fd, struct asked *ret);
/* The value of a variable; NULL without it. Static storage, the last eight. */
const char *asked_for(const struct asked *asked, const char *name);

/* The next record: its type, with up to `size` bytes of content in `data`; -1: the connection is closed. */
int application_record(int fd, void *data, size_t size, size_t *ret_length);
/* Reads FCGI_STDIN to its end: malloc'ed, terminated. */
char *application_body(int fd, size_t *ret_length);
/* FCGI_ABORT_REQUEST comes, and the end of the connection. */
void application_expect_abort(int fd);
/* Only the end of the connection. */
void application_expect_end(int fd);
/* That, after whatever else. */
void application_drain(int fd);

/* Reads a whole request without a body. */
void application_take(int fd, struct asked *ret);

/* Sends a record as it is told. */
void application_send(int fd, uint8_t version, uint8_t type, uint16_t request, const void *data, uint16_t length,
                      uint8_t padding);
/* FCGI_STDOUT, FCGI_STDERR, in as many records as are needed. */
void application_say(int fd, const char *text);
void application_write(int fd, const void *data, size_t length);
void application_complain(int fd, const char *text);
/* FCGI_END_REQUEST. */
void application_end(int fd, uint8_t protocol_status);
/* The text, which is short, and the end: as one, so that it comes as one. */
void application_answer(int fd, const char *text);

#endif
