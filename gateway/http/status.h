/* Status codes and their phrases (RFC 9110 section 15). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stdbool.h>

/* "Not Found" for 404; "Unknown" for a code without a registered phrase. */
const char *status_phrase(int status);

/* Whether a response of that status has no content, whatever is written (RFC 9110 section 6.4.1). */
static inline bool status_has_no_content(int status)
{
    return status < 200 || status == 204 || status == 304;
}

#endif
