/* What an input of several parts is taken apart with. */
#ifndef TESTS_FUZZ_PIECES_H
#define TESTS_FUZZ_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pieces {
    const char *at, *end;
};

struct pieces pieces_of(const uint8_t *data, size_t size);

/* What stands before the next `separator`, or all that is left; NULL at the end. In memory of its own, so that a
 * sanitizer sees each byte beyond, and with a NUL behind; the caller's to free. *ret_length may be NULL. */
char *pieces_take(struct pieces *pieces, char separator, size_t *ret_length);

/* What is left, where it stands. */
size_t pieces_left(const struct pieces *pieces);

/* Whether all of `text` fits an extended regular expression. They are few and stay compiled. */
bool fits(const char *text, const char *expression);

#endif
