#include "fcgi/requester.h"

#include <string.h>

#include "sdk/ngi.h"

static int put_header(struct buffer *out, uint16_t request, uint8_t type, size_t n)
{
    const struct fcgi_header header = { .type = type, .request = request, .length = (uint16_t)n };
    uint8_t bytes[FCGI_HEADER_SIZE];
    fcgi_put_header(bytes, &header);
    return buffer_append(out, bytes, sizeof bytes);
}

/* NULL; or why nothing that follows can be read. */
static const char *check_header(const struct fcgi_header *header, bool version)
{
    bool known = header->type == FCGI_STDOUT || header->type == FCGI_STDERR || header->type == FCGI_END_REQUEST;
    if (!version)
        return "a record of another version than 1";
    if (known && header->request == 0)
        return "a record for no request";
    if (header->type == FCGI_END_REQUEST && header->length != FCGI_BODY_SIZE)
        return "an FCGI_END_REQUEST of another length than 8";
    return NULL;
}

static void start_record(struct requester *requester)
{
    bool version = fcgi_get_header(requester->head, &requester->header);
    requester->broken = check_header(&requester->header, version);
    requester->left = requester->header.length;
    requester->padding = requester->header.padding;
}

/* Takes a piece of the content: the event, if it makes one. */
static void take_content(struct requester *requester, const uint8_t *in, size_t n, struct requester_event *ret)
{
    switch (requester->header.type) {
    case FCGI_STDOUT:
    case FCGI_STDERR:
        ret->kind = requester->header.type == FCGI_STDOUT ? REQUESTER_STDOUT : REQUESTER_STDERR;
        ret->data = in;
        ret->length = n;
        break;
    case FCGI_END_REQUEST: memcpy(requester->end + FCGI_BODY_SIZE - requester->left, in, n); break;
    default: break; /* section 3.3: of a type that we did not ask for */
    }
    requester->left -= n;
}

/* All of a record has been taken, its padding too: what is told as ended leaves nothing on the connection. */
static void end_record(struct requester *requester, struct requester_event *ret)
{
    requester->head_length = 0;
    if (requester->header.type != FCGI_END_REQUEST)
        return;
    ret->kind = REQUESTER_END;
    fcgi_get_end(requester->end, &ret->end);
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* ---------------------------------------------------------------------------------------------------------- */

int requester_put_begin(struct buffer *out, uint16_t request)
{
    const struct fcgi_begin begin = { .role = FCGI_RESPONDER, .flags = FCGI_KEEP_CONN };
    uint8_t body[FCGI_BODY_SIZE];
    fcgi_put_begin(body, &begin);
    int rc = put_header(out, request, FCGI_BEGIN_REQUEST, sizeof body);
    return rc == NGI_OK ? buffer_append(out, body, sizeof body) : rc;
}

int requester_put_pair(struct buffer *pairs, const char *name, size_t name_length, const char *value,
                       size_t value_length)
{
    int rc = buffer_reserve(pairs, FCGI_PAIR_HEAD_MAX + name_length + value_length);
    if (rc != NGI_OK)
        return rc;
    uint8_t *at = (uint8_t *)pairs->data + pairs->length;
    size_t n = fcgi_put_pair_head(at, name_length, value_length);
    memcpy(at + n, name, name_length);
    memcpy(at + n + name_length, value, value_length);
    pairs->length += n + name_length + value_length;
    return NGI_OK;
}

int requester_put_params(struct buffer *out, uint16_t request, const struct buffer *pairs)
{
    size_t at = 0, n;
    int rc;
    do { /* the last record is empty (section 3.3) */
        n = at_most(pairs->length - at, FCGI_CONTENT_MAX);
        rc = put_header(out, request, FCGI_PARAMS, n);
        if (rc == NGI_OK && n > 0)
            rc = buffer_append(out, pairs->data + at, n);
        at += n;
    } while (n > 0 && rc == NGI_OK);
    return rc;
}

int requester_put_stdin(struct buffer *out, uint16_t request, size_t n)
{
    return put_header(out, request, FCGI_STDIN, n);
}

int requester_put_abort(struct buffer *out, uint16_t request, uint8_t why)
{
    int rc = buffer_reserve(out, FCGI_HEADER_SIZE + 1); /* all of it or nothing */
    if (rc == NGI_OK)
        rc = put_header(out, request, FCGI_ABORT_REQUEST, why != 0);
    return rc == NGI_OK && why ? buffer_append(out, &why, 1) : rc;
}

size_t requester_take(struct requester *requester, const uint8_t *in, size_t n, struct requester_event *ret)
{
    size_t at = 0;
    *ret = (struct requester_event){ .kind = REQUESTER_NOTHING };
    while (at < n && !requester->broken && ret->kind == REQUESTER_NOTHING) {
        size_t piece;
        if (requester->head_length < FCGI_HEADER_SIZE) {
            piece = at_most(n - at, FCGI_HEADER_SIZE - requester->head_length);
            memcpy(requester->head + requester->head_length, in + at, piece);
            requester->head_length += piece;
            if (requester->head_length == FCGI_HEADER_SIZE)
                start_record(requester);
        } else if (requester->left > 0) {
            piece = at_most(n - at, requester->left);
            take_content(requester, in + at, piece, ret);
        } else {
            piece = at_most(n - at, requester->padding);
            requester->padding -= piece;
        }
        at += piece;
        if (!requester->broken && requester->head_length == FCGI_HEADER_SIZE && requester->left == 0 &&
            requester->padding == 0)
            end_record(requester, ret);
    }
    ret->request = requester->header.request;
    if (requester->broken) {
        ret->kind = REQUESTER_BROKEN;
        ret->why = requester->broken;
    }
    return at;
}
