/* The gateway's own bodies: what a client sees where no handler has answered. Short text, or JSON for who asks for it;
 * never a plugin's words, path or version unless the operator has said debug = on. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include <stdbool.h>

#include "http/request.h"

/* Replaces the response by one of `status` with its phrase as the body. `incident`: the request id is told, for the
 * client to quote and the operator to find in the log. `detail` (may be NULL) is told after the phrase. Returns
 * `status`. */
int problem_respond(struct request *request, int status, bool incident, const char *detail);

#endif
