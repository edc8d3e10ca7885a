/* SPDX-License-Identifier: MIT
 *
 * environ.c - see environ.h.
 */
#include "environ.h"

/* Where init, each call and the application have to agree on what a name is. */
static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
static const char blanks[] = " \t";

struct adding {
    struct params *params;
    const char *operator_s; /* the option `params` */
    bool has_script;
};

/* The next NAME=VALUE at *at, which goes behind it. Its length; 0: there is none. */
static size_t next_pair(const char **at, const char **ret_pair)
{
    *ret_pair = *at + strspn(*at, blanks);
    size_t length = strcspn(*ret_pair, blanks);
    *at = *ret_pair + length;
    return length;
}

/* Whether the operator has said otherwise. */
static bool is_overridden(const char *params, const char *name)
{
    const char *pair;
    size_t length = strlen(name);

    while (next_pair(&params, &pair))
        if (strncmp(pair, name, length) == 0 && pair[length] == '=')
            return true;
    return false;
}

static void add(struct adding *adding, const char *name, const char *value)
{
    if (!is_overridden(adding->operator_s, name))
        params_add(adding->params, name, value);
}

static bool is_ours(const struct adding *adding, const char *name)
{
    if (strcmp(name, "CONTENT_LENGTH") == 0)
        return true;
    return adding->has_script && (strcmp(name, "SCRIPT_NAME") == 0 || strcmp(name, "PATH_INFO") == 0);
}

static int add_variable(void *arg, const char *name, const char *value)
{
    struct adding *adding = arg;

    if (!is_ours(adding, name))
        add(adding, name, value);
    return 0;
}

/* The operator's last; the values have no blanks in them. */
static bool add_pairs(struct params *params, const char *at)
{
    const char *pair;
    size_t length;

    while ((length = next_pair(&at, &pair)) > 0) {
        char *name = strndup(pair, length);
        if (!name)
            return false;
        char *equals = strchr(name, '=');
        *equals = '\0';
        params_add(params, name, equals + 1);
        free(name);
    }
    return true;
}

/* `a`, `length` bytes of `b`, and `c`; NULL if out of memory. */
static const char *join(ngi_request *r, const char *a, const char *b, size_t length, const char *c)
{
    size_t size = strlen(a) + length + strlen(c) + 1;
    char *text = ngi_alloc(r, size);

    if (text)
        (void)snprintf(text, size, "%s%.*s%s", a, (int)length, b, c);
    return text;
}

static bool add_script(struct adding *adding, ngi_request *r, const char *root, const struct script *script,
                       const char *filename)
{
    const char *mount = ngi_env(r, "SCRIPT_NAME");
    const char *name = join(r, mount ? mount : "", script->directory, script->directory_length, script->file);
    const char *translated = join(r, root, script->path_info, strlen(script->path_info), "");

    if (!name || !translated)
        return false;
    add(adding, "SCRIPT_NAME", name);
    add(adding, "SCRIPT_FILENAME", filename);
    add(adding, "DOCUMENT_ROOT", root);
    add(adding, "PATH_INFO", script->path_info);
    if (*script->path_info) /* RFC 3875 section 4.1.6 */
        add(adding, "PATH_TRANSLATED", translated);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

const char *environ_filename(ngi_request *r, const struct site *site, const struct script *script)
{
    return join(r, site->root, script->directory, script->directory_length, script->file);
}

bool environ_params_are_valid(const char *params)
{
    const char *pair;
    size_t length;

    while ((length = next_pair(&params, &pair)) > 0) {
        size_t name = strspn(pair, name_characters);
        if (!name || name >= length || pair[name] != '=')
            return false;
    }
    return true;
}

bool environ_add(struct params *params, ngi_request *r, const struct site *site, const struct script *script,
                 const char *filename, int64_t length)
{
    struct adding adding = { params, site->params, script != NULL };
    char digits[24];

    (void)ngi_env_each(r, add_variable, &adding);
    if (length >= 0) {
        (void)snprintf(digits, sizeof digits, "%lld", (long long)length);
        add(&adding, "CONTENT_LENGTH", digits);
    }
    add(&adding, "REDIRECT_STATUS", "200"); /* without it php-cgi refuses (its cgi.force_redirect) */
    if (script && !add_script(&adding, r, site->root, script, filename))
        return false;
    return add_pairs(params, site->params) && params_end(params);
}
