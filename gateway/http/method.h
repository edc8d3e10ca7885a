/* Request methods (RFC 9110 section 9) as bits of ngi.h. */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include <stddef.h>
#include <stdint.h>

/* The bit of an extension method: only NGI_ANY has it. */
#define METHOD_EXTENSION 0x80000000u

enum { METHOD_LIST_SIZE = 80 };

/* NGI_GET … NGI_OPTIONS, METHOD_EXTENSION for any other token, 0 for what no plugin ever serves: TRACE, which would
 * hand cookies to scripts, CONNECT, which is a proxy's, and what is no token. Methods are case-sensitive. */
uint32_t method_bit(const char *name);

/* Writes the names of a set of methods into `out`, as "GET, POST". */
void method_names(uint32_t bits, char out[METHOD_LIST_SIZE]);

/* Writes the value of Allow for a set of methods into `out`, as "GET, HEAD, OPTIONS": HEAD comes with GET, and OPTIONS
 * always, because the gateway answers it. */
void method_list(uint32_t bits, char out[METHOD_LIST_SIZE]);

#endif
