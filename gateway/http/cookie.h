/* The Cookie header (RFC 6265 section 4.2). */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include "http/pairs.h"

/* Appends the cookies of `header` to `pairs`: split at ';', spaces around names and values dropped, one pair of quotes
 * around a value dropped, no decoding; a piece without '=' or name is left out. NGI_OK, NGI_ENOMEM, NGI_ETOOBIG. */
int cookie_parse(const char *header, struct pairs *pairs);

#endif
