#include "fcgi/responder.h"

#include <stdio.h>
#include <string.h>

#include "sdk/ngi.h"

/* --- replies ------------------------------------------------------------------------------------------------- */

static size_t put_record(uint8_t *out, uint8_t type, uint16_t request, const void *content, size_t n)
{
    const struct fcgi_header header = { .type = type, .request = request, .length = (uint16_t)n };
    fcgi_put_header(out, &header);
    if (n > 0)
        memcpy(out + FCGI_HEADER_SIZE, content, n);
    return FCGI_HEADER_SIZE + n;
}

static void reply(struct responder *responder, struct responder_event *ret, uint8_t type, uint16_t request,
                  const void *content, size_t n)
{
    ret->kind = RESPONDER_REPLY;
    ret->data = responder->reply;
    ret->length = put_record(responder->reply, type, request, content, n);
}

/* Refuses a request that is not the active one. */
static void refuse(struct responder *responder, struct responder_event *ret, enum fcgi_protocol_status why)
{
    uint8_t body[FCGI_BODY_SIZE];
    const struct fcgi_end end = { .protocol_status = (uint8_t)why };
    fcgi_put_end(body, &end);
    reply(responder, ret, FCGI_END_REQUEST, responder->header.request, body, sizeof body);
}

/* Section 4.1. Names that we do not know are left out of the result, as it says. */
static void answer_values(struct responder *responder, struct responder_event *ret)
{
    const struct {
        const char *name;
        unsigned value;
    } known[] = {
        { "FCGI_MAX_CONNS", responder->values.connections },
        { "FCGI_MAX_REQS", responder->values.requests },
        { "FCGI_MPXS_CONNS", 0 },
    };
    enum { KNOWN = sizeof known / sizeof *known };
    uint8_t content[RESPONDER_REPLY_MOST - FCGI_HEADER_SIZE];
    bool asked[KNOWN] = { false };
    size_t n = 0, at = 0, took;
    struct fcgi_pair pair;
    while ((took = fcgi_get_pair(responder->small + at, responder->small_length - at, &pair)) > 0) {
        at += took;
        for (size_t i = 0; i < KNOWN; i++)
            asked[i] |=
                pair.name_length == strlen(known[i].name) && memcmp(pair.name, known[i].name, pair.name_length) == 0;
    }
    for (size_t i = 0; i < KNOWN; i++) {
        char value[12];
        size_t name_length = strlen(known[i].name);
        int value_length = snprintf(value, sizeof value, "%u", known[i].value);
        if (!asked[i])
            continue;
        n += fcgi_put_pair_head(content + n, name_length, (size_t)value_length);
        memcpy(content + n, known[i].name, name_length);
        memcpy(content + n + name_length, value, (size_t)value_length);
        n += name_length + (size_t)value_length;
    }
    reply(responder, ret, FCGI_GET_VALUES_RESULT, 0, content, n);
}

/* --- records ------------------------------------------------------------------------------------------------- */

static void break_off(struct responder *responder, struct responder_event *ret, const char *why)
{
    responder->broken = true;
    ret->kind = RESPONDER_BROKEN;
    ret->why = why;
}

static void begin(struct responder *responder, struct responder_event *ret)
{
    struct fcgi_begin begin;
    if (responder->small_length != FCGI_BODY_SIZE) {
        break_off(responder, ret, "an FCGI_BEGIN_REQUEST of another length than 8");
        return;
    }
    fcgi_get_begin(responder->small, &begin);
    if (responder->header.request == responder->request) {
        break_off(responder, ret, "an FCGI_BEGIN_REQUEST for the request under way");
    } else if (responder->request) {
        refuse(responder, ret, FCGI_CANT_MPX_CONN);
    } else if (begin.role != FCGI_RESPONDER) {
        refuse(responder, ret, FCGI_UNKNOWN_ROLE);
        if (!(begin.flags & FCGI_KEEP_CONN))
            ret->kind = RESPONDER_HANG_UP;
    } else {
        responder->request = responder->header.request;
        responder->keeps = begin.flags & FCGI_KEEP_CONN;
        responder->stage = RESPONDER_IN_PARAMS;
        responder->overflow = false;
        responder->params.length = 0;
        ret->kind = RESPONDER_BEGIN;
    }
}

/* What a record of type `header.type` is for us. */
enum content {
    IGNORED, /* section 3.3: for a request that is not active; or what only a web server may get */
    SMALL,   /* looked at when it is whole, or as much of it as `small` has room for */
    PARAMS,
    STDIN,
};

static enum content kind_of(const struct responder *responder)
{
    const struct fcgi_header *header = &responder->header;
    /* Section 3.3: management records have a request id of 0; those of a type that is not known are answered. */
    if (header->request == 0 || header->type == FCGI_BEGIN_REQUEST)
        return SMALL;
    if (header->request != responder->request)
        return IGNORED;
    switch (header->type) {
    case FCGI_ABORT_REQUEST: return SMALL;
    case FCGI_PARAMS: return PARAMS;
    case FCGI_STDIN: return STDIN;
    default: return IGNORED;
    }
}

/* The content of a SMALL record is there. */
static void finish_small(struct responder *responder, struct responder_event *ret)
{
    const struct fcgi_header *header = &responder->header;
    if (header->request == 0 && header->type == FCGI_GET_VALUES) {
        answer_values(responder, ret);
    } else if (header->request == 0) {
        const uint8_t body[FCGI_BODY_SIZE] = { header->type };
        reply(responder, ret, FCGI_UNKNOWN_TYPE, 0, body, sizeof body);
    } else if (header->type == FCGI_BEGIN_REQUEST) {
        begin(responder, ret);
    } else {
        ret->kind = RESPONDER_ABORT;
        ret->data = responder->small;
        ret->length = responder->small_length;
    }
}

static void end_params(struct responder *responder)
{
    responder->stage = RESPONDER_IN_STDIN;
    responder->giving = true;
    responder->given = 0;
}

/* A header is complete: an empty record has its effect at once, a stream's is checked. */
static void start_record(struct responder *responder, struct responder_event *ret)
{
    if (!fcgi_get_header(responder->head, &responder->header)) {
        break_off(responder, ret, "a record of another version than 1");
        return;
    }
    responder->left = responder->header.length;
    responder->padding = responder->header.padding;
    responder->small_length = 0;
    switch (kind_of(responder)) {
    case SMALL:
        if (responder->left == 0)
            finish_small(responder, ret);
        break;
    case PARAMS:
        if (responder->stage != RESPONDER_IN_PARAMS)
            break_off(responder, ret, "FCGI_PARAMS after their end");
        else if (responder->left == 0)
            end_params(responder);
        break;
    case STDIN:
        if (responder->stage != RESPONDER_IN_STDIN) {
            break_off(responder, ret,
                      responder->stage == RESPONDER_IN_PARAMS ? "FCGI_STDIN before the end of FCGI_PARAMS"
                                                              : "FCGI_STDIN after its end");
        } else if (responder->left == 0) {
            responder->stage = RESPONDER_ALL_READ;
            ret->kind = RESPONDER_STDIN_END;
        }
        break;
    case IGNORED: break;
    }
}

static void take_small(struct responder *responder, const uint8_t *in, size_t n)
{
    size_t room = sizeof responder->small - responder->small_length;
    size_t kept = n < room ? n : room;
    memcpy(responder->small + responder->small_length, in, kept);
    responder->small_length += kept;
}

static void take_params(struct responder *responder, const uint8_t *in, size_t n)
{
    /* More than fits, or no memory for it: the request is refused when all of it has come. */
    if (!responder->overflow && buffer_append(&responder->params, in, n) != NGI_OK)
        responder->overflow = true;
}

/* Takes some of a record's content. */
static size_t take_content(struct responder *responder, const uint8_t *in, size_t n, struct responder_event *ret)
{
    n = n < responder->left ? n : responder->left;
    enum content kind = kind_of(responder);
    responder->left -= n;
    switch (kind) {
    case SMALL:
        take_small(responder, in, n);
        if (responder->left == 0)
            finish_small(responder, ret);
        break;
    case PARAMS: take_params(responder, in, n); break;
    case STDIN:
        ret->kind = RESPONDER_STDIN;
        ret->data = in;
        ret->length = n;
        break;
    case IGNORED: break;
    }
    return n;
}

static size_t take_head(struct responder *responder, const uint8_t *in, size_t n, struct responder_event *ret)
{
    size_t wanted = FCGI_HEADER_SIZE - responder->head_length;
    n = n < wanted ? n : wanted;
    memcpy(responder->head + responder->head_length, in, n);
    responder->head_length += n;
    if (responder->head_length == FCGI_HEADER_SIZE)
        start_record(responder, ret);
    return n;
}

/* The next parameter, or their end. */
static void give_param(struct responder *responder, struct responder_event *ret)
{
    const struct buffer *params = &responder->params;
    if (responder->overflow || responder->given == params->length) {
        responder->giving = false;
        ret->kind = RESPONDER_PARAMS_END;
        ret->overflow = responder->overflow;
        return;
    }
    size_t took =
        fcgi_get_pair((const uint8_t *)params->data + responder->given, params->length - responder->given, &ret->pair);
    responder->given += took;
    if (took == 0)
        break_off(responder, ret, "a parameter that is longer than all of them");
    else
        ret->kind = RESPONDER_PARAM;
}

/* ---------------------------------------------------------------------------------------------------------- */

void responder_init(struct responder *responder, struct responder_values values)
{
    *responder = (struct responder){ .values = values };
    buffer_init(&responder->params, RESPONDER_PARAMS_MOST);
}

void responder_free(struct responder *responder)
{
    buffer_free(&responder->params);
}

size_t responder_take(struct responder *responder, const uint8_t *in, size_t n, struct responder_event *ret)
{
    size_t at = 0;
    *ret = (struct responder_event){ .kind = RESPONDER_NOTHING };
    if (responder->broken) {
        break_off(responder, ret, "what follows cannot be read");
        return 0;
    }
    while (ret->kind == RESPONDER_NOTHING) {
        if (responder->giving) {
            give_param(responder, ret);
        } else if (at == n) {
            break;
        } else if (responder->head_length < FCGI_HEADER_SIZE) {
            at += take_head(responder, in + at, n - at, ret);
        } else if (responder->left > 0) {
            at += take_content(responder, in + at, n - at, ret);
        } else if (responder->padding > 0) {
            size_t skipped = n - at < responder->padding ? n - at : responder->padding;
            responder->padding -= skipped;
            at += skipped;
        }
        if (responder->head_length == FCGI_HEADER_SIZE && responder->left == 0 && responder->padding == 0)
            responder->head_length = 0;
    }
    return at;
}

void responder_put_header(const struct responder *responder, enum fcgi_type stream, size_t n,
                          uint8_t out[FCGI_HEADER_SIZE])
{
    const struct fcgi_header header = { .type = (uint8_t)stream, .request = responder->request, .length = (uint16_t)n };
    fcgi_put_header(out, &header);
}

void responder_put_end(struct responder *responder, uint32_t app_status, uint8_t out[RESPONDER_END_SIZE])
{
    enum { KEPT = 16 * 1024 };
    uint8_t body[FCGI_BODY_SIZE];
    const struct fcgi_end end = { .app_status = app_status, .protocol_status = FCGI_REQUEST_COMPLETE };
    fcgi_put_end(body, &end);
    size_t n = put_record(out, FCGI_STDOUT, responder->request, NULL, 0);
    put_record(out + n, FCGI_END_REQUEST, responder->request, body, sizeof body);
    responder->request = 0;
    responder->stage = RESPONDER_IDLE;
    responder->giving = false;
    buffer_reset(&responder->params, KEPT);
}
