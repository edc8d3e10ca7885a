/* multipart/form-data (RFC 7578, RFC 2046 section 5.1) in one block of memory. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include <stddef.h>

#include "base/arena.h"
#include "sdk/ngi.h"

/* One part. `data` points into the body; the strings live in the arena. */
struct multipart_part {
    const char *name;     /* of the field; never NULL */
    const char *filename; /* NULL: not a file; without any path ("C:\a\b.txt" is "b.txt"); may be "" */
    const char *type;     /* Content-Type of the part, or NULL */
    const char *data;
    size_t length;
};

/* The boundary parameter of a Content-Type, into the arena. NGI_OK; NGI_ENOENT if the type is not multipart/form-data;
 * NGI_EPARSE without a valid boundary (1 to 70 characters of RFC 2046); NGI_ENOMEM. */
int multipart_boundary(struct arena *arena, const char *content_type, const char **ret_boundary);

/* Calls fn(arg, part) for each part of body[0..n). Stops at fn's first value other than NGI_OK and returns it.
 * NGI_EPARSE for a body that is cut short, has a part without Content-Disposition or name, with two of one of them, or
 * with a head over 8 KiB, or a line end that is not CRLF in head or delimiter; the parts before have been passed on by
 * then. NGI_ENOMEM. Memory and time are linear in `n`. */
int multipart_parse(struct arena *arena, const char *body, size_t n, const char *boundary,
                    int (*fn)(void *arg, const struct multipart_part *part), void *arg);

#endif
