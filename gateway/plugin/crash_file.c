#include "plugin/crash_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scribe.h"
#include "base/text.h"

#define SUFFIX ".request"

enum { NAME_MOST = 64 }; /* a plugin's name has no more */

/* Set before threads start; read by the handler. */
static char directory[PATH_MAX]; /* "": requests are not kept */
static uint64_t body_limit;

/* Of the one file that the handler makes. */
static char file_path[PATH_MAX + NAME_MAX];

/* --- at the start ------------------------------------------------------------------------------------------------ */

static int check_directory(const char *path, ngi_error *err)
{
    struct stat file;
    if (stat(path, &file) < 0)
        return ngi_error_set(err, errno == ENOENT ? NGI_ENOENT : NGI_EIO, "%s", strerror(errno));
    if (!S_ISDIR(file.st_mode))
        return ngi_error_set(err, NGI_EPERM, "it is no directory");
    if (file.st_uid != geteuid())
        return ngi_error_set(err, NGI_EPERM, "it belongs to uid %u, not to the user running postern (uid %u): chown it",
                             (unsigned)file.st_uid, (unsigned)geteuid());
    if (file.st_mode & (S_IWGRP | S_IWOTH))
        return ngi_error_set(err, NGI_EPERM, "others may write to it (mode %04o): chmod go-w it",
                             (unsigned)file.st_mode & 07777);
    return NGI_OK;
}

static bool is_digits(const char *text, size_t n)
{
    return strspn(text, "0123456789") >= n;
}

/* "20261121T103052Z-…": sorted by name, they are sorted by time. */
static int is_ours(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return strlen(name) > 17 && is_digits(name, 8) && name[8] == 'T' && is_digits(name + 9, 6) && name[15] == 'Z' &&
           name[16] == '-' && text_has_suffix(name, SUFFIX);
}

/* Others may do the same at the same time; what cannot be removed stays. */
static void prune(int64_t keep)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_ours, alphasort);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < count; i++) {
        if (fd >= 0 && count - i >= keep)
            (void)unlinkat(fd, entries[i]->d_name, 0);
        free(entries[i]);
    }
    free(entries);
    if (fd >= 0)
        close(fd);
}

/* ---------------------------------------------------------------------------------------------------------- */

int crash_file_start(const char *path, int64_t keep, int64_t body_most, ngi_error *err)
{
    int rc = check_directory(path, err);
    directory[0] = '\0';
    if (rc != NGI_OK)
        return rc;
    if (!realpath(path, directory)) { /* the working directory may change */
        directory[0] = '\0';
        return ngi_error_set(err, NGI_EIO, "%s", strerror(errno));
    }
    body_limit = (uint64_t)body_most;
    prune(keep);
    return NGI_OK;
}

int crash_file_open(const struct crash_facts *known, const char **ret_path)
{
    struct scribe path = { file_path, sizeof file_path - 1, 0 };
    if (!directory[0] || !known->request)
        return CRASH_FILE_OFF;
    scribe_put(&path, directory);
    scribe_put(&path, "/");
    scribe_put(&path, known->facts.when);
    scribe_put(&path, "-");
    size_t before = path.length;
    scribe_suspect(&path, known->facts.plugin, NAME_MOST);
    for (size_t i = before; i < path.length; i++)
        if (path.text[i] == '/') /* no name has one, unless it was overwritten */
            path.text[i] = '?';
    scribe_put(&path, "-");
    scribe_put(&path, known->facts.incident);
    scribe_put(&path, SUFFIX);
    path.text[path.length] = '\0';
    int fd = open(file_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    *ret_path = file_path;
    return fd;
}

int crash_file_fill(int fd, const struct crash_facts *known)
{
    int rc = transcript_write(fd, &known->facts, known->request, body_limit);
    close(fd);
    if (rc < 0)
        unlink(file_path);
    return rc;
}
