#include "http/problem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "http/status.h"

/* JSON only for a client that names it: a browser's or curl's Accept does not. */
static bool wants_json(struct request *request)
{
    const char *accept = request_header(request, "Accept");
    return accept && strstr(accept, "json") && !strstr(accept, "text/html");
}

static char *as_json(struct request *request, int status, bool incident, const char *detail)
{
    json_t *object = json_pack("{s:i, s:s, s:s*, s:s*}", "status", status, "error", status_phrase(status), "incident",
                               incident ? request_id(request) : NULL, "detail", detail);
    char *text = object ? json_dumps(object, 0) : NULL;
    json_decref(object);
    return text;
}

/* ---------------------------------------------------------------------------------------------------------- */

int problem_respond(struct request *request, int status, bool incident, const char *detail)
{
    struct response *response = &request->response;
    struct buffer *text = &response->text;
    response_reset(response);
    response->status = status;
    response->touched = true;
    if (status_has_no_content(status))
        return status;
    /* Out of memory here leaves a shorter body, which is as good an answer as there is. */
    char *json = wants_json(request) ? as_json(request, status, incident, detail) : NULL;
    response_set_own_type(response, json ? "application/json" : "text/plain; charset=UTF-8");
    (void)response_set_header(response, "X-Content-Type-Options", "nosniff");
    if (json) {
        (void)buffer_printf(text, "%s\n", json);
    } else {
        (void)buffer_printf(text, "%d %s\n", status, status_phrase(status));
        if (detail)
            (void)buffer_printf(text, "%s\n", detail);
        if (incident)
            (void)buffer_printf(text, "Incident %s\n", request_id(request));
    }
    free(json);
    return status;
}
