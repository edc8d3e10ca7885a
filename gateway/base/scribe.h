/* Text put together where nothing may be allocated, locked or trusted: in a signal handler. What does not fit is left
 * out. */
#ifndef BASE_SCRIBE_H
#define BASE_SCRIBE_H

#include <stddef.h>
#include <stdint.h>

struct scribe {
    char *text; /* no NUL behind it */
    size_t size, length;
};

/* Our own words. */
void scribe_put(struct scribe *scribe, const char *words);
/* Anybody's string, which may lie in bad memory: `most` bytes of it at most, then "…"; control characters become '?'.
 * NULL is nothing. */
void scribe_suspect(struct scribe *scribe, const char *text, size_t most);
void scribe_hex(struct scribe *scribe, uintptr_t value); /* 0x… */
void scribe_number(struct scribe *scribe, uint64_t value);

#endif
