/* The head of a response as a host process writes it: perhaps a line on its body, then (http/head.h) "Status: 200 OK",
 * header lines, an empty one, each ended by CR LF. Nothing it says is trusted: what a handler may not set in a response,
 * this may not either.
 *
 *   Body: stream                 it is sent while it is made, and may take its time
 *   Body: file OFFSET LENGTH     it is so many bytes of the descriptor that comes with the head
 */
#ifndef HTTP_CGI_RESPONSE_H
#define HTTP_CGI_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "http/response.h"

/* The length of the head at the front of text[0..n), the empty line included; 0: it is not complete. */
size_t cgi_response_head(const char *text, size_t n);

enum cgi_body_kind { CGI_BODY_FOLLOWS, CGI_BODY_STREAM, CGI_BODY_FILE };

struct cgi_body {
    enum cgi_body_kind kind;
    int64_t offset, length; /* CGI_BODY_FILE */
};

/* Sets status and headers of an empty response from a complete head. NGI_OK; NGI_EPARSE; what response_status and
 * response_add_header return, and then some may have been set. `text` is written to. */
int cgi_response_read(struct response *response, struct cgi_body *ret_body, char *text, size_t n);

#endif
