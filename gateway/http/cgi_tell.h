/* A request as meta-variables of CGI for cgi.h to read: what that does not need is not told. */
#ifndef HTTP_CGI_TELL_H
#define HTTP_CGI_TELL_H

#include <stddef.h>

#include "http/request.h"

/* Calls put(arg, …) for each until it returns other than NGI_OK; returns that. `body_length`: bytes of the body, -1:
 * not known yet, or there is none. Names and values live until put returns. */
int cgi_tell(const struct request *request, int64_t body_length,
             int (*put)(void *arg, const char *name, size_t name_length, const char *value, size_t value_length),
             void *arg);

#endif
