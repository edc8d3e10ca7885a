#include "http/method.h"

#include <string.h>

#include "http/field.h"
#include "sdk/ngi.h"

static const struct {
    const char *name;
    uint32_t bit;
} methods[] = {
    { "GET", NGI_GET },         { "HEAD", NGI_HEAD },   { "POST", NGI_POST },
    { "PUT", NGI_PUT },         { "PATCH", NGI_PATCH }, { "DELETE", NGI_DELETE },
    { "OPTIONS", NGI_OPTIONS }, { "TRACE", 0 },         { "CONNECT", 0 },
};

enum { METHODS = sizeof methods / sizeof methods[0] };

_Static_assert(sizeof "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" <= METHOD_LIST_SIZE, "room for every name");

/* ---------------------------------------------------------------------------------------------------------- */

uint32_t method_bit(const char *name)
{
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].bit;
    return field_is_token(name, strlen(name)) ? METHOD_EXTENSION : 0;
}

void method_list(uint32_t bits, char out[METHOD_LIST_SIZE])
{
    method_names(bits | NGI_OPTIONS | (bits & NGI_GET ? NGI_HEAD : 0), out);
}

void method_names(uint32_t bits, char out[METHOD_LIST_SIZE])
{
    const char *separator = "";
    *out = '\0';
    for (size_t i = 0; i < METHODS; i++) {
        if (!(bits & methods[i].bit))
            continue;
        out = stpcpy(stpcpy(out, separator), methods[i].name);
        separator = ", ";
    }
}
