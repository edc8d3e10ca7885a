/* Conditional requests (RFC 9110 section 13) and byte ranges (section 14), as pure functions. */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

/* What is about to be sent. */
struct validators {
    const char *etag; /* with quotes and any W/; NULL: none */
    int64_t mtime;    /* seconds since 1970; -1: none */
};

/* The request headers that matter; NULL where absent. */
struct preconditions {
    const char *if_match, *if_none_match, *if_modified_since, *if_unmodified_since;
    const char *if_range, *range;
};

/* Whether `s` is an entity tag: "…" or W/"…" (section 8.8.3). */
bool etag_is_valid(const char *s);

/* Section 13.2.2 in its order. `safe` is GET or HEAD. Returns 0 to go on, 304 or 412. Malformed dates are ignored. */
int conditional_evaluate(const struct preconditions *when, const struct validators *what, bool safe);

/* The range to send of `size` bytes (section 14.2), for GET. Returns 206 with *ret_first and *ret_length set, 416, or
 * 200 to send everything: no Range, one that is malformed or not in bytes, more than one range left after overlapping
 * and adjacent ones are joined (or over 16 while joining), an If-Range that does not match, or nothing to send. */
int range_evaluate(const struct preconditions *when, const struct validators *what, int64_t size, int64_t *ret_first,
                   int64_t *ret_length);

#endif
