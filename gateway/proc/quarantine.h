/* Builds of plugins that have brought a worker down: their calls are run in host processes from then on, where the
 * operator has not said where they are to run. A build is the bytes of its file, wherever that lies; another one begins
 * anew. The supervisor's, one thread. */
#ifndef PROC_QUARANTINE_H
#define PROC_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/bundle.h"

struct quarantined {
    char *name;        /* that the plugin gives itself */
    char *path;        /* of its file, then */
    char *why;         /* "it has crashed its worker (…)" */
    int copy;          /* what has crashed: a sealed memfd */
    unsigned released; /* the operator has let it go with this generation, if that comes to serve; 0: not */
};

/* A zeroed one is empty. */
struct quarantine {
    struct quarantined *all;
    size_t count;
};

/* Strings and copy become its own: the copy is a descriptor of its own (dup). 0 or -errno, -EEXIST if it is there. */
int quarantine_add(struct quarantine *quarantine, const struct plugin_file *file, const char *name, const char *why);

/* The entry of these bytes; NULL: there is none. Where two copies cannot be compared, they count as the same. */
struct quarantined *quarantine_find(const struct quarantine *quarantine, const struct plugin_file *file);

/* Whether a plugin of that name is in quarantine. */
bool quarantine_has(const struct quarantine *quarantine, const char *name);
/* Lets those of that name go with generation `number`. */
void quarantine_release(struct quarantine *quarantine, const char *name, unsigned number);

/* Marks what is in quarantine among the files of a new generation, before its workers are made, but for plugin
 * `release` (NULL: none). False: out of memory. */
bool quarantine_apply(const struct quarantine *quarantine, struct bundle *bundle, const char *release);

/* Generation `number` serves: why an entry is over. NULL: it goes on. */
const char *quarantine_is_over(const struct quarantined *entry, const struct bundle *bundle, unsigned number);
/* Forgets the entry at `i`; those behind it move up. */
void quarantine_remove(struct quarantine *quarantine, size_t i);

void quarantine_free(struct quarantine *quarantine);

#endif
