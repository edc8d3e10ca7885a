/* What a handler's return value makes of the response (NGI.md, "What a handler returns"), and the defaults that
 * complete it. */
#ifndef HTTP_OUTCOME_H
#define HTTP_OUTCOME_H

#include <stdbool.h>

#include "http/request.h"

/* Completes request->response so that it can be sent as it stands. `rc` is what the handler returned; `tell`: a
 * failure's words may go to the client. Returns NULL, or why the handler failed, for the log; the words live as long as
 * the request. */
const char *outcome_settle(struct request *request, int rc, bool tell);

/* A handler is about to stream: completes status and type. NGI_OK, NGI_EINVAL where there is a body of another kind, or
 * what has failed before. */
int outcome_begin(struct request *request);

#endif
