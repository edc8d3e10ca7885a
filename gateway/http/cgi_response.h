/* The head of a response as a host process writes it (http/head.h): "Status: 200 OK" first, header lines, an empty one,
 * each ended by CR LF. Nothing it says is trusted: what a handler may not set in a response, this may not either. */
#ifndef HTTP_CGI_RESPONSE_H
#define HTTP_CGI_RESPONSE_H

#include <stddef.h>

#include "http/response.h"

/* The length of the head at the front of text[0..n), the empty line included; 0: it is not complete. */
size_t cgi_response_head(const char *text, size_t n);

/* Sets status and headers of an empty response from a complete head. NGI_OK; NGI_EPARSE; what response_status and
 * response_add_header return, and then some may have been set. `text` is written to. */
int cgi_response_read(struct response *response, char *text, size_t n);

#endif
