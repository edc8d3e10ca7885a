#include "http/cgi_response.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "http/field.h"
#include "sdk/ngi.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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
    value += strlen(file);
    body->kind = CGI_BODY_FILE;
    errno = 0;
    body->offset = strtoll(value, &end, 10);
    if (!is_digit(*value) || *end != ' ' || !is_digit(end[1]))
        return NGI_EPARSE;
    body->length = strtoll(end + 1, &end, 10);
    return *end || errno ? NGI_EPARSE : NGI_OK;
}

/* "Status: 200 OK": what head_write begins with. The phrase is not kept. */
static int take_status(struct response *response, const char *line)
{
    static const char name[] = "Status: ";
    const char *value = line + strlen(name);
    if (strncmp(line, name, strlen(name)) != 0 || strspn(value, "0123456789") != 3 || (value[3] && value[3] != ' ') ||
        !field_is_value(value, strlen(value)))
        return NGI_EPARSE;
    return response_status(response, atoi(value));
}

/* A header of the name Status is one like any other. */
static int take_header(struct response *response, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return NGI_EPARSE;
    *colon = '\0';
    const char *value = colon + 1;
    return response_add_header(response, line, value + strspn(value, " "));
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
    do {
        char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next)
            return NGI_EPARSE;
        *next = '\0';
        /* Before the status, it is the host that speaks; after it, a handler. */
        if (response->status == 0 && line == text && strncmp(line, "Body: ", 6) == 0)
            rc = take_body(ret_body, line + 6);
        else
            rc = response->status == 0 ? take_status(response, line) : take_header(response, line);
        line = next + 2;
    } while (line < end && rc == NGI_OK);
    return rc == NGI_OK && response->status == 0 ? NGI_EPARSE : rc;
}
