#include "plugin/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "plugin/trust.h"

static void refuse_open(const char *path, int error, ngi_error *err)
{
    struct stat link;
    if (error == ENOENT && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
        ngi_error_set(err, NGI_ENOENT, "a symbolic link to a file that does not exist");
    else
        ngi_error_set(err, error == ENOENT ? NGI_ENOENT : NGI_EIO, "cannot be opened: %s", strerror(error));
}

/* A copy of the open file, or -1 with the reason. */
static int copy_checked(int fd, const char *path, ngi_error *err)
{
    struct stat file;
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode)) {
        ngi_error_set(err, NGI_EABI, "%s, not a regular file",
                      S_ISDIR(file.st_mode) ? "a directory" : "a pipe, socket or device");
        return -1;
    }
    if (trust_check(fd, path, err) != NGI_OK)
        return -1;
    const char *slash = strrchr(path, '/');
    int copy = file_copy_to_memory(fd, slash ? slash + 1 : path);
    if (copy >= 0)
        return copy;
    ngi_error_set(err, NGI_EIO, "cannot be copied: %s", strerror(-copy));
    return -1;
}

static int is_plugin_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && text_has_suffix(entry->d_name, ".so");
}

/* As alphasort, whatever the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool plugin_file_take(struct plugin_file *ret, const char *path)
{
    *ret = (struct plugin_file){ .path = strdup(path), .copy = -1 };
    if (!ret->path)
        return false;
    /* One descriptor for every look, so that what was checked is what is loaded. O_NONBLOCK: a FIFO must not hang us.
     */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        refuse_open(path, errno, &ret->why);
        return true;
    }
    ret->copy = copy_checked(fd, path, &ret->why);
    close(fd);
    return true;
}

void plugin_file_release(struct plugin_file *file)
{
    if (file->copy >= 0)
        close(file->copy);
    free(file->path);
    free(file->quarantine);
    *file = (struct plugin_file){ .copy = -1 };
}

bool bundle_add(struct bundle *bundle, const char *path, struct report *report)
{
    struct plugin_file *all = realloc(bundle->all, (bundle->count + 1) * sizeof *all);
    if (all)
        bundle->all = all;
    if (!all || !plugin_file_take(&all[bundle->count], path)) {
        report_add(report, "%s: out of memory", path);
        return false;
    }
    bundle->count++;
    return true;
}

bool bundle_add_directory(struct bundle *bundle, const char *directory, struct report *report)
{
    struct dirent **entries = NULL;
    ngi_error err = { 0 };
    bool good = false;
    int count = 0;
    DIR *dir = opendir(directory);
    if (!dir) {
        report_add(report, "%s: %s: name a directory of plugins with --plugins or the setting plugins", directory,
                   strerror(errno));
        return false;
    }
    if (trust_check(dirfd(dir), directory, &err) != NGI_OK) {
        report_add(report, "%s: %s", directory, err.text);
        goto out;
    }
    count = scandir(directory, &entries, is_plugin_file, by_bytes);
    if (count < 0) {
        report_add(report, "%s: %s", directory, strerror(errno));
        goto out;
    }
    good = true;
    for (int i = 0; i < count && good; i++) {
        char *path;
        if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0) {
            report_add(report, "%s: out of memory", directory);
            good = false;
            break;
        }
        good = bundle_add(bundle, path, report);
        free(path);
    }
    if (count == 0)
        log_line(NGI_LOG_WARNING, "%s holds no plugin (*.so): every request will be a 404", directory);
out:
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    closedir(dir);
    return good;
}

void bundle_free(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        plugin_file_release(&bundle->all[i]);
    free(bundle->all);
    *bundle = (struct bundle){ 0 };
}
