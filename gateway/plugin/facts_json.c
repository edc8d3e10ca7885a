#include "plugin/facts.h"

#include <jansson.h>
#include <stdlib.h>

#include "plugin/facts_text.h"
#include "plugin/flags.h"

/* Jansson's constructors return NULL when out of memory, and its adders take NULL for an error: so a chain of them
 * needs one check each, of the adder. */

static json_t *text(const char *s)
{
    char *utf8 = s ? facts_text_utf8(s) : NULL;
    json_t *value = s ? (utf8 ? json_string(utf8) : NULL) : json_null();
    free(utf8);
    return value;
}

static json_t *number(double value)
{
    const double exact = 9007199254740992.0; /* 2^53: whole numbers up to there are written without ".0" */
    if (value >= -exact && value <= exact && (double)(json_int_t)value == value)
        return json_integer((json_int_t)value);
    json_t *real = json_real(value);
    return real ? real : json_null(); /* JSON has no infinity */
}

static json_t *text_list(char *const *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, text(list[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *flag_list(uint32_t flags)
{
    char name[FLAGS_TEXT_SIZE];
    json_t *array = json_array();
    for (int bit = 0; bit < 32; bit++) {
        if (!(flags & 1u << bit))
            continue;
        flags_list(1u << bit, name);
        if (json_array_append_new(array, json_string(name)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *method_list_of(uint32_t methods)
{
    char scratch[16];
    const char *name;
    json_t *array = json_array();
    for (size_t i = 0; (name = facts_text_method(methods, i, scratch)); i++)
        if (json_array_append_new(array, json_string(name)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *route_list(const struct facts *facts)
{
    json_t *array = json_array();
    for (size_t i = 0; i < facts->route_count; i++) {
        const struct facts_route *route = &facts->routes[i];
        json_t *row = json_pack("{s:o, s:o, s:o}", "methods", method_list_of(route->methods), "pattern",
                                text(route->pattern), "flags", flag_list(route->flags));
        if (json_array_append_new(array, row) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *option_list(const struct facts *facts)
{
    json_t *array = json_array();
    for (size_t i = 0; i < facts->option_count; i++) {
        const struct facts_option *option = &facts->options[i];
        bool ranged = option->min != 0 || option->max != 0;
        json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", text(option->name), "type",
                                text(facts_text_type(option->type)), "default", text(option->default_value), "min",
                                ranged ? number(option->min) : json_null(), "max",
                                ranged ? number(option->max) : json_null(), "help", text(option->help));
        if (json_array_append_new(array, row) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *interface_version(const struct facts *facts)
{
    return facts->has_metadata ? json_sprintf("%u.%u", facts->abi >> 16, facts->abi & 0xffff) : json_null();
}

/* Writes what Jansson has made; DEL is the one control character that it does not escape. */
static int put(const char *json, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++)
        if ((json[i] == 0x7f ? fputs("\\u007f", out) : fputc(json[i], out)) == EOF)
            return -1;
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

int facts_print_json(const struct facts *facts, const char *path, FILE *out)
{
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "file", text(path),
                               "name", text(facts->name), "version", text(facts->version), "summary",
                               text(facts->summary), "abi", interface_version(facts), "build_id", text(facts->build_id),
                               "flags", flag_list(facts->flags), "routes", route_list(facts), "options",
                               option_list(facts), "needs", text_list(facts->needed, facts->needed_count), "unresolved",
                               text_list(facts->undefined, facts->undefined_count), "entry", facts->has_entry);
    if (!object)
        return NGI_ENOMEM;
    /* ASCII only: JSON is looked at on terminals too, and \u escapes carry anything else unharmed. */
    int rc = json_dump_callback(object, put, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 ? NGI_OK : NGI_EIO;
    json_decref(object);
    return rc == NGI_OK && (fputc('\n', out) == EOF || fflush(out) != 0 || ferror(out)) ? NGI_EIO : rc;
}
