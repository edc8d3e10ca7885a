/* Any form: the first line is a Content-Type, what is behind it a body. It makes no difference whether the body comes
 * whole or in pieces by way of a file; what is read lies in the body; written anew, it is read as the same, and written
 * with a mistake, it is refused. */
#include <string.h>

#include "http/multipart.h"
#include "http/request.h"
#include "http/urlencoded.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

enum { PIECES = 7, PARTS = 64 };

static const char boundary[] = "'a boundary that nobody writes'"; /* in what is written here */

/* --- parts, one by one ------------------------------------------------------------------------------------------ */

struct parts {
    const char *body;
    size_t size, count;
    struct multipart_part part[PARTS];
};

static int take_part(void *arg, const struct multipart_part *part)
{
    struct parts *parts = arg;
    FUZZ_ASSERT(part->data >= parts->body && part->length <= parts->size);
    FUZZ_ASSERT(part->data + part->length <= parts->body + parts->size);
    FUZZ_ASSERT(part->name && (!part->type || *part->type));
    FUZZ_ASSERT(!part->filename || (!strpbrk(part->filename, "/\\") && strcmp(part->filename, "..") != 0));
    if (parts->count < PARTS)
        parts->part[parts->count] = *part;
    parts->count++;
    return NGI_OK;
}

static void put_text(struct buffer *out, const char *text)
{
    FUZZ_ASSERT(buffer_append(out, text, strlen(text)) == NGI_OK);
}

/* As HTML has browsers write a name; a backslash for those that read it as an escape. */
static void put_quoted(struct buffer *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '"': put_text(out, "%22"); break;
        case '\r': put_text(out, "%0D"); break;
        case '\n': put_text(out, "%0A"); break;
        case '\\': put_text(out, "\\\\"); break;
        default: FUZZ_ASSERT(buffer_append(out, text, 1) == NGI_OK);
        }
}

/* `also` is in the head behind the names. */
static void put_part(struct buffer *out, const struct multipart_part *part, const char *also)
{
    FUZZ_ASSERT(buffer_printf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary) == NGI_OK);
    put_quoted(out, part->name);
    if (part->filename) {
        put_text(out, "\"; filename=\"");
        put_quoted(out, part->filename);
    }
    put_text(out, "\"");
    put_text(out, also);
    put_text(out, "\r\n");
    if (part->type)
        FUZZ_ASSERT(buffer_printf(out, "Content-Type: %s\r\n", part->type) == NGI_OK);
    put_text(out, "\r\n");
    FUZZ_ASSERT(buffer_append(out, part->data, part->length) == NGI_OK);
    put_text(out, "\r\n");
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Writes all parts, `also` in the first, and reads them. */
static int write_and_read(struct arena *arena, const struct parts *parts, const char *also, const char *end,
                          struct parts *ret)
{
    static struct buffer body = { .limit = SIZE_MAX / 2 };
    buffer_reset(&body, SIZE_MAX);
    for (size_t i = 0; i < parts->count; i++)
        put_part(&body, &parts->part[i], i == 0 ? also : "");
    FUZZ_ASSERT(buffer_printf(&body, "--%s%s", boundary, end) == NGI_OK);
    *ret = (struct parts){ .body = body.data, .size = body.length };
    return multipart_parse(arena, body.data, body.length, boundary, take_part, ret);
}

static void repeat(struct arena *arena, const struct parts *first)
{
    static const char *const mistakes[] = {
        "; name=x",
        "; filename=x; FileName=y",
        "\r\nContent-Disposition: form-data; name=x",
        "\r\nContent-Type: a\r\nContent-Type: b",
        "\r\nno field",
        "\n",
        "; x",
    };
    static struct parts second;
    if (first->count > PARTS || memmem(first->body, first->size, boundary, strlen(boundary)))
        return;
    FUZZ_ASSERT(write_and_read(arena, first, "", "--", &second) == NGI_OK);
    FUZZ_ASSERT(second.count == first->count);
    for (size_t i = 0; i < first->count; i++) {
        const struct multipart_part *a = &first->part[i], *b = &second.part[i];
        FUZZ_ASSERT(same(a->name, b->name) && same(a->filename, b->filename) && same(a->type, b->type));
        FUZZ_ASSERT(a->length == b->length && memcmp(a->data, b->data, a->length) == 0);
    }
    FUZZ_ASSERT(write_and_read(arena, first, "", "-", &second) == NGI_EPARSE);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes && first->count > 0; i++)
        FUZZ_ASSERT(write_and_read(arena, first, mistakes[i], "--", &second) == NGI_EPARSE);
}

static void check_parts(const char *type, const char *body, size_t size)
{
    static struct parts parts;
    struct arena arena;
    const char *given;
    arena_init(&arena, 0);
    int rc = multipart_boundary(&arena, type, &given);
    FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EPARSE || rc == NGI_ENOENT);
    if (rc == NGI_OK) {
        FUZZ_ASSERT(fits(given, "^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$"));
        parts = (struct parts){ .body = body, .size = size };
        rc = multipart_parse(&arena, body, size, given, take_part, &parts);
        FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EPARSE);
        if (rc == NGI_OK)
            repeat(&arena, &parts);
    }
    arena_free(&arena);
}

/* --- the form as a handler sees it ------------------------------------------------------------------------------ */

static struct request *make(const char *type)
{
    struct request *request = request_new(1 << 16);
    FUZZ_ASSERT(request);
    request_add_header(request, "Content-Type", 12, type, strlen(type));
    return request;
}

static void check_same(struct request *one, struct request *two)
{
    int rc = request_parse_form(one);
    FUZZ_ASSERT(rc == NGI_OK || rc == NGI_EPARSE || rc == NGI_ENOENT || rc == NGI_ETOOBIG);
    FUZZ_ASSERT(rc == request_parse_form(two));
    if (rc == NGI_ENOENT)
        return;
    const struct pair *a = one->form.first, *b = two->form.first;
    for (; a && b; a = a->next, b = b->next)
        FUZZ_ASSERT(same(a->name, b->name) && same(a->value, b->value));
    FUZZ_ASSERT(!a && !b && one->form.count <= REQUEST_PAIRS_MAX);
    const struct upload *c = one->uploads, *d = two->uploads;
    for (; c && d; c = c->next, d = d->next) {
        FUZZ_ASSERT(same(c->name, d->name) && same(c->file.filename, d->file.filename));
        FUZZ_ASSERT(same(c->file.type, d->file.type) && c->file.length == d->file.length);
        FUZZ_ASSERT(memcmp(c->file.data, d->file.data, c->file.length) == 0);
    }
    FUZZ_ASSERT(!c && !d && (rc == NGI_OK || (!a && !one->uploads)));
}

static void check_form(const char *type, const char *body, size_t size)
{
    const struct body_limits memory = { SIZE_MAX, SIZE_MAX, "/nowhere" }, file = { size, 100, "/tmp" };
    struct request *whole = make(type), *pieces = make(type);
    FUZZ_ASSERT(body_append(&whole->body, &memory, body, size) == NGI_OK);
    for (size_t at = 0; at < size; at += PIECES) {
        size_t n = size - at < PIECES ? size - at : PIECES;
        FUZZ_ASSERT(body_append(&pieces->body, &file, body + at, n) == NGI_OK);
    }
    FUZZ_ASSERT(body_append(&pieces->body, &file, "", 1) == NGI_ETOOBIG);
    check_same(whole, pieces);
    request_free(whole);
    request_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pieces pieces = pieces_of(data, size);
    char *type = pieces_take(&pieces, '\n', NULL);
    size_t left = pieces_left(&pieces);
    char *body = malloc(left ? left : 1); /* of its own, and no NUL behind it */
    FUZZ_ASSERT(body);
    memcpy(body, pieces.at, left);
    if (type) {
        check_parts(type, body, left);
        check_form(type, body, left);
    }
    free(body);
    free(type);
    return 0;
}
