/* SPDX-License-Identifier: MIT
 *
 * script.h - from the path of a request to the script that answers it, and the rest behind it.
 */
#ifndef FASTCGI_SCRIPT_H
#define FASTCGI_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

/* The options; strings, never NULL, that outlive all requests. */
struct script_rules {
    const char *fixed;     /* the one script, below the root ("index.php"); "": the path names it */
    const char *index;     /* what a path that ends in '/' means; "": nothing */
    const char *extension; /* what a script's name ends with; "": the whole path is the script */
};

/* Both point into what script_find was given. The script is `directory` followed by `file`. */
struct script {
    const char *directory; /* begins with '/' */
    size_t directory_length;
    const char *file;      /* "", where the path names all of it */
    const char *path_info; /* begins with '/', or is "" */
};

/* Whether an option may be such a file name: relative, and it does not climb. */
bool script_is_relative(const char *name);

/* Takes `path` (decoded, begins with '/') apart. False: it is no script's, a 404. */
bool script_find(const struct script_rules *rules, const char *path, struct script *ret);

#endif
