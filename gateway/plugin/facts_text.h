/* Text from a plugin file, which may hold any bytes, made fit for a terminal and for JSON. */
#ifndef PLUGIN_FACTS_TEXT_H
#define PLUGIN_FACTS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* `s` with control characters, C1 included, and bytes that are no UTF-8 written as \n, \t or \xHH; malloc'ed. NULL if
 * out of memory. */
char *facts_text_printable(const char *s);
/* `s` with each byte that is no UTF-8 replaced by U+FFFD; malloc'ed. NULL if out of memory. */
char *facts_text_utf8(const char *s);
/* Characters in valid UTF-8. */
size_t facts_text_width(const char *s);

/* The nth name (from 0) of a route's methods: "GET", "HEAD" (which comes with GET), …, or "ANY" alone; NULL after the
 * last. Bits that this gateway does not know are one "0x80" in `scratch`. */
const char *facts_text_method(uint32_t methods, size_t nth, char scratch[16]);
/* "string", "int", …; NULL for a type this gateway does not know. */
const char *facts_text_type(int32_t type);

#endif
