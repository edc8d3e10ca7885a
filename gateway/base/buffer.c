#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"

enum { FIRST_CAPACITY = 1024 };

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){ .limit = limit < SIZE_MAX ? limit : SIZE_MAX - 1 };
}

int buffer_reserve(struct buffer *buffer, size_t n)
{
    if (n > buffer->limit - buffer->length)
        return NGI_ETOOBIG;
    if (buffer->capacity > buffer->length + n)
        return NGI_OK;
    /* One byte more than may be held, for the NUL that vsnprintf writes behind. */
    size_t wanted = buffer->length + n + 1;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < wanted)
        capacity = capacity > buffer->limit / 2 ? buffer->limit + 1 : capacity * 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return NGI_ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return NGI_OK;
}

int buffer_append(struct buffer *buffer, const void *data, size_t n)
{
    if (n == 0)
        return NGI_OK;
    int rc = buffer_reserve(buffer, n);
    if (rc != NGI_OK)
        return rc;
    memcpy(buffer->data + buffer->length, data, n);
    buffer->length += n;
    return NGI_OK;
}

int buffer_vprintf(struct buffer *buffer, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    /* The usual line fits what is there already, and is then formatted once. */
    size_t room = buffer->capacity - buffer->length;
    int n = vsnprintf(room ? buffer->data + buffer->length : NULL, room, fmt, ap);
    int rc = n < 0 ? NGI_EINVAL : NGI_OK;
    if (rc == NGI_OK) {
        rc = buffer_reserve(buffer, (size_t)n);
        if (rc == NGI_OK && (size_t)n >= room)
            vsnprintf(buffer->data + buffer->length, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (rc == NGI_OK)
        buffer->length += (size_t)n;
    return rc;
}

int buffer_printf(struct buffer *buffer, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = buffer_vprintf(buffer, fmt, ap);
    va_end(ap);
    return rc;
}

void buffer_reset(struct buffer *buffer, size_t keep)
{
    buffer->length = 0;
    if (buffer->capacity > keep)
        buffer_free(buffer);
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->limit);
}
