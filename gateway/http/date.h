/* HTTP dates (RFC 9110 section 5.6.7). */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

enum { HTTP_DATE_SIZE = 30, COMPACT_DATE_SIZE = 17 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970; years before 1 or after 9999 become the nearest moment. */
void http_date_format(int64_t seconds, char out[HTTP_DATE_SIZE]);
/* "19941106T084937Z" (ISO 8601's basic form), likewise: for names of files. Both may be called in a signal handler. */
void compact_date_format(int64_t seconds, char out[COMPACT_DATE_SIZE]);
/* All three forms of the RFC (a two-digit year over 50 years ahead is past), nothing before or behind. The day of the
 * week must be one, not the right one. NGI_OK, or NGI_EPARSE. */
int http_date_parse(const char *text, int64_t *ret_seconds);

#endif
