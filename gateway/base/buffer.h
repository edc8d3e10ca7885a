/* A growing byte buffer with a limit. One thread at a time. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct buffer {
    char *data; /* NULL until the first byte */
    size_t length, capacity;
    size_t limit; /* most bytes it may hold */
};

void buffer_init(struct buffer *buffer, size_t limit);

/* NGI_OK, NGI_ETOOBIG over the limit, NGI_ENOMEM; on an error nothing was appended. */
int buffer_append(struct buffer *buffer, const void *data, size_t n);
int buffer_printf(struct buffer *buffer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *buffer, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Room for `n` more bytes behind data + length; the caller then adds to length. Errors as above. */
int buffer_reserve(struct buffer *buffer, size_t n);

/* Empties it; memory up to `keep` bytes stays for the next round. */
void buffer_reset(struct buffer *buffer, size_t keep);
void buffer_free(struct buffer *buffer);

#endif
