/* Any handler's calls for a response, and any request that it answers: whatever is refused, what would go out has the
 * headers that were taken, each on a line of its own, and the length that it announces. A line is a call:
 *   Status, =Name: value (set), +Name: value (add), -Name (remove), !Status line (start_response, with the headers of
 *   the lines before that begin with a tab), .text (write), fOFFSET LENGTH (send a file), ~etag (conditional),
 *   <Name: value (a header of the request), mMETHOD, rCODE (what the handler returns, at last). */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "http/head.h"
#include "http/method.h"
#include "http/outcome.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { CALLS = 200, FILE_SIZE = 100, MOST = 4096, NOW = 1000000000 };

/* What a response has to hold: the same calls, done on plain lists. */
struct model {
    struct {
        const char *name, *value;
    } headers[CALLS + 3], start[CALLS];
    size_t count, start_count;
    const char *type;
    int64_t declared;
};

struct state {
    struct request *request;
    struct model model;
    char *lines[CALLS];
    size_t line_count;
    int result;
};

static const char hop_by_hop[] = "^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$";

static char *lower(const char *text)
{
    char *own = strdup(text);
    FUZZ_ASSERT(own);
    for (char *at = own; *at; at++)
        *at = (char)text_lower((unsigned char)*at);
    return own;
}

static bool is_value(const char *value)
{
    return fits(value, "^[^\001-\010\012-\037\177]*$");
}

/* Whether a header may be set; false: with what error otherwise. */
static bool may_set(const char *name, const char *value, int *ret_error)
{
    char *small = lower(name);
    bool good = fits(name, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") && is_value(value);
    *ret_error = NGI_EINVAL;
    if (good && fits(small, hop_by_hop)) {
        *ret_error = NGI_EPERM;
        good = false;
    }
    free(small);
    return good;
}

/* --- the calls, on both ----------------------------------------------------------------------------------------- */

static void forget_header(struct model *model, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->count; i++)
        if (strcasecmp(model->headers[i].name, name) != 0)
            model->headers[kept++] = model->headers[i];
    model->count = kept;
}

/* Content-Type and Content-Length stand apart; true: it was one of them. */
static bool put_apart(struct state *state, const char *name, const char *value, int rc)
{
    if (strcasecmp(name, "Content-Type") == 0) {
        FUZZ_ASSERT(rc == (!value || is_value(value) ? NGI_OK : NGI_EINVAL));
        if (rc == NGI_OK)
            state->model.type = value;
        return true;
    }
    if (strcasecmp(name, "Content-Length") != 0)
        return false;
    FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EINVAL || rc == NGI_ELENGTH);
    FUZZ_ASSERT(rc == NGI_EINVAL || !value || fits(value, "^[0-9]+$"));
    if (rc == NGI_OK)
        state->model.declared = value ? strtoll(value, NULL, 10) : -1;
    return true;
}

/* "Name: value"; the name is cut off in place. */
static const char *cut(char *text)
{
    char *colon = strstr(text, ": ");
    if (!colon)
        return NULL;
    *colon = '\0';
    return colon + 2;
}

static void set_header(struct state *state, char *text, bool add)
{
    struct model *model = &state->model;
    struct response *response = &state->request->response;
    const char *value = cut(text);
    int error;
    if (!value)
        return;
    int rc = add ? response_add_header(response, text, value) : response_set_header(response, text, value);
    if (put_apart(state, text, value, rc))
        return;
    FUZZ_ASSERT(rc == (may_set(text, value, &error) ? NGI_OK : error));
    if (rc != NGI_OK)
        return;
    if (!add)
        forget_header(model, text);
    model->headers[model->count].name = text;
    model->headers[model->count++].value = value;
}

static void remove_header(struct state *state, const char *name)
{
    int error, rc = response_set_header(&state->request->response, name, NULL);
    if (put_apart(state, name, NULL, rc))
        return;
    FUZZ_ASSERT(rc == (may_set(name, "", &error) ? NGI_OK : error));
    if (rc == NGI_OK)
        forget_header(&state->model, name);
}

static void keep_for_start(struct state *state, char *text)
{
    const char *value = cut(text);
    if (!value)
        return;
    state->model.start[state->model.start_count].name = text;
    state->model.start[state->model.start_count++].value = value;
}

/* What comes of each header alone is the affair of set_header: here, that all of them come or none. */
static void start(struct state *state, const char *line)
{
    struct model *model = &state->model;
    struct response *response = &state->request->response;
    const char *headers[2 * CALLS + 1], *type = NULL;
    size_t n = 0, kept = 0;
    int64_t declared = -1;
    int status = response->status, error;
    bool good = true;
    for (size_t i = 0; i < model->start_count; i++) {
        const char *name = model->start[i].name, *value = model->start[i].value;
        headers[n++] = name;
        headers[n++] = value;
        if (strcasecmp(name, "Content-Type") == 0)
            good &= is_value(type = value);
        else if (strcasecmp(name, "Content-Length") == 0)
            declared = strtoll(value, NULL, 10);
        else
            good &= may_set(name, value, &error);
    }
    headers[n] = NULL;
    int rc = response_start(response, line, headers);
    if (rc == NGI_OK) {
        FUZZ_ASSERT(good && fits(line, "^[2-5][0-9][0-9]( [^\001-\010\012-\037\177]*)?$"));
        model->type = type;
        model->declared = declared;
        for (size_t i = 0; i < model->start_count; i++)
            if (strcasecmp(model->start[i].name, "Content-Type") != 0 &&
                strcasecmp(model->start[i].name, "Content-Length") != 0) {
                model->headers[kept].name = model->start[i].name;
                model->headers[kept++].value = model->start[i].value;
            }
        model->count = kept;
    } else {
        FUZZ_ASSERT(response->status == status);
    }
    model->start_count = 0;
}

static void send_file(struct state *state, const char *text)
{
    int64_t offset, length;
    char *space = strchr(text, ' ');
    if (!space)
        return;
    *space = '\0';
    if (!text_to_int64(text, &offset) || !text_to_int64(space + 1, &length))
        return;
    int fd = memfd_create("file", MFD_CLOEXEC);
    FUZZ_ASSERT(fd >= 0 && ftruncate(fd, FILE_SIZE) == 0);
    int rc = response_send_file(&state->request->response, fd, offset, length);
    FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EINVAL || rc == NGI_ELENGTH);
    FUZZ_ASSERT(rc == NGI_OK || fcntl(fd, F_GETFD) < 0); /* it is taken in any case */
    if (rc == NGI_OK)
        FUZZ_ASSERT(offset >= 0 && offset <= FILE_SIZE && length <= FILE_SIZE - offset);
}

static void set_in_model(struct model *model, const char *name, const char *value)
{
    forget_header(model, name);
    model->headers[model->count].name = name;
    model->headers[model->count++].value = value;
}

static void ask(struct state *state, const char *etag)
{
    int rc = request_conditional(state->request, *etag ? etag : NULL, NOW);
    bool valid = !*etag || fits(etag, "^(W/)?\"[!#-~\200-\377]*\"$");
    FUZZ_ASSERT(valid ? rc == 0 || rc == 304 || rc == 412 : rc == NGI_EINVAL);
    if (!valid)
        return;
    if (*etag)
        set_in_model(&state->model, "ETag", etag);
    set_in_model(&state->model, "Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT");
    set_in_model(&state->model, "Accept-Ranges", "bytes");
}

static void add_request_header(struct state *state, char *text)
{
    const char *value = cut(text);
    int error;
    if (value && (may_set(text, value, &error) || error == NGI_EPERM))
        request_add_header(state->request, text, strlen(text), value, strlen(value));
}

static void call(struct state *state, char *line)
{
    struct response *response = &state->request->response;
    int64_t number;
    char *rest = line + 1;
    switch (*line) {
    case '=': set_header(state, rest, false); break;
    case '+': set_header(state, rest, true); break;
    case '-': remove_header(state, rest); break;
    case '\t': keep_for_start(state, rest); break;
    case '!': start(state, rest); break;
    case '.': (void)response_write(response, rest, strlen(rest)); break;
    case 'f': send_file(state, rest); break;
    case '~': ask(state, rest); break;
    case '<': add_request_header(state, rest); break;
    case 'm': state->request->method = method_bit(state->request->ngi.method = rest); break;
    case 'r':
        if (text_to_int64(rest, &number))
            state->result = (int)number;
        break;
    default:
        if (text_to_int64(line, &number))
            FUZZ_ASSERT(response_status(response, (int)number) ==
                        ((int)number >= 200 && (int)number <= 599 ? NGI_OK : NGI_EINVAL));
    }
}

/* --- what goes out ---------------------------------------------------------------------------------------------- */

/* A handler's response has the headers that the model has, in their order; those of the gateway may follow. */
static void check_list(const struct state *state)
{
    const struct response_header *header = state->request->response.headers;
    const struct model *model = &state->model;
    for (size_t i = 0; i < model->count; i++, header = header->next) {
        FUZZ_ASSERT(header && strcmp(header->field.name, model->headers[i].name) == 0);
        FUZZ_ASSERT(strcmp(header->field.value, model->headers[i].value) == 0);
    }
    FUZZ_ASSERT(!header);
}

static int64_t body_length(const struct request *request)
{
    const struct response *response = &request->response;
    if (response->kind == RESPONSE_FILE)
        FUZZ_ASSERT(response->offset >= 0 && response->length >= 0 && response->fd >= 0 &&
                    response->offset + response->length <= FILE_SIZE);
    return response->kind == RESPONSE_FILE ? response->length : (int64_t)response->text.length;
}

/* The lines of the head, as a client would read them. */
static void check_head(const struct request *request)
{
    const struct response *response = &request->response;
    size_t lines = 0, expected = 0, lengths = 0, types = 0;
    struct buffer text;
    buffer_init(&text, SIZE_MAX / 2);
    FUZZ_ASSERT(head_write(&text, "HTTP/1.1", request) == NGI_OK && buffer_append(&text, "", 1) == NGI_OK);
    FUZZ_ASSERT(strlen(text.data) == text.length - 1);
    for (char *line = text.data, *end; *line; line = end + 2) {
        end = strstr(line, "\r\n");
        FUZZ_ASSERT(end);
        *end = '\0';
        if (lines++ == 0) {
            FUZZ_ASSERT(fits(line, "^HTTP/1\\.1 [2-5][0-9][0-9] [A-Za-z -]+$"));
        } else if (*line) {
            FUZZ_ASSERT(fits(line, "^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\001-\010\012-\037\177]*$"));
            char *name = strndup(line, strcspn(line, ":")), *small = name ? lower(name) : NULL;
            FUZZ_ASSERT(small && !fits(small, hop_by_hop));
            types += strcmp(small, "content-type") == 0;
            if (strcmp(small, "content-length") == 0) {
                int64_t length;
                FUZZ_ASSERT(text_to_int64(line + strlen("content-length: "), &length) && lengths++ == 0);
                FUZZ_ASSERT(length == body_length(request) || request->method == NGI_HEAD);
            }
            free(small);
            free(name);
        } else {
            FUZZ_ASSERT(end + 2 == text.data + text.length - 1); /* nothing behind the empty line */
        }
    }
    for (const struct response_header *header = response->headers; header; header = header->next)
        expected++;
    FUZZ_ASSERT(lines == 2 + expected + lengths + types && types <= 1 && types == (response->type != NULL));
    buffer_free(&text);
}

/* A 206 is what it says, and a 416 says how much there would be. */
static void check_range(struct request *request, int status)
{
    const struct response *response = &request->response;
    const char *range = response_get_header(response, "Content-Range");
    long long first, last, size;
    if (response->status == 206 && status == 200) {
        FUZZ_ASSERT(range && sscanf(range, "bytes %lld-%lld/%lld", &first, &last, &size) == 3);
        FUZZ_ASSERT(first >= 0 && first <= last && last < size && size <= FILE_SIZE);
        FUZZ_ASSERT(response->length == last - first + 1 && request_header(request, "Range"));
    }
    if (response->status == 416 && status == 200)
        FUZZ_ASSERT(range && sscanf(range, "bytes */%lld", &size) == 1 && size <= FILE_SIZE);
}

static void settle(struct state *state)
{
    struct request *request = state->request;
    struct response *response = &request->response;
    int status = response->status ? response->status : 200;
    check_list(state);
    FUZZ_ASSERT(response->declared == state->model.declared);
    FUZZ_ASSERT(!response->type == !state->model.type &&
                (!response->type || !strcmp(response->type, state->model.type)));
    const char *why = outcome_settle(request, state->result, false);
    FUZZ_ASSERT(response->status >= 200 && response->status <= 599);
    FUZZ_ASSERT(!why || (*why && response->status == 500));
    if (!why && state->result >= 200 && state->result != response->status)
        FUZZ_ASSERT(state->result == 200); /* a condition has made something else of it */
    if (!why && (state->result == NGI_OK || state->result == 200))
        check_range(request, state->result == 200 ? 200 : status);
    check_head(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state;
    struct pieces pieces = pieces_of(data, size);
    char *line;
    if (size > 1 << 16)
        return 0;
    state = (struct state){ .request = request_new(MOST) };
    FUZZ_ASSERT(state.request);
    state.model.declared = -1;
    state.request->method = NGI_GET;
    state.request->ngi.method = "GET";
    while (state.line_count < CALLS && (line = pieces_take(&pieces, '\n', NULL))) {
        state.lines[state.line_count++] = line;
        call(&state, line);
    }
    settle(&state);
    request_free(state.request);
    for (size_t i = 0; i < state.line_count; i++)
        free(state.lines[i]);
    return 0;
}
