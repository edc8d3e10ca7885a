/* The response under construction: status, headers and body, held until the first byte leaves so that an error can
 * still replace them. Nothing here touches a socket; net/ sends what is here. One thread at a time. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "http/conditional.h"
#include "http/field.h"

enum response_body { RESPONSE_TEXT, RESPONSE_FILE, RESPONSE_STREAM };

struct response_header {
    struct response_header *next;
    struct field field;
};

struct response {
    struct arena *arena; /* the request's */
    int status;          /* 0: not set */
    bool begun;          /* the first byte has left */
    bool touched;        /* the handler has set or written something */
    int failed;          /* NGI code of a write that did not fit: the body lacks a piece; NGI_OK: none */
    /* Two headers that nearly every response has, and the host has to know, stand apart from the list. */
    const char *type; /* Content-Type; NULL: not set */
    int64_t declared; /* Content-Length as the handler set it; -1: not set */
    struct response_header *headers, **headers_end;
    size_t head_size; /* bytes of header lines so far */

    enum response_body kind;
    struct buffer text; /* RESPONSE_TEXT */
    int fd;             /* RESPONSE_FILE: ours until net takes it */
    bool foreign;       /* another process has handed it over: asking its file system, or closing it, may wait */
    int64_t offset, length;
    int64_t (*next)(void *arg, void *buf, size_t n); /* RESPONSE_STREAM */
    void (*close)(void *arg);
    void *arg;

    bool conditional; /* the handler asked for conditional and range requests */
    struct validators validators;
};

/* `most`: bytes that may be written into memory. */
void response_init(struct response *response, struct arena *arena, size_t most);
/* Forgets everything, closing a file or stream, for an error to replace it or for the next request. */
void response_reset(struct response *response);
void response_free(struct response *response);
/* Forgets the body alone, and a length declared for it. */
void response_drop_body(struct response *response);

/* As ngi_status, ngi_header (`value` NULL removes), ngi_add_header, ngi_start_response. */
int response_status(struct response *response, int status);
int response_set_header(struct response *response, const char *name, const char *value);
int response_add_header(struct response *response, const char *name, const char *value);
int response_start(struct response *response, const char *status_line, const char *const *headers);

/* The value of a header of the list (not Content-Type or Content-Length); NULL without it. */
const char *response_get_header(const struct response *response, const char *name);

/* Sets the Content-Type alone: as response_set_header does by that name, without looking for it. */
int response_set_type(struct response *response, const char *type);
/* Sets the Content-Type from a string that outlives the response, or NULL: for the gateway's own. */
void response_set_own_type(struct response *response, const char *type);

/* As ngi_write, ngi_printf, ngi_send_file, ngi_send_stream. */
int response_write(struct response *response, const void *data, size_t n);
int response_vprintf(struct response *response, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int response_send_file(struct response *response, int fd, int64_t offset, int64_t length);
int response_send_stream(struct response *response, int64_t (*next)(void *arg, void *buf, size_t n),
                         void (*close)(void *arg), void *arg);

/* Bytes of the body as it stands; -1: unknown (a stream without Content-Length). */
int64_t response_length(const struct response *response);

#endif
