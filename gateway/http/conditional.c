#include "http/conditional.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "http/date.h"
#include "sdk/ngi.h"

/* Ranges of one request that neither overlap nor touch. A request for many small ones is an attack or a mistake
 * (RFC 9110 section 17.15): past this many it gets everything. */
enum { SPANS_MAX = 16 };

struct span {
    int64_t first, last;
};

struct spans {
    struct span at[SPANS_MAX];
    unsigned count;
};

/* The length of the entity tag that `s` begins with; 0: none. */
static size_t etag_length(const char *s)
{
    const char *at = s;
    if (at[0] == 'W' && at[1] == '/')
        at += 2;
    if (*at++ != '"')
        return 0;
    while (*at == '!' || (unsigned char)*at > '"') {
        if (*at == 0x7f)
            return 0;
        at++;
    }
    return *at == '"' ? (size_t)(at - s) + 1 : 0;
}

static bool is_weak(const char *tag)
{
    return tag[0] == 'W';
}

/* RFC 9110 section 8.8.3.2: the strong comparison wants both tags strong, the weak one does not look at W/. */
static bool same_tag(const char *tag, size_t length, const char *etag, bool weakly)
{
    if (!weakly && (is_weak(tag) || is_weak(etag)))
        return false;
    if (is_weak(tag)) {
        tag += 2;
        length -= 2;
    }
    if (is_weak(etag))
        etag += 2;
    return strlen(etag) == length && memcmp(tag, etag, length) == 0;
}

/* Whether `list`, "*" or entity tags, names the representation. An element that is no entity tag names nothing. */
static bool list_names(const char *list, const char *etag, bool weakly)
{
    list += strspn(list, " \t");
    if (*list == '*' && list[1 + strspn(list + 1, " \t")] == '\0')
        return true;
    while (etag && *(list += strspn(list, " \t,"))) {
        size_t n = etag_length(list);
        const char *after = list + n + strspn(list + n, " \t");
        if (n > 0 && (*after == ',' || *after == '\0') && same_tag(list, n, etag, weakly))
            return true;
        list = after + strcspn(after, ",");
    }
    return false;
}

/* Whether there are two dates to compare: what a header says, and the modification time. */
static bool have_dates(const char *header, const struct validators *what, int64_t *ret_date)
{
    return header && what->mtime != -1 && http_date_parse(header, ret_date) == NGI_OK;
}

/* RFC 9110 section 13.1.5. */
static bool if_range_holds(const char *if_range, const struct validators *what)
{
    int64_t date;
    size_t n = etag_length(if_range);
    if (n > 0)
        return if_range[n] == '\0' && what->etag && same_tag(if_range, n, what->etag, false);
    return have_dates(if_range, what, &date) && date == what->mtime;
}

/* A decimal number, INT64_MAX if it is larger than that; returns what is behind it, `s` itself without a digit. */
static const char *take_number(const char *s, int64_t *ret)
{
    *ret = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, *s - '0', ret)) {
            *ret = INT64_MAX;
            return s + strspn(s, "0123456789");
        }
    return s;
}

/* A range-spec (RFC 9110 section 14.1.2) of `size` bytes; first is not below `size` if it cannot be satisfied. Returns
 * what is behind it, or NULL if it is none. */
static const char *take_span(const char *s, int64_t size, struct span *ret)
{
    int64_t first, last;
    const char *dash = take_number(s, &first);
    if (*dash != '-')
        return NULL;
    const char *end = take_number(dash + 1, &last);
    bool has_first = dash > s, has_last = end > dash + 1;
    if (has_first ? has_last && last < first : !has_last)
        return NULL;
    if (!has_first) { /* the last so many */
        first = last < size ? size - last : 0;
        last = size - 1;
    }
    *ret = (struct span){ first, has_last && last < size ? last : size - 1 };
    return end;
}

/* Joins with all it overlaps or touches. Those left are apart from the joined one too, being apart from its parts. */
static bool add_span(struct spans *spans, struct span span)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < spans->count; i++) {
        const struct span *other = &spans->at[i];
        if (other->first <= span.last + 1 && span.first <= other->last + 1) {
            span.first = other->first < span.first ? other->first : span.first;
            span.last = other->last > span.last ? other->last : span.last;
        } else {
            spans->at[kept++] = *other;
        }
    }
    if (kept == SPANS_MAX)
        return false;
    spans->at[kept] = span;
    spans->count = kept + 1;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool etag_is_valid(const char *s)
{
    size_t n = etag_length(s);
    return n > 0 && s[n] == '\0';
}

int conditional_evaluate(const struct preconditions *when, const struct validators *what, bool safe)
{
    int64_t date;
    if (when->if_match) {
        if (!list_names(when->if_match, what->etag, false))
            return 412;
    } else if (have_dates(when->if_unmodified_since, what, &date) && what->mtime > date) {
        return 412;
    }
    if (when->if_none_match) {
        if (list_names(when->if_none_match, what->etag, true))
            return safe ? 304 : 412;
    } else if (safe && have_dates(when->if_modified_since, what, &date) && what->mtime <= date) {
        return 304;
    }
    return 0;
}

int range_evaluate(const struct preconditions *when, const struct validators *what, int64_t size, int64_t *ret_first,
                   int64_t *ret_length)
{
    static const char unit[] = "bytes=";
    struct spans spans = { .count = 0 };
    struct span span;
    bool any = false;
    const char *at = when->range;
    /* Nothing can be cut out of nothing: better an empty 200 than an error for those who always send "bytes=0-". */
    if (!at || !text_equal_nocase_n(at, unit, sizeof unit - 1) || size == 0)
        return 200;
    if (when->if_range && !if_range_holds(when->if_range, what))
        return 200;
    at += sizeof unit - 1;
    while (*(at += strspn(at, " \t,"))) {
        at = take_span(at, size, &span);
        if (!at)
            return 200;
        at += strspn(at, " \t");
        if (*at != ',' && *at != '\0')
            return 200;
        if (span.first < size && !add_span(&spans, span))
            return 200;
        any = true;
    }
    if (!any || spans.count > 1)
        return 200;
    if (spans.count == 0)
        return 416;
    *ret_first = spans.at[0].first;
    *ret_length = spans.at[0].last - spans.at[0].first + 1;
    return 206;
}
