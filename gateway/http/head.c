#include "http/head.h"

#include <inttypes.h>

#include "http/status.h"

/* Bytes of the body, also where it is not sent; -1: unknown, or not to be told. */
static int64_t told_length(const struct request *request)
{
    const struct response *response = &request->response;
    if (status_has_no_content(response->status))
        return -1;
    /* A HEAD may declare what it does not write. */
    bool unwritten = response->kind == RESPONSE_TEXT && response->text.length == 0;
    if (request->method == NGI_HEAD && unwritten && response->declared > 0)
        return response->declared;
    return response_length(response);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool head_stands_alone(const struct request *request)
{
    return request->method == NGI_HEAD || status_has_no_content(request->response.status);
}

int head_write(struct buffer *out, const char *first, const struct request *request)
{
    const struct response *response = &request->response;
    int64_t length = told_length(request);
    int rc = buffer_printf(out, "%s %d %s\r\n", first, response->status, status_phrase(response->status));
    if (rc == NGI_OK && response->type)
        rc = buffer_printf(out, "Content-Type: %s\r\n", response->type);
    for (const struct response_header *header = response->headers; header && rc == NGI_OK; header = header->next)
        rc = buffer_printf(out, "%s: %s\r\n", header->field.name, header->field.value);
    if (rc == NGI_OK && length >= 0)
        rc = buffer_printf(out, "Content-Length: %" PRId64 "\r\n", length);
    return rc == NGI_OK ? buffer_append(out, "\r\n", 2) : rc;
}
