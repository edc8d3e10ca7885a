/* Memory that may not be there: what a crashed process's pointers lead to, read without crashing once more. Safe in a
 * signal handler. */
#ifndef BASE_PEEK_H
#define BASE_PEEK_H

#include <stddef.h>

/* Copies the `n` bytes at `from`, as far as they can be read; returns how many that were. */
size_t peek(void *to, const void *from, size_t n);

/* How many of the `n` bytes at `from` can be read before the first that cannot. */
size_t peek_length(const void *from, size_t n);

/* Copies a string of at most `size` - 1 bytes, and ends it with NUL, too, where its memory ends. Returns its length; 0
 * for NULL. */
size_t peek_string(char *to, size_t size, const char *from);

#endif
