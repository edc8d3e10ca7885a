#include "proc/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static void empty(struct quarantined *entry)
{
    free(entry->name);
    free(entry->path);
    free(entry->why);
    if (entry->copy >= 0)
        close(entry->copy);
}

static bool is_of(const struct quarantined *entry, const struct plugin_file *file)
{
    return file->copy >= 0 && file_same(entry->copy, file->copy) != 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

int quarantine_add(struct quarantine *quarantine, const struct plugin_file *file, const char *name, const char *why)
{
    if (quarantine_find(quarantine, file))
        return -EEXIST;
    struct quarantined *all = realloc(quarantine->all, (quarantine->count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    quarantine->all = all;
    struct quarantined entry = { .name = strdup(name), .path = strdup(file->path), .why = strdup(why) };
    entry.copy = fcntl(file->copy, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int rc = entry.copy < 0 ? -errno : 0;
    if (!entry.name || !entry.path || !entry.why)
        rc = -ENOMEM;
    if (rc < 0)
        empty(&entry);
    else
        all[quarantine->count++] = entry;
    return rc;
}

struct quarantined *quarantine_find(const struct quarantine *quarantine, const struct plugin_file *file)
{
    for (size_t i = 0; i < quarantine->count; i++)
        if (is_of(&quarantine->all[i], file))
            return &quarantine->all[i];
    return NULL;
}

bool quarantine_has(const struct quarantine *quarantine, const char *name)
{
    for (size_t i = 0; i < quarantine->count; i++)
        if (strcmp(quarantine->all[i].name, name) == 0)
            return true;
    return false;
}

void quarantine_release(struct quarantine *quarantine, const char *name, unsigned number)
{
    for (size_t i = 0; i < quarantine->count; i++)
        if (strcmp(quarantine->all[i].name, name) == 0)
            quarantine->all[i].released = number;
}

bool quarantine_apply(const struct quarantine *quarantine, struct bundle *bundle, const char *release)
{
    for (size_t i = 0; i < bundle->count; i++) {
        struct plugin_file *file = &bundle->all[i];
        const struct quarantined *entry = quarantine_find(quarantine, file);
        if (!entry || (release && strcmp(entry->name, release) == 0))
            continue;
        file->quarantine = strdup(entry->why);
        if (!file->quarantine)
            return false;
    }
    return true;
}

const char *quarantine_is_over(const struct quarantined *entry, const struct bundle *bundle, unsigned number)
{
    const char *why = "its file is gone";
    if (entry->released == number)
        return "the operator has released it";
    for (size_t i = 0; i < bundle->count; i++) {
        if (is_of(entry, &bundle->all[i]))
            return NULL;
        if (strcmp(entry->path, bundle->all[i].path) == 0)
            why = "there is another build of it";
    }
    return why;
}

void quarantine_remove(struct quarantine *quarantine, size_t i)
{
    empty(&quarantine->all[i]);
    quarantine->count--;
    memmove(&quarantine->all[i], &quarantine->all[i + 1], (quarantine->count - i) * sizeof *quarantine->all);
}

void quarantine_free(struct quarantine *quarantine)
{
    for (size_t i = 0; i < quarantine->count; i++)
        empty(&quarantine->all[i]);
    free(quarantine->all);
    *quarantine = (struct quarantine){ 0 };
}
