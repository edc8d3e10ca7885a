#include "http/cookie.h"

#include <string.h>

/* Drops spaces around [*start..end) and ends it with a NUL in place; returns its length. */
static size_t trim(char **start, char *end)
{
    while (*start < end && (**start == ' ' || **start == '\t'))
        ++*start;
    while (end > *start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    return (size_t)(end - *start);
}

/* ---------------------------------------------------------------------------------------------------------- */

int cookie_parse(const char *header, struct pairs *pairs)
{
    /* One copy, cut up in place: '=' and ';' make room for the NULs. */
    char *piece = arena_string(pairs->arena, header);
    if (!piece)
        return NGI_ENOMEM;
    for (char *next; piece; piece = next) {
        char *end = strchrnul(piece, ';'), *equals = memchr(piece, '=', (size_t)(end - piece));
        next = *end ? end + 1 : NULL;
        if (!equals)
            continue;
        char *name = piece, *value = equals + 1;
        if (trim(&name, equals) == 0)
            continue;
        size_t length = trim(&value, end);
        if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
            value[length - 1] = '\0';
            value++;
        }
        int rc = pairs_add(pairs, name, value);
        if (rc != NGI_OK)
            return rc;
    }
    return NGI_OK;
}
