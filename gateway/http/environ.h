/* The CGI/1.1 environ of a request (RFC 3875 section 4.1): nothing is built until it is asked for. */
#ifndef HTTP_ENVIRON_H
#define HTTP_ENVIRON_H

#include "http/request.h"

/* SERVER_SOFTWARE */
extern const char *const environ_software;

/* As ngi_env and ngi_env_each. */
const char *environ_get(struct request *request, const char *name);
int environ_each(struct request *request, ngi_each_fn fn, void *arg);

#endif
