/* Any routes and requests: each is taken or refused, and found, as a router does that tries all routes in turn. A line
 * is a route, "+METHODS PATTERN", or a request, "?METHODS PATH"; METHODS is one of the letters below. */
#include <string.h>

#include "http/method.h"
#include "http/pattern.h"
#include "http/router.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"
#include "tests/harness/route_shapes.h"

enum { ROUTES = 64, PATTERNS = 4, WORDS = 200, PATTERN_MOST = 160 };

static const struct {
    char letter;
    uint32_t bits;
} sets[] = {
    { 'G', NGI_GET },    { 'H', NGI_HEAD },           { 'P', NGI_POST },           { 'U', NGI_PUT },
    { 'D', NGI_DELETE }, { 'O', NGI_OPTIONS },        { 'X', METHOD_EXTENSION },   { '0', 0 },
    { 'A', NGI_ANY },    { 'B', NGI_GET | NGI_POST }, { 'E', NGI_GET | NGI_HEAD },
};

/* A route by regular expression. */
struct expression {
    char *text;
    uint32_t methods;
    struct pattern *pattern;
};

struct state {
    struct router *router;
    struct shaped_route routes[ROUTES];
    char *templates[ROUTES];
    size_t count;
    struct expression expressions[PATTERNS];
    size_t expression_count;
    char *words[WORDS];
    size_t word_count;
};

static bool find_set(char letter, uint32_t *ret)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (sets[i].letter == letter) {
            *ret = sets[i].bits;
            return true;
        }
    return false;
}

/* The byte that stands for a word: its place among all words, beyond the digits. '\0': there are too many. */
static char word_byte(struct state *state, const char *word)
{
    size_t i = 0;
    while (i < state->word_count && strcmp(state->words[i], word) != 0)
        i++;
    if (i == WORDS)
        return '\0';
    if (i == state->word_count) {
        FUZZ_ASSERT((state->words[i] = strdup(word)));
        state->word_count++;
    }
    return (char)('3' + i);
}

/* The shape of a path or, with `parameters`, of a template. False: it is beyond what a shape can say. */
static bool make_shape(struct state *state, const char *text, bool parameters, char shape[SHAPE_SEGMENTS + 1])
{
    struct pieces pieces =
        pieces_of((const uint8_t *)text + 1, strlen(text)); /* the NUL too: each segment has an end */
    size_t n = 0;
    char *segment;
    while (n < SHAPE_SEGMENTS && (segment = pieces_take(&pieces, '/', NULL))) {
        if (!*segment)
            shape[n] = '0';
        else if (parameters && fits(segment, "^\\{.*\\}$"))
            shape[n] = fits(segment, "\\.\\.\\.\\}$") ? '2' : '1';
        else
            shape[n] = word_byte(state, segment);
        free(segment);
        if (!shape[n++])
            return false;
    }
    shape[n] = '\0';
    return pieces_left(&pieces) == 0;
}

/* Whether a segment is one of a template, and in its right place; its name goes to the list of all. */
static bool is_segment(const char *segment, bool last, char *names, unsigned *count)
{
    char name[PATTERN_MOST + 8];
    if (!fits(segment, "^\\{.*\\}$"))
        return fits(segment, "^[^{}?#]*$") && (*segment || last) && strcmp(segment, ".") != 0 &&
               strcmp(segment, "..") != 0;
    if (!fits(segment, "^\\{[A-Za-z_][A-Za-z0-9_]*(\\.\\.\\.)?\\}$") || (strchr(segment, '.') && !last))
        return false;
    snprintf(name, sizeof name, "/%.*s/", (int)strcspn(segment + 1, ".}"), segment + 1);
    if (strstr(names, name) || ++*count > ROUTE_CAPTURES_MAX)
        return false;
    strcat(names, name);
    return true;
}

/* Whether it is a template that router_add may take. */
static bool is_template(const char *text)
{
    struct pieces pieces = pieces_of((const uint8_t *)text + 1, strlen(text));
    char *segment, *names = calloc(1, 4 * strlen(text) + 8);
    unsigned count = 0;
    bool good = *text == '/';
    FUZZ_ASSERT(names);
    while (good && (segment = pieces_take(&pieces, '/', NULL))) {
        good = is_segment(segment, pieces_left(&pieces) == 0, names, &count);
        free(segment);
    }
    free(names);
    return good;
}

static void add_template(struct state *state, uint32_t methods, const char *text)
{
    struct shaped_route *route = &state->routes[state->count];
    ngi_error err = { 0 };
    bool valid = methods && is_template(text);
    route->methods = methods;
    if (state->count == ROUTES || strlen(text) > PATTERN_MOST || !make_shape(state, text, true, route->shape))
        return;
    int rc = router_add(state->router, methods, text, route, &err);
    FUZZ_ASSERT(rc == (!valid ? NGI_EINVAL : shapes_have(state->routes, state->count, route) ? NGI_EBUSY : NGI_OK));
    FUZZ_ASSERT(rc == NGI_OK ? err.code == 0 : err.code == rc && *err.text);
    if (rc == NGI_OK)
        FUZZ_ASSERT((state->templates[state->count++] = strdup(text)));
}

static void add_expression(struct state *state, uint32_t methods, const char *text)
{
    struct expression *expression = &state->expressions[state->expression_count];
    ngi_error err = { 0 };
    if (state->expression_count == PATTERNS || strlen(text) > PATTERN_MOST)
        return;
    *expression = (struct expression){ .methods = methods };
    int expected = methods ? pattern_new(text + 1, &expression->pattern, NULL) : NGI_EINVAL;
    for (size_t i = 0; i < state->expression_count && expected == NGI_OK; i++)
        if (state->expressions[i].methods & methods && strcmp(state->expressions[i].text, text) == 0)
            expected = NGI_EBUSY;
    int rc = router_add(state->router, methods, text, expression, &err);
    FUZZ_ASSERT(rc == expected);
    FUZZ_ASSERT(rc == NGI_OK ? err.code == 0 : err.code == rc && *err.text);
    if (rc == NGI_OK) {
        FUZZ_ASSERT((expression->text = strdup(text)));
        state->expression_count++;
    } else {
        pattern_free(expression->pattern);
    }
}

/* The captures of a template are the segments that stand where its parameters do. */
static void check_captures(const struct route_match *match, const char *text, const char *path, size_t length)
{
    unsigned count = 0;
    const char *path_end = path + length;
    for (const char *end; *text; text = end) {
        const char *segment = path + 1, *after = memchr(segment, '/', (size_t)(path_end - segment));
        end = strchrnul(text + 1, '/');
        path = after ? after : path_end;
        if (text[1] != '{')
            continue;
        char *name = strndup(text + 2, strcspn(text + 2, ".}"));
        const struct capture *capture = name ? route_match_param(match, name) : NULL;
        FUZZ_ASSERT(capture && capture->start == segment);
        FUZZ_ASSERT(capture->start + capture->length == (text[2 + strlen(name)] == '.' ? path_end : path));
        free(name);
        count++;
    }
    FUZZ_ASSERT(match->count == count);
}

/* What an expression captures lies in the path. */
static void check_places(const struct route_match *match, const char *path, size_t length)
{
    FUZZ_ASSERT(match->count <= ROUTE_CAPTURES_MAX);
    for (unsigned i = 0; i < match->count; i++) {
        const struct capture *capture = &match->captures[i];
        FUZZ_ASSERT(capture->start ? capture->start >= path && capture->start + capture->length <= path + length
                                   : capture->length == 0);
    }
}

/* The first expression that fits and serves the method. */
static int find_expression(const struct state *state, uint32_t method, const char *path, size_t length, uint32_t *allow,
                           const struct expression **ret)
{
    struct capture captures[ROUTE_CAPTURES_MAX];
    for (size_t i = 0; i < state->expression_count; i++) {
        const struct expression *expression = &state->expressions[i];
        int rc = pattern_match(expression->pattern, path, length, captures);
        if (rc == NGI_ENOENT)
            continue;
        *ret = expression;
        bool serves = expression->methods & (method == NGI_HEAD ? NGI_HEAD | NGI_GET : method);
        if (rc != NGI_OK || serves)
            return rc;
        *allow |= expression->methods;
    }
    *ret = NULL;
    return *allow ? NGI_EPERM : NGI_ENOENT;
}

static void find(struct state *state, uint32_t method, const char *path, size_t length)
{
    char shape[SHAPE_SEGMENTS + 1];
    struct route_match match;
    uint32_t allow;
    const struct expression *expression = NULL;
    if (!method || method & (method - 1) || strlen(path) != length || !make_shape(state, path, false, shape))
        return;
    int rc = router_find(state->router, method, path, length, &match);
    if (*path != '/') {
        FUZZ_ASSERT(rc == NGI_ENOENT && match.allow == 0);
        return;
    }
    const struct shaped_route *route = shapes_find(state->routes, state->count, method, shape, &allow);
    if (route) {
        FUZZ_ASSERT(rc == NGI_OK && match.data == route);
        check_captures(&match, state->templates[route - state->routes], path, length);
        return;
    }
    FUZZ_ASSERT(rc == find_expression(state, method, path, length, &allow, &expression));
    FUZZ_ASSERT(match.data == expression);
    FUZZ_ASSERT(rc != NGI_EPERM || match.allow == allow);
    if (rc == NGI_OK)
        check_places(&match, path, length);
}

static void forget(struct state *state)
{
    router_free(state->router);
    for (size_t i = 0; i < state->count; i++)
        free(state->templates[i]);
    for (size_t i = 0; i < state->expression_count; i++) {
        free(state->expressions[i].text);
        pattern_free(state->expressions[i].pattern);
    }
    for (size_t i = 0; i < state->word_count; i++)
        free(state->words[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state;
    struct pieces pieces = pieces_of(data, size);
    uint32_t methods;
    size_t length;
    char *line;
    state = (struct state){ .router = router_new() };
    FUZZ_ASSERT(state.router);
    while ((line = pieces_take(&pieces, '\n', &length))) {
        if (length > 3 && line[2] == ' ' && find_set(line[1], &methods)) {
            if (line[0] == '?')
                find(&state, methods, line + 3, length - 3);
            else if (line[0] == '+')
                (line[3] == '~' ? add_expression : add_template)(&state, methods, line + 3);
        }
        free(line);
    }
    forget(&state);
    return 0;
}
