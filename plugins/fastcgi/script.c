/* SPDX-License-Identifier: MIT
 *
 * script.c - see script.h.
 *
 * The script ends at the first component that ends in the extension. The last one would let a client choose how much
 * of the path is the script: of /uploads/picture.jpg/x.php, PHP's cgi.fix_pathinfo makes /uploads/picture.jpg.
 */
#include "script.h"

#include <string.h>

/* The length of the component at `at`. */
static size_t component(const char *at)
{
    return strcspn(at, "/");
}

/* No "." or ".." among the components. The gateway has resolved them; what is sent to another process says so itself.
 */
static bool climbs(const char *path)
{
    for (; *path; path += component(path), path += *path == '/') {
        size_t length = component(path);
        if ((length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
            return true;
    }
    return false;
}

/* More than the extension itself: ".php" is a hidden file, and no script. */
static bool ends_with(const char *name, size_t length, const char *extension)
{
    size_t tail = strlen(extension);
    return length > tail && memcmp(name + length - tail, extension, tail) == 0;
}

/* Where the script of `path` ends; NULL: none of its components is one. */
static const char *find_end(const char *path, const char *extension)
{
    while (*path == '/') {
        size_t length = component(++path);
        if (ends_with(path, length, extension))
            return path + length;
        path += length;
    }
    return NULL;
}

/* The whole path is for the one script, but for its own name, where a link has that. */
static bool find_fixed(const struct script_rules *rules, const char *path, struct script *ret)
{
    size_t length = strlen(rules->fixed);
    const char *rest = path + 1;
    bool named = strncmp(rest, rules->fixed, length) == 0 && (!rest[length] || rest[length] == '/');

    *ret = (struct script){ path, 1, rules->fixed, named ? rest + length : path };
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool script_is_relative(const char *name)
{
    return *name != '/' && !climbs(name) && (!*name || name[strlen(name) - 1] != '/');
}

bool script_find(const struct script_rules *rules, const char *path, struct script *ret)
{
    size_t length = strlen(path);

    if (*path != '/' || climbs(path))
        return false;
    if (*rules->fixed)
        return find_fixed(rules, path, ret);

    const char *end = *rules->extension ? find_end(path, rules->extension) : NULL;
    if (end) {
        *ret = (struct script){ path, (size_t)(end - path), "", end };
        return true;
    }
    if (path[length - 1] == '/') {
        *ret = (struct script){ path, length, rules->index, path + length };
        return *rules->index != '\0';
    }
    *ret = (struct script){ path, length, "", path + length };
    return !*rules->extension;
}
