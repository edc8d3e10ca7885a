/* The plugin files of a generation, as they were when it began: private copies, sealed, so that every process of it
 * links the same code, whatever is written over the files meanwhile. No code of theirs runs here. One thread. */
#ifndef PLUGIN_BUNDLE_H
#define PLUGIN_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"
#include "sdk/ngi.h"

struct plugin_file {
    char *path;
    int copy;      /* a sealed memfd; -1: the file is refused */
    ngi_error why; /* then; without the path */
    char *quarantine; /* why its calls are to be run in host processes where `run` is auto; NULL: they are not */
};

/* Looks at `path` through one descriptor: a regular file that only its owner can change (see trust.h), which is copied.
 * A refusal is kept in `ret`, for whoever loads it to report among others. False: out of memory. */
bool plugin_file_take(struct plugin_file *ret, const char *path);
/* What is linked keeps the copy in its memory; debuggers want the descriptor too, as long as the process runs. */
void plugin_file_release(struct plugin_file *file);

/* A zeroed struct bundle is empty. */
struct bundle {
    struct plugin_file *all;
    size_t count;
    bool at_root; /* its plugins are mounted at "/", not where the settings or their names say */
};

/* False, with the reason in `report`: out of memory. */
bool bundle_add(struct bundle *bundle, const char *path, struct report *report);

/* Adds every *.so of a directory, sorted by name. False, with the reason in `report`, for a directory that cannot be
 * read or that others can change. An empty directory is fine, and warned of. */
bool bundle_add_directory(struct bundle *bundle, const char *directory, struct report *report);

void bundle_free(struct bundle *bundle);

#endif
