/* Notices that the plugins directory or a file has changed, and waits until it has come to rest (inotify(7)). One
 * thread. */
#ifndef PROC_FILES_WATCH_H
#define PROC_FILES_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "sdk/ngi.h"

enum { WATCHED_MOST = 2 };

struct files_watch {
    int fd; /* to poll; -1: nothing is watched */
    struct watched_place {
        char *path; /* NULL: none. A directory whose *.so count, or a file. */
        bool directory;
        int wd; /* of the directory, or of the one that the file is in: files are replaced by others of their name */
    } places[WATCHED_MOST];
    bool gone;                /* a directory: at the next begin it is looked for anew */
    int64_t first_ms, due_ms; /* the first change; when it counts as having come to rest; INT64_MAX: no change */
};

void files_watch_init(struct files_watch *watch);

/* Watches a directory's *.so and a file, each NULL for none; what is watched already goes on without a gap. NGI_OK; or,
 * with nothing watched, NGI_EIO, NGI_ENOMEM with the reason. */
int files_watch_begin(struct files_watch *watch, const char *directory, const char *file, ngi_error *err);
void files_watch_end(struct files_watch *watch);

/* When `fd` can be read. */
void files_watch_read(struct files_watch *watch);
/* Whether something has changed and come to rest; says so once. */
bool files_watch_is_due(struct files_watch *watch);
/* When that may be, by clock_ms; INT64_MAX: nothing has changed. */
int64_t files_watch_next_ms(const struct files_watch *watch);

#endif
