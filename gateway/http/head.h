/* The head of a complete response, as text: for whoever writes it out by hand, and not by way of libmicrohttpd. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/buffer.h"
#include "http/request.h"

/* Appends `first` ("HTTP/1.1", "Status:"), status and phrase, the headers and the blank line. Content-Length is there
 * where the body's is known. NGI_OK, NGI_ENOMEM, NGI_ETOOBIG. */
int head_write(struct buffer *out, const char *first, const struct request *request);

/* Whether the response is sent without its body: to a HEAD, and by its status. */
bool head_stands_alone(const struct request *request);

#endif
