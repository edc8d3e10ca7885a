#include "plugin/crash_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scribe.h"
#include "base/text.h"
#include "http/date.h"

#define SUFFIX ".request"

enum {
    NAME_MOST = 64, /* a plugin's name has no more */
    WHEN_LENGTH = COMPACT_DATE_SIZE - 1,
    HEAD_MOST = 1 << 20, /* what a file may have beside a body */
    PASSED_MOST = 16 << 20,
};

/* Set before threads start; read by the handler. */
static char directory[PATH_MAX]; /* "": requests are not kept */
static uint64_t body_limit;
static int64_t keep_most;
static crash_file_keeper *keeper; /* who keeps them for us; NULL: we do */

/* Of the one file that the handler makes. */
static char file_path[PATH_MAX + NAME_MAX];

enum { NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };

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
static bool is_name(const char *name)
{
    return strlen(name) > WHEN_LENGTH + 1 && is_digits(name, 8) && name[8] == 'T' && is_digits(name + 9, 6) &&
           name[15] == 'Z' && name[WHEN_LENGTH] == '-' && text_has_suffix(name, SUFFIX);
}

static int is_ours(const struct dirent *entry)
{
    return is_name(entry->d_name);
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

/* --- of another process ----------------------------------------------------------------------------------------- */

/* "20261121T103052Z-PLUGIN-0123456789abcdef.request", as crash_file_open makes it. */
static bool is_name_of(const char *name, const char *plugin)
{
    size_t length = strlen(plugin);
    if (strchr(name, '/') || !is_name(name) || strncmp(name + WHEN_LENGTH + 1, plugin, length) != 0)
        return false;
    const char *incident = name + WHEN_LENGTH + 1 + length;
    return *incident++ == '-' && strspn(incident, "0123456789abcdef") == REQUEST_ID_SIZE - 1 &&
           strcmp(incident + REQUEST_ID_SIZE - 1, SUFFIX) == 0;
}

/* Whether it was about now: names of another day would have the files that they push out, or stay, for ever. */
static bool is_of_now(const char *name)
{
    enum { AGO_S = 600, AHEAD_S = 60 }; /* a machine may have stood still, a clock have been set */
    char first[COMPACT_DATE_SIZE], last[COMPACT_DATE_SIZE];
    compact_date_format(time(NULL) - AGO_S, first);
    compact_date_format(time(NULL) + AHEAD_S, last);
    return strncmp(name, first, WHEN_LENGTH) >= 0 && strncmp(name, last, WHEN_LENGTH) <= 0;
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
    keep_most = keep;
    keeper = NULL;
    prune(keep);
    return NGI_OK;
}

void crash_file_entrust(const char *path, int64_t body_most, crash_file_keeper *with)
{
    if (!realpath(path, directory))
        directory[0] = '\0';
    body_limit = (uint64_t)body_most;
    keeper = with;
}

bool crash_file_keeps(void)
{
    return directory[0] && !keeper;
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
    int fd = keeper ? memfd_create("request", MFD_CLOEXEC) : open(file_path, NEW_FILE, 0600);
    if (fd < 0)
        return -errno;
    *ret_path = file_path;
    return fd;
}

int crash_file_fill(int fd, const struct crash_facts *known)
{
    int rc = transcript_write(fd, &known->facts, known->request, body_limit);
    if (rc >= 0 && keeper)
        rc = keeper(strrchr(file_path, '/') + 1, fd);
    close(fd);
    if (rc < 0 && !keeper)
        unlink(file_path);
    return rc;
}

int crash_file_adopt(const char *plugin, const char *name, int fd, int64_t *ret_size, ngi_error *err)
{
    char path[PATH_MAX + NAME_MAX];
    struct stat file;
    *ret_size = 0;
    if (!is_name_of(name, plugin) || !is_of_now(name))
        return ngi_error_set(err, NGI_EINVAL, "no crash of it, of now, has a file of that name");
    /* A file in memory, and no other, has seals (fcntl(2)): one that is on no disk, and never waits to be read. First
     * of all, since to ask a file system for anything else may be to wait. */
    if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
        return ngi_error_set(err, NGI_EINVAL, "what has come is no file in memory");
    if ((uint64_t)file.st_size > body_limit + HEAD_MOST || file.st_size > PASSED_MOST)
        return ngi_error_set(err, NGI_ETOOBIG, "%lld bytes are too many", (long long)file.st_size);
    if (file.st_blocks * 512 < file.st_size)
        return ngi_error_set(err, NGI_EINVAL, "what has come has holes");
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int out = open(path, NEW_FILE, 0600);
    int rc = out < 0 ? -errno : file_copy(fd, out, file.st_size);
    *ret_size = file.st_size;
    if (out >= 0 && close(out) < 0 && rc == 0)
        rc = -errno;
    if (out >= 0 && rc < 0)
        unlink(path);
    if (rc < 0)
        return ngi_error_set(err, NGI_EIO, "%s: %s", path, strerror(-rc));
    prune(keep_most + 1); /* room for one is left at the start only */
    return NGI_OK;
}
