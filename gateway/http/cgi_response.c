#include "http/cgi_response.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"

static int take_body(struct cgi_body *body, const char *value)
{
    char *end;
    static const char file[] = "file ";
    if (strcmp(value, "stream") == 0) {
        body->kind = CGI_BODY_STREAM;
        return NGI_OK;
    }
    if (strncmp(value, file, strlen(file)) != 0)
        return NGI_EPARSE;
    body->kind = CGI_BODY_FILE;
    body->offset = strtoll(value + strlen(file), &end, 10);
    if (*end != ' ')
        return NGI_EPARSE;
    body->length = strtoll(end + 1, &end, 10);
    return *end || body->offset < 0 || body->length < 0 ? NGI_EPARSE : NGI_OK;
}

static int take_line(struct response *response, struct cgi_body *body, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return NGI_EPARSE;
    *colon = '\0';
    char *value = colon + 1;
    value += strspn(value, " ");
    /* Before the status, it is the host that speaks; after it, a handler. */
    if (response->status == 0 && strcmp(line, "Body") == 0)
        return take_body(body, value);
    if (strcmp(line, "Status") != 0)
        return response_add_header(response, line, value);
    return strspn(value, "0123456789") == 3 ? response_status(response, atoi(value)) : NGI_EPARSE;
}

/* ---------------------------------------------------------------------------------------------------------- */

size_t cgi_response_head(const char *text, size_t n)
{
    const char *end = memmem(text, n, "\r\n\r\n", 4);
    return end ? (size_t)(end - text) + 4 : 0;
}

int cgi_response_read(struct response *response, struct cgi_body *ret_body, char *text, size_t n)
{
    int rc = NGI_OK;
    char *line = text, *end = text + n - 2; /* of the last line that is not empty */
    *ret_body = (struct cgi_body){ 0 };
    if (memchr(text, '\0', n))
        return NGI_EPARSE;
    while (line < end && rc == NGI_OK) {
        char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next)
            return NGI_EPARSE;
        *next = '\0';
        rc = take_line(response, ret_body, line);
        line = next + 2;
    }
    return rc == NGI_OK && response->status == 0 ? NGI_EPARSE : rc;
}
