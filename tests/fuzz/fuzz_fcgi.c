/* Any bytes as what a web server sends on a FastCGI connection: the responder, and requests made of the variables. The
 * first byte says how large the pieces are in which the rest comes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/responder.h"
#include "http/cgi.h"
#include "http/environ.h"
#include "tests/fuzz/fuzz.h"

struct state {
    struct responder responder;
    struct request *request;
    struct cgi cgi;
    bool mounted;
};

/* What a handler would look at has to be there, and to be text. */
static int look(void *arg, const char *name, const char *value)
{
    (void)arg;
    FUZZ_ASSERT(strlen(name) > 0);
    FUZZ_ASSERT(!strpbrk(value, "\r\n") || strcmp(name, "PATH_INFO") == 0); /* which has been decoded */
    return 0;
}

static void make(struct state *state)
{
    struct request *request = state->request;
    const char *why;
    int status = cgi_make(&state->cgi, request, state->mounted, &why);
    FUZZ_ASSERT(status == 0 || status == 400 || status == 503);
    if (status)
        return;
    FUZZ_ASSERT(request->target.path[0] == '/' || request->target.asterisk);
    FUZZ_ASSERT(strlen(request->target.path) == request->target.path_length);
    FUZZ_ASSERT(request->base_length < request->target.path_length || request->base_length == 0);
    FUZZ_ASSERT(request_own(request) == NGI_OK);
    request->path_info = request->target.path + request->base_length;
    (void)environ_each(request, look, NULL);
    (void)request_query(request);
    (void)request_cookies(request);
}

static void end(struct state *state)
{
    uint8_t out[RESPONDER_END_SIZE];
    responder_put_end(&state->responder, 0, out);
    FUZZ_ASSERT(!responder_is_busy(&state->responder));
    request_reset(state->request);
}

static void heed(struct state *state, const struct responder_event *event)
{
    const struct body_limits limits = { 1 << 20, 1 << 20, "/tmp" };
    switch (event->kind) {
    case RESPONDER_BEGIN: cgi_begin(&state->cgi); break;
    case RESPONDER_PARAM:
        cgi_put(&state->cgi, state->request, (const char *)event->pair.name, event->pair.name_length,
                (const char *)event->pair.value, event->pair.value_length);
        break;
    case RESPONDER_PARAMS_END:
        if (!event->overflow)
            make(state);
        break;
    case RESPONDER_STDIN: (void)body_append(&state->request->body, &limits, event->data, event->length); break;
    case RESPONDER_STDIN_END:
        (void)request_parse_form(state->request);
        end(state);
        break;
    case RESPONDER_ABORT: end(state); break;
    case RESPONDER_REPLY:
    case RESPONDER_HANG_UP: FUZZ_ASSERT(event->length <= RESPONDER_REPLY_MOST); break;
    case RESPONDER_NOTHING:
    case RESPONDER_BROKEN: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct responder_values values = { 64, 4 };
    struct state state = { .mounted = size > 0 && data[0] & 0x80, .request = request_new(1 << 16) };
    struct responder_event event = { .kind = RESPONDER_NOTHING };
    size_t step = size > 0 ? (data[0] & 0x7f) + 1u : 1;
    FUZZ_ASSERT(state.request != NULL);
    responder_init(&state.responder, values);
    for (size_t at = 1; at < size && event.kind != RESPONDER_BROKEN;) {
        size_t n = size - at < step ? size - at : step, used = 0;
        do {
            used += responder_take(&state.responder, data + at + used, n - used, &event);
            FUZZ_ASSERT(used <= n);
            heed(&state, &event);
        } while (event.kind != RESPONDER_NOTHING && event.kind != RESPONDER_BROKEN);
        FUZZ_ASSERT(used == n || event.kind == RESPONDER_BROKEN);
        at += n;
    }
    responder_free(&state.responder);
    request_free(state.request);
    return 0;
}
