/* SPDX-License-Identifier: MIT
 *
 * params.c - see params.h.
 */
#include "params.h"

#include "fcgi/record.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 4096 };

static uint8_t *reserve(struct params *params, size_t n)
{
    size_t room = params->room ? params->room : ROOM_FIRST;

    while (room - params->size < n)
        room *= 2;
    if (!params->failed && room != params->room) {
        uint8_t *data = realloc(params->data, room);
        params->failed = data == NULL;
        if (data) {
            params->data = data;
            params->room = room;
        }
    }
    return params->failed ? NULL : params->data + params->size;
}

static void put_header(struct params *params, uint8_t type, size_t length)
{
    uint8_t *out = reserve(params, FCGI_HEADER_SIZE);
    struct fcgi_header header = { .type = type, .request = PARAMS_REQUEST_ID, .length = (uint16_t)length };

    if (!out)
        return;
    fcgi_put_header(out, &header);
    params->record = params->size;
    params->size += FCGI_HEADER_SIZE;
}

/* Bytes of the stream FCGI_PARAMS, which records may cut anywhere. */
static void put(struct params *params, const void *data, size_t n)
{
    const uint8_t *from = data;

    while (n > 0 && !params->failed) {
        size_t filled = params->record ? params->size - params->record - FCGI_HEADER_SIZE : FCGI_CONTENT_MAX;
        size_t length = n < FCGI_CONTENT_MAX - filled ? n : FCGI_CONTENT_MAX - filled;
        uint8_t *out;
        if (!length) {
            put_header(params, FCGI_PARAMS, 0);
            continue;
        }
        out = reserve(params, length);
        if (!out)
            return;
        memcpy(out, from, length);
        params->size += length;
        from += length;
        n -= length;

        struct fcgi_header header = { .type = FCGI_PARAMS,
                                      .request = PARAMS_REQUEST_ID,
                                      .length = (uint16_t)(filled + length) };
        fcgi_put_header(params->data + params->record, &header);
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void params_init(struct params *params, bool keep)
{
    struct fcgi_begin begin = { .role = FCGI_RESPONDER, .flags = keep ? FCGI_KEEP_CONN : 0 };

    *params = (struct params){ .data = NULL };
    put_header(params, FCGI_BEGIN_REQUEST, FCGI_BODY_SIZE);
    uint8_t *out = reserve(params, FCGI_BODY_SIZE);
    if (out) {
        fcgi_put_begin(out, &begin);
        params->size += FCGI_BODY_SIZE;
    }
    params->record = 0;
}

void params_free(struct params *params)
{
    free(params->data);
    params->data = NULL;
}

void params_add(struct params *params, const char *name, const char *value)
{
    uint8_t lengths[FCGI_PAIR_HEAD_MAX];
    size_t name_length = strlen(name), value_length = strlen(value);

    put(params, lengths, fcgi_put_pair_head(lengths, name_length, value_length));
    put(params, name, name_length);
    put(params, value, value_length);
}

bool params_end(struct params *params)
{
    put_header(params, FCGI_PARAMS, 0);
    return !params->failed;
}
