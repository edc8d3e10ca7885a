#include "plugin/description.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 64 }; /* a plugin's name has no more */

/* --- strings ------------------------------------------------------------------------------------------------- */

/* A pattern may be any bytes, and JSON has only text: each byte is the character of its number (ISO 8859-1). */
static json_t *text_of(const char *bytes)
{
    if (!bytes)
        return json_null();
    char *text = malloc(2 * strlen(bytes) + 1), *at = text;
    if (!text)
        return NULL;
    for (const unsigned char *byte = (const unsigned char *)bytes; *byte; byte++)
        if (*byte < 0x80) {
            *at++ = (char)*byte;
        } else {
            *at++ = (char)(0xc0 | *byte >> 6);
            *at++ = (char)(0x80 | (*byte & 0x3f));
        }
    json_t *string = json_stringn_nocheck(text, (size_t)(at - text));
    free(text);
    return string;
}

/* The way back; jansson has seen to it that it is UTF-8, without a NUL. */
static int bytes_of(const json_t *string, char **ret)
{
    if (!json_is_string(string))
        return NGI_EPARSE;
    const unsigned char *text = (const unsigned char *)json_string_value(string);
    char *bytes = malloc(json_string_length(string) + 1), *at = bytes;
    if (!bytes)
        return NGI_ENOMEM;
    for (; *text; text++)
        if (*text < 0x80) {
            *at++ = (char)*text;
        } else if (*text <= 0xc3) { /* U+0080 to U+00FF */
            *at++ = (char)(*text << 6 | (text[1] & 0x3f));
            text++;
        } else {
            free(bytes);
            return NGI_EPARSE;
        }
    *at = '\0';
    *ret = bytes;
    return NGI_OK;
}

static int number_of(const json_t *number, uint32_t *ret)
{
    json_int_t value = json_integer_value(number);
    if (!json_is_integer(number) || value < 0 || value > (json_int_t)UINT32_MAX)
        return NGI_EPARSE;
    *ret = (uint32_t)value;
    return NGI_OK;
}

/* --- routes -------------------------------------------------------------------------------------------------- */

static json_t *list_routes(const ngi_route *routes)
{
    json_t *array = json_array();
    for (const ngi_route *route = routes; array && route->methods; route++) {
        json_t *row = json_pack("{s:I, s:o, s:I}", "methods", (json_int_t)route->methods, "pattern",
                                text_of(route->pattern), "flags", (json_int_t)route->flags);
        if (json_array_append_new(array, row) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static int read_route(const json_t *row, ngi_route *ret)
{
    char *pattern = NULL;
    if (json_object_size(row) != 3)
        return NGI_EPARSE;
    int rc = number_of(json_object_get(row, "methods"), &ret->methods);
    if (rc == NGI_OK && ret->methods == 0) /* that would end the table */
        rc = NGI_EPARSE;
    if (rc == NGI_OK)
        rc = number_of(json_object_get(row, "flags"), &ret->flags);
    if (rc == NGI_OK)
        rc = bytes_of(json_object_get(row, "pattern"), &pattern);
    ret->pattern = pattern;
    return rc;
}

static int read_routes(const json_t *array, struct description *ret)
{
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0)
        return NGI_EPARSE;
    ret->routes = calloc(count + 1, sizeof *ret->routes);
    if (!ret->routes)
        return NGI_ENOMEM;
    int rc = NGI_OK;
    for (; ret->route_count < count && rc == NGI_OK; ret->route_count++)
        rc = read_route(json_array_get(array, ret->route_count), &ret->routes[ret->route_count]);
    return rc;
}

static int read_object(const json_t *object, struct description *ret)
{
    const json_t *version = json_object_get(object, "version");
    if (json_object_size(object) != 4 || !version)
        return NGI_EPARSE;
    int rc = bytes_of(json_object_get(object, "name"), &ret->name);
    if (rc == NGI_OK && (!*ret->name || strlen(ret->name) > NAME_MOST))
        rc = NGI_EPARSE;
    if (rc == NGI_OK && !json_is_null(version))
        rc = bytes_of(version, &ret->version);
    if (rc == NGI_OK)
        rc = number_of(json_object_get(object, "flags"), &ret->flags);
    if (rc == NGI_OK)
        rc = read_routes(json_object_get(object, "routes"), ret);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

char *description_write(const struct module *module)
{
    const ngi_plugin *self = &module->self;
    json_t *object = json_pack("{s:o, s:o, s:I, s:o}", "name", text_of(self->name), "version", text_of(self->version),
                               "flags", (json_int_t)self->flags, "routes", list_routes(self->routes));
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(object);
    return text;
}

int description_read(const char *text, size_t n, struct description *ret)
{
    struct description description = { 0 };
    json_error_t error;
    json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return json_error_code(&error) == json_error_out_of_memory ? NGI_ENOMEM : NGI_EPARSE;
    int rc = read_object(object, &description);
    json_decref(object);
    if (rc == NGI_OK)
        *ret = description;
    else
        description_free(&description);
    return rc;
}

void description_free(struct description *description)
{
    for (size_t i = 0; i < description->route_count; i++)
        free((char *)description->routes[i].pattern);
    free(description->routes);
    free(description->name);
    free(description->version);
    *description = (struct description){ 0 };
}
