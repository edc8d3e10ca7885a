#include "http/cgi_response.h"

#include <stdlib.h>
#include <string.h>

#include "http/field.h"
#include "sdk/ngi.h"

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

int cgi_response_read(struct response *response, char *text, size_t n)
{
    int rc = NGI_OK;
    char *line = text, *end = text + n - 2; /* of the last line that is not empty */
    if (memchr(text, '\0', n))
        return NGI_EPARSE;
    do {
        char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next)
            return NGI_EPARSE;
        *next = '\0';
        rc = line == text ? take_status(response, line) : take_header(response, line);
        line = next + 2;
    } while (line < end && rc == NGI_OK);
    return rc;
}
