/* The request target (RFC 9112 section 3.2): taken apart, decoded, normalised. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct target {
    const char *path; /* decoded and normalised: begins with '/', no "//", no "." or ".." segment, no NUL */
    size_t path_length;
    const char *query;     /* after the first '?', as it came, %XX unchecked; "" without one */
    const char *authority; /* of an absolute-form target, a valid host[:port]; NULL for the origin form */
    bool asterisk;         /* the target is "*" (path is then "*") */
};

/* Parses `raw` (NUL-terminated, as it stood in the request line); results live in `arena` or point into `raw`.
 * NGI_EINVAL for what no origin server accepts (RFC 9112 section 3.2): another form, userinfo, an authority that is
 * none, a bad %XX or %00 in the path, a raw space, control character or '#', a path that climbs above the root;
 * *ret_why then says which, a constant. NGI_ENOMEM.
 * An encoded control character (%0A) is a byte of the path like any other.
 * %2F is a '/' like any other: a path has one reading, whoever looks at it. */
int target_parse(struct arena *arena, const char *raw, struct target *ret, const char **ret_why);

/* Whether s[0..n) is host[:port], as in a Host header (RFC 9110 section 4.2.1: never an empty host). */
bool target_is_authority(const char *s, size_t n);

#endif
