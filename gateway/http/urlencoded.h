/* application/x-www-form-urlencoded, as in queries and simple forms (WHATWG URL section 5.1). */
#ifndef HTTP_URLENCODED_H
#define HTTP_URLENCODED_H

#include <stddef.h>

#include "http/pairs.h"

/* Appends the pairs of s[0..n) to `pairs`, decoded: '+' is a space, %XX a byte, an incomplete %X stays as it is. A NUL,
 * encoded or not, ends no string silently: the pair that has one is left out. NGI_OK, NGI_ENOMEM, NGI_ETOOBIG (more
 * than pairs->limit). */
int urlencoded_parse(const char *s, size_t n, struct pairs *pairs);

#endif
