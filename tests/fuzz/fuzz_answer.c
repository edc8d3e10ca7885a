/* Any bytes as what a host process answers: the requester, and the head of a response. The first byte says how large the
 * pieces are in which the rest comes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/requester.h"
#include "http/cgi_response.h"
#include "http/head.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD_MOST = 128 * 1024 }; /* as run/remote has it */

struct state {
    struct requester requester;
    struct request *request, *again;
    struct buffer head;
    bool headed, broken;
};

/* What goes out to a client is what a handler might have said. */
static void look(const struct response *response)
{
    FUZZ_ASSERT(response->status >= 200 && response->status <= 599);
    FUZZ_ASSERT(response->declared >= -1);
    FUZZ_ASSERT(response->kind == RESPONSE_TEXT && response->text.length == 0);
    FUZZ_ASSERT(!response->type || field_is_value(response->type, strlen(response->type)));
    for (const struct response_header *header = response->headers; header; header = header->next) {
        const struct field *field = &header->field;
        FUZZ_ASSERT(strlen(field->name) == field->name_length && strlen(field->value) == field->value_length);
        FUZZ_ASSERT(field_is_token(field->name, field->name_length));
        FUZZ_ASSERT(field_is_value(field->value, field->value_length));
        FUZZ_ASSERT(!field_is_hop_by_hop(field->name));
    }
}

/* Written as a host process would, it is read as the same. */
static void repeat(struct state *state)
{
    const struct response *first = &state->request->response, *second = &state->again->response;
    struct buffer text;
    struct cgi_body body;
    buffer_init(&text, SIZE_MAX);
    state->request->method = NGI_HEAD; /* a length may be declared without a body */
    FUZZ_ASSERT(head_write(&text, "Status:", state->request) == NGI_OK);
    FUZZ_ASSERT(cgi_response_head(text.data, text.length) == text.length);
    FUZZ_ASSERT(cgi_response_read(&state->again->response, &body, text.data, text.length) == NGI_OK);
    buffer_free(&text);
    FUZZ_ASSERT(first->status == second->status && first->head_size == second->head_size);
    FUZZ_ASSERT(!first->type == !second->type && (!first->type || strcmp(first->type, second->type) == 0));
    const struct response_header *a = first->headers, *b = second->headers;
    for (; a && b; a = a->next, b = b->next)
        FUZZ_ASSERT(strcmp(a->field.name, b->field.name) == 0 && strcmp(a->field.value, b->field.value) == 0);
    FUZZ_ASSERT(!a && !b);
}

static void take_stdout(struct state *state, const uint8_t *data, size_t n)
{
    if (state->headed)
        return;
    state->broken = state->head.length + n > HEAD_MOST;
    FUZZ_ASSERT(buffer_append(&state->head, data, n) == NGI_OK);
    size_t length = cgi_response_head(state->head.data, state->head.length);
    FUZZ_ASSERT(length <= state->head.length);
    if (length == 0 || state->broken)
        return;
    state->headed = true;
    struct cgi_body body;
    state->broken = cgi_response_read(&state->request->response, &body, state->head.data, length) != NGI_OK;
    if (state->broken)
        return;
    FUZZ_ASSERT(body.kind == CGI_BODY_FILE ? body.offset >= 0 && body.length >= 0 : body.offset == 0);
    look(&state->request->response);
    repeat(state);
}

/* Ready for the next call. */
static void end(struct state *state)
{
    state->requester = (struct requester){ 0 };
    request_reset(state->request);
    request_reset(state->again);
    buffer_reset(&state->head, 0);
    state->headed = false;
}

static void heed(struct state *state, const struct requester_event *event, const uint8_t *in, size_t n)
{
    switch (event->kind) {
    case REQUESTER_STDOUT:
    case REQUESTER_STDERR:
        FUZZ_ASSERT(event->length > 0 && event->length <= n);
        FUZZ_ASSERT(event->data >= in && event->data + event->length <= in + n);
        if (event->kind == REQUESTER_STDOUT)
            take_stdout(state, event->data, event->length);
        break;
    case REQUESTER_END:
        FUZZ_ASSERT(state->requester.head_length == 0);
        end(state);
        break;
    case REQUESTER_BROKEN:
        FUZZ_ASSERT(strlen(event->why) > 0);
        state->broken = true;
        break;
    case REQUESTER_NOTHING: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state state = { .request = request_new(1 << 16), .again = request_new(1 << 16) };
    struct requester_event event;
    size_t step = size > 0 ? data[0] + 1u : 1;
    FUZZ_ASSERT(state.request && state.again);
    buffer_init(&state.head, SIZE_MAX);
    for (size_t at = 1; at < size && !state.broken;) {
        size_t n = size - at < step ? size - at : step;
        size_t used = requester_take(&state.requester, data + at, n, &event);
        FUZZ_ASSERT(used <= n && (used > 0 || event.kind == REQUESTER_BROKEN));
        FUZZ_ASSERT(used == n || event.kind != REQUESTER_NOTHING);
        heed(&state, &event, data + at, n);
        at += used;
    }
    buffer_free(&state.head);
    request_free(state.request);
    request_free(state.again);
    return 0;
}
