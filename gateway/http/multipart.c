#include "http/multipart.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "http/field.h"

enum { HEAD_MAX = 8192, BOUNDARY_MAX = 70 };

/* What a place where the boundary stands turns out to be. */
enum { PART_FOLLOWS, LAST, TEXT };

struct scan {
    const char *end;       /* of the body */
    const char *delimiter; /* "\r\n--boundary" */
    size_t length;         /* of the delimiter */
};

/* name=value or name="value"; the value without its quotes, its escapes untouched. */
struct parameter {
    const char *name, *value;
    size_t name_length, value_length;
    bool quoted;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_spaces(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static bool equals(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && text_equal_nocase_n(s, word, n);
}

/* Whether a backslash at `at` escapes what follows. Only a quote or a backslash can be meant: other backslashes are the
 * path separators that Internet Explorer sends as they are. */
static bool is_escape(const char *at, const char *end)
{
    return at[0] == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\\');
}

/* Whether the value that begins at `at` is one; *ret_after is then behind it. Not only tokens go unquoted: MIME
 * boundaries have '=' and '/' in them. */
static bool take_value(const char *at, const char *end, struct parameter *ret, const char **ret_after)
{
    ret->quoted = at < end && *at == '"';
    at += ret->quoted;
    ret->value = at;
    if (!ret->quoted) {
        while (at < end && *at != ';' && *at != '"' && !is_space(*at))
            at++;
        ret->value_length = (size_t)(at - ret->value);
        *ret_after = at;
        return ret->value_length > 0;
    }
    while (at < end && *at != '"')
        at += is_escape(at, end) ? 2 : 1;
    if (at >= end)
        return false;
    ret->value_length = (size_t)(at - ret->value);
    *ret_after = at + 1;
    return true;
}

/* The next parameter (RFC 9110 section 5.6.6) from *at on: 1, 0 if none is left, or NGI_EPARSE. */
static int next_parameter(const char **at, const char *end, struct parameter *ret)
{
    const char *s = skip_spaces(*at, end);
    if (s < end && *s != ';')
        return NGI_EPARSE;
    while (s < end && (*s == ';' || is_space(*s)))
        s++;
    if (s == end)
        return 0;
    ret->name = s;
    while (s < end && field_is_token_char((unsigned char)*s))
        s++;
    ret->name_length = (size_t)(s - ret->name);
    if (ret->name_length == 0 || s == end || *s != '=' || !take_value(s + 1, end, ret, at))
        return NGI_EPARSE;
    return 1;
}

/* The length of the word before the first parameter: a media type, a disposition. */
static size_t word_length(const char *s, size_t n)
{
    size_t length = 0;
    while (length < n && s[length] != ';' && !is_space(s[length]))
        length++;
    return length;
}

/* The text of a name or file name. HTML ("multipart/form-data encoding algorithm") has browsers send '"', CR and LF as
 * %22, %0D and %0A, but '%' as itself: so these three mean that, and any other %XX what it says. */
static char *decode(struct arena *arena, const struct parameter *parameter)
{
    const char *at = parameter->value, *end = at + parameter->value_length;
    char *text = arena_alloc(arena, parameter->value_length + 1), *out = text;
    if (!text)
        return NULL;
    while (at < end) {
        bool triple = *at == '%' && end - at >= 3;
        if (parameter->quoted && is_escape(at, end)) {
            *out++ = at[1];
            at += 2;
        } else if (triple && (memcmp(at, "%22", 3) == 0 || memcmp(at, "%0D", 3) == 0 || memcmp(at, "%0A", 3) == 0)) {
            *out++ = (char)(text_hex((unsigned char)at[1]) << 4 | text_hex((unsigned char)at[2]));
            at += 3;
        } else {
            *out++ = *at++;
        }
    }
    *out = '\0';
    return text;
}

/* Old browsers send whole paths, hostile clients "../../etc/passwd" (RFC 7578 section 4.2). */
static const char *without_path(const char *filename)
{
    const char *last = filename;
    for (const char *at = filename; *at; at++)
        if (*at == '/' || *at == '\\')
            last = at + 1;
    return strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? "" : last;
}

/* Content-Disposition (RFC 7578 section 4.2). A second name or file name would mean one thing here and another to the
 * next parser: refused. filename* must not be sent, and is ignored. */
static int read_disposition(struct arena *arena, const char *value, size_t n, struct multipart_part *part)
{
    const char *end = value + n, *at = value + word_length(value, n);
    struct parameter parameter;
    int more;
    if (!equals(value, (size_t)(at - value), "form-data"))
        return NGI_EPARSE;
    while ((more = next_parameter(&at, end, &parameter)) > 0) {
        bool is_name = equals(parameter.name, parameter.name_length, "name");
        if (!is_name && !equals(parameter.name, parameter.name_length, "filename"))
            continue;
        if (is_name ? part->name : part->filename)
            return NGI_EPARSE;
        const char *text = decode(arena, &parameter);
        if (!text)
            return NGI_ENOMEM;
        if (is_name)
            part->name = text;
        else
            part->filename = without_path(text);
    }
    return more < 0 ? more : part->name ? NGI_OK : NGI_EPARSE;
}

/* One line of a part's head, without its CRLF. */
static int read_line(struct arena *arena, const char *line, size_t n, struct multipart_part *part)
{
    const char *colon = memchr(line, ':', n), *end = line + n;
    if (!colon || !field_is_token(line, (size_t)(colon - line)) || !field_is_value(colon, (size_t)(end - colon)))
        return NGI_EPARSE;
    size_t name_length = (size_t)(colon - line);
    const char *value = skip_spaces(colon + 1, end);
    while (end > value && is_space(end[-1]))
        end--;
    n = (size_t)(end - value);
    if (equals(line, name_length, "Content-Disposition"))
        return part->name ? NGI_EPARSE : read_disposition(arena, value, n, part);
    if (equals(line, name_length, "Content-Type") && n > 0) {
        if (part->type)
            return NGI_EPARSE;
        part->type = arena_copy(arena, value, n);
        if (!part->type)
            return NGI_ENOMEM;
    }
    return NGI_OK;
}

/* The head of a part, from `at` to the empty line; part->data is then behind that. */
static int read_head(struct arena *arena, const struct scan *scan, const char *at, struct multipart_part *part)
{
    const char *limit = scan->end - at > HEAD_MAX ? at + HEAD_MAX : scan->end;
    for (;;) {
        const char *line = at, *end = memchr(at, '\n', (size_t)(limit - at));
        if (!end || end == line || end[-1] != '\r')
            return NGI_EPARSE;
        at = end + 1;
        if (end - 1 == line)
            break;
        int rc = read_line(arena, line, (size_t)(end - 1 - line), part);
        if (rc != NGI_OK)
            return rc;
    }
    part->data = at;
    return part->name ? NGI_OK : NGI_EPARSE;
}

/* What the bytes behind a boundary make of it (RFC 2046 section 5.1.1): one that is only the beginning of a longer word
 * is text. NGI_EPARSE for a delimiter line that does not end as it must. *ret_after is where to go on. */
static int classify(const char *at, const char *end, const char **ret_after)
{
    bool last = end - at >= 2 && at[0] == '-' && at[1] == '-';
    at = skip_spaces(at + (last ? 2 : 0), end);
    *ret_after = at;
    if (at == end)
        return last ? LAST : NGI_EPARSE;
    if (*at != '\r' && *at != '\n')
        return TEXT;
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return NGI_EPARSE;
    *ret_after = at + 2;
    return last ? LAST : PART_FOLLOWS;
}

/* The next delimiter from *at on: PART_FOLLOWS or LAST with its place and, in *at, what is behind it; NGI_EPARSE if
 * there is none. The only CR of a delimiter is its first byte, so that no two attempts to match overlap: the time is
 * linear whatever the body. */
static int next_delimiter(const struct scan *scan, const char **at, const char **ret_start)
{
    const char *found = *at;
    while ((found = memchr(found, '\r', (size_t)(scan->end - found)))) {
        if ((size_t)(scan->end - found) < scan->length)
            break;
        if (memcmp(found, scan->delimiter, scan->length) != 0) {
            found++;
            continue;
        }
        int kind = classify(found + scan->length, scan->end, at);
        if (kind != TEXT) {
            *ret_start = found;
            return kind;
        }
        found = *at;
    }
    return NGI_EPARSE;
}

/* The first delimiter may open the body, with no line end before it. */
static int first_delimiter(const struct scan *scan, const char **at)
{
    const char *start;
    if ((size_t)(scan->end - *at) >= scan->length - 2 && memcmp(*at, scan->delimiter + 2, scan->length - 2) == 0) {
        int kind = classify(*at + scan->length - 2, scan->end, at);
        if (kind != TEXT)
            return kind;
    }
    return next_delimiter(scan, at, &start);
}

static bool is_boundary(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i], lower = text_lower(c);
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && !(c && strchr("'()+_,-./:=? ", c)))
            return false;
    }
    return n >= 1 && n <= BOUNDARY_MAX && s[n - 1] != ' ';
}

/* ---------------------------------------------------------------------------------------------------------- */

int multipart_boundary(struct arena *arena, const char *content_type, const char **ret_boundary)
{
    size_t n = strlen(content_type);
    const char *at = content_type + word_length(content_type, n), *end = content_type + n;
    struct parameter parameter, boundary = { .value = NULL };
    int more;
    if (!equals(content_type, (size_t)(at - content_type), "multipart/form-data"))
        return NGI_ENOENT;
    while ((more = next_parameter(&at, end, &parameter)) > 0) {
        if (!equals(parameter.name, parameter.name_length, "boundary"))
            continue;
        if (boundary.value)
            return NGI_EPARSE; /* two: which one holds would depend on who reads it */
        boundary = parameter;
    }
    if (more < 0 || !boundary.value || !is_boundary(boundary.value, boundary.value_length))
        return NGI_EPARSE;
    const char *copy = arena_copy(arena, boundary.value, boundary.value_length);
    if (!copy)
        return NGI_ENOMEM;
    *ret_boundary = copy;
    return NGI_OK;
}

int multipart_parse(struct arena *arena, const char *body, size_t n, const char *boundary,
                    int (*fn)(void *arg, const struct multipart_part *part), void *arg)
{
    struct scan scan = { .end = body + n, .delimiter = arena_format(arena, "\r\n--%s", boundary) };
    const char *at = body, *start;
    if (!scan.delimiter)
        return NGI_ENOMEM;
    scan.length = strlen(scan.delimiter);
    int kind = first_delimiter(&scan, &at);
    while (kind == PART_FOLLOWS) {
        struct multipart_part part = { .name = NULL };
        int rc = read_head(arena, &scan, at, &part);
        if (rc != NGI_OK)
            return rc;
        /* The CRLF of the empty line may be the delimiter's too: a part without data (RFC 2046, body-part). */
        at = part.data - 2;
        kind = next_delimiter(&scan, &at, &start);
        if (kind < 0)
            break;
        part.length = start < part.data ? 0 : (size_t)(start - part.data);
        rc = fn(arg, &part);
        if (rc != NGI_OK)
            return rc;
    }
    return kind == LAST ? NGI_OK : kind;
}
