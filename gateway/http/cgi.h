/* A request from the meta-variables of CGI (RFC 3875 section 4.1), as a web server in front hands them over: the way
 * back from environ.h. Nothing they say is trusted.
 *
 * The path. The usual servers differ in how they split it into SCRIPT_NAME and PATH_INFO (nginx as it comes from Debian
 * does not split at all), but all send the target as the client wrote it, REQUEST_URI. So its path is taken and decoded
 * here, once, by the same rules as everywhere. Without it, it is SCRIPT_NAME and PATH_INFO together, else DOCUMENT_URI,
 * which have been decoded. The query is QUERY_STRING where there is one, since a server that rewrites changes that.
 *
 * The mount point. Where the caller wants it, SCRIPT_NAME is taken off the path: if there is a PATH_INFO that begins
 * with '/', and the two together are the path. A SCRIPT_NAME that is all of the path, without PATH_INFO, says nothing.
 */
#ifndef HTTP_CGI_H
#define HTTP_CGI_H

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

/* The variables that make up a request; the others are headers, or mean nothing to us. */
enum cgi_variable {
    CGI_CONTENT_LENGTH,
    CGI_CONTENT_TYPE,
    CGI_DOCUMENT_URI,
    CGI_HTTPS,
    CGI_PATH_INFO,
    CGI_QUERY_STRING,
    CGI_REMOTE_ADDR,
    CGI_REMOTE_PORT,
    CGI_REQUEST_METHOD,
    CGI_REQUEST_SCHEME,
    CGI_REQUEST_URI,
    CGI_SCRIPT_NAME,
    CGI_SERVER_ADDR,
    CGI_SERVER_PORT,
    CGI_SERVER_PROTOCOL,
    CGI_VARIABLES
};

/* The variables of one request while they come. */
struct cgi {
    const char *variables[CGI_VARIABLES];          /* NULL: unset; in the request's arena */
    struct field headers[REQUEST_HEADERS_MAX + 1]; /* one too many is for the request to refuse */
    unsigned header_count;
    int status;      /* of the first thing wrong; 0: nothing is */
    const char *why; /* for the client; a constant, or NULL */
};

void cgi_begin(struct cgi *cgi);

/* Takes a variable; name and value are copied. The last of a name counts, but of HTTP_*, which are repeated headers. */
void cgi_put(struct cgi *cgi, struct request *request, const char *name, size_t name_length, const char *value,
             size_t value_length);

/* Makes the request, an empty one, of them. `mounted`: the operator has said where the plugin is mounted, and
 * SCRIPT_NAME does not count. 0; or the status of a refusal, with *ret_why for the client or NULL: 400, 503 (out of
 * memory). */
int cgi_make(struct cgi *cgi, struct request *request, bool mounted, const char **ret_why);

#endif
