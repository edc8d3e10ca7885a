/* Small text helpers that the C library lacks: strict numbers, ASCII case, escaping. ASCII rules whatever the locale.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline unsigned char text_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Value of a hexadecimal digit, or -1. */
static inline int text_hex(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_equal_nocase(const char *a, const char *b);
bool text_equal_nocase_n(const char *a, const char *b, size_t n);
bool text_has_prefix(const char *s, const char *prefix);
bool text_has_suffix(const char *s, const char *suffix);

/* The whole of `s` as a decimal number: no space, no sign but a leading '-' for int64. False, *ret untouched,
 * otherwise. */
bool text_to_int64(const char *s, int64_t *ret);
bool text_to_uint64(const char *s, uint64_t *ret);
bool text_to_double(const char *s, double *ret);

/* "512", "64K", "10M", "2G" (powers of 1024) as bytes. False, *ret untouched, for anything else or on overflow. */
bool text_to_size(const char *s, uint64_t *ret);

/* Copies `n` bytes of `s`, writing control characters as \n, \t or \xHH, until `room` bytes are used; returns the bytes
 * written and sets *ret_cut if not all fitted. Writes no NUL. */
size_t text_escape_controls(char *out, size_t room, const char *s, size_t n, bool *ret_cut);

/* Edit distance of two short words, for "did you mean"; stops counting at `limit`. */
size_t text_distance(const char *a, const char *b, size_t limit);

#endif
