#include "proc/files_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum {
    SETTLE_MS = 300,           /* without a change: then whoever writes has finished */
    SETTLE_MOST_MS = 5 * 1000, /* with changes all the time */
    EVENTS = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
             IN_DELETE_SELF | IN_MOVE_SELF,
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int add(struct files_watch *watch, size_t at, const char *path, bool directory, ngi_error *err)
{
    struct watched_place *place = &watch->places[at];
    char where[PATH_MAX];
    if (!path)
        return NGI_OK;
    const char *base = base_name(path);
    if (directory)
        snprintf(where, sizeof where, "%s", path);
    else if (base == path)
        snprintf(where, sizeof where, ".");
    else if (base == path + 1)
        snprintf(where, sizeof where, "/");
    else
        snprintf(where, sizeof where, "%.*s", (int)(base - path - 1), path);
    place->path = strdup(path);
    if (!place->path)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    place->directory = directory;
    place->wd = inotify_add_watch(watch->fd, where, EVENTS | IN_ONLYDIR);
    return place->wd < 0 ? ngi_error_set(err, NGI_EIO, "%s: cannot be watched: %s", where, strerror(errno)) : NGI_OK;
}

static bool concerns(const struct watched_place *place, const struct inotify_event *event)
{
    if (!place->path || place->wd != event->wd)
        return false;
    if (event->len == 0) /* the directory itself */
        return event->mask & (IN_DELETE_SELF | IN_MOVE_SELF);
    return place->directory ? event->name[0] != '.' && text_has_suffix(event->name, ".so")
                            : strcmp(event->name, base_name(place->path)) == 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void files_watch_init(struct files_watch *watch)
{
    *watch = (struct files_watch){ .fd = -1, .due_ms = INT64_MAX };
}

int files_watch_begin(struct files_watch *watch, const char *directory, const char *file, ngi_error *err)
{
    if (watch->fd >= 0 && !watch->gone && same(watch->places[0].path, directory) && same(watch->places[1].path, file))
        return NGI_OK;
    files_watch_end(watch);
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0)
        return ngi_error_set(err, NGI_EIO, "inotify: %s", strerror(errno));
    int rc = add(watch, 0, directory, true, err);
    if (rc == NGI_OK)
        rc = add(watch, 1, file, false, err);
    if (rc != NGI_OK)
        files_watch_end(watch);
    return rc;
}

void files_watch_end(struct files_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    for (size_t i = 0; i < WATCHED_MOST; i++)
        free(watch->places[i].path);
    files_watch_init(watch);
}

void files_watch_read(struct files_watch *watch)
{
    char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool changed = false;
    ssize_t n;
    while ((n = read(watch->fd, room, sizeof room)) > 0)
        for (const char *at = room; at < room + n;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            at += sizeof *event + event->len;
            changed |= event->mask & IN_Q_OVERFLOW;
            for (size_t i = 0; i < WATCHED_MOST; i++)
                if (concerns(&watch->places[i], event)) {
                    changed = true;
                    if (event->len == 0)
                        watch->gone = true;
                }
        }
    if (!changed)
        return;
    int64_t now = clock_ms();
    if (watch->due_ms == INT64_MAX)
        watch->first_ms = now;
    watch->due_ms = now + SETTLE_MS;
    if (watch->due_ms > watch->first_ms + SETTLE_MOST_MS)
        watch->due_ms = watch->first_ms + SETTLE_MOST_MS;
}

bool files_watch_is_due(struct files_watch *watch)
{
    if (clock_ms() < watch->due_ms)
        return false;
    watch->due_ms = INT64_MAX;
    return true;
}

int64_t files_watch_next_ms(const struct files_watch *watch)
{
    return watch->due_ms;
}
