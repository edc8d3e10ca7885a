/* Header fields: one name and value, and what may stand in them (RFC 9110 section 5). */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A field that belongs to someone else. Both strings are NUL-terminated; lengths without the NUL. */
struct field {
    const char *name, *value;
    uint32_t name_length, value_length;
};

/* Whether `c` may stand in a token (RFC 9110 section 5.6.2). */
bool field_is_token_char(unsigned char c);
/* Whether s[0..n) is a token: not empty, token characters only. */
bool field_is_token(const char *s, size_t n);
/* Whether s[0..n) may be a field value: no CR, LF, NUL or other control character but the tab. */
bool field_is_value(const char *s, size_t n);
/* Whether this field is about the connection, not the message, and so the gateway's own (RFC 9110 section 7.6.1). */
bool field_is_hop_by_hop(const char *name);

#endif
