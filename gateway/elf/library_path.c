#include "elf/library_path.h"

#include <fcntl.h>
#include <glob.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/header.h"
#include "sdk/ngi.h"

enum { INCLUDE_DEPTH = 8 };

struct library_path {
    char *user;  /* LD_LIBRARY_PATH: "a:b"; NULL: none */
    char **dirs; /* the system's */
    size_t count;
};

struct loaded {
    const char *name;
    const char *file;
};

/* dl_iterate_phdr: the file of the library that is loaded under that name. Its entry lives until it is unloaded, which
 * no library of a running gateway is. */
static int match_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct loaded *wanted = arg;
    (void)size;
    const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
    if (!slash || strcmp(slash + 1, wanted->name) != 0)
        return 0;
    wanted->file = info->dlpi_name;
    return 1;
}

static const char *loaded_file(const char *name)
{
    struct loaded wanted = { .name = name };
    dl_iterate_phdr(match_loaded, &wanted);
    return wanted.file;
}

static int add_dir(struct library_path *path, const char *prefix, const char *dir, size_t length)
{
    char **more = realloc(path->dirs, (path->count + 1) * sizeof *more);
    if (!more)
        return NGI_ENOMEM;
    path->dirs = more;
    if (asprintf(&more[path->count], "%s%.*s", prefix, (int)length, dir) < 0)
        return NGI_ENOMEM;
    path->count++;
    return NGI_OK;
}

static int read_configuration(struct library_path *path, const char *file, int depth);

static int include_configuration(struct library_path *path, const char *pattern, int depth)
{
    char absolute[4096];
    glob_t files;
    int rc = NGI_OK;
    snprintf(absolute, sizeof absolute, "%s%s", *pattern == '/' ? "" : "/etc/", pattern);
    if (glob(absolute, 0, NULL, &files) != 0)
        return NGI_OK;
    for (size_t i = 0; i < files.gl_pathc && rc == NGI_OK; i++)
        rc = read_configuration(path, files.gl_pathv[i], depth + 1);
    globfree(&files);
    return rc;
}

/* ldconfig(8): a directory a line, "include PATTERN", "#" for comments. A file that is not there says nothing. */
static int read_configuration(struct library_path *path, const char *file, int depth)
{
    char line[4096];
    int rc = NGI_OK;
    FILE *in = depth < INCLUDE_DEPTH ? fopen(file, "re") : NULL;
    while (in && rc == NGI_OK && fgets(line, sizeof line, in)) {
        char *text = line + strspn(line, " \t");
        text[strcspn(text, "#\n")] = '\0';
        for (size_t n = strlen(text); n && strchr(" \t\r", text[n - 1]); n--)
            text[n - 1] = '\0';
        if (strncmp(text, "include", 7) == 0 && strspn(text + 7, " \t"))
            rc = include_configuration(path, text + 7 + strspn(text + 7, " \t"), depth);
        else if (*text == '/')
            rc = add_dir(path, "", text, strlen(text));
    }
    if (in)
        fclose(in);
    return rc;
}

/* The directory of the C library stands for the system's own, which has the machine's name in it on some systems. */
static int add_system_dirs(struct library_path *path)
{
    static const char *const usual[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib" };
    const char *libc = loaded_file("libc.so.6");
    int rc = NGI_OK;
    if (libc) {
        size_t length = (size_t)(strrchr(libc, '/') - libc);
        rc = add_dir(path, "", libc, length);
        if (rc == NGI_OK && strncmp(libc, "/usr/", 5) != 0)
            rc = add_dir(path, "/usr", libc, length);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual && rc == NGI_OK; i++)
        rc = add_dir(path, "", usual[i], strlen(usual[i]));
    return rc;
}

/* A descriptor, or NGI_ENOENT. What is no regular file is not opened: a FIFO would wait, a device might act. */
static int open_library(const char *file)
{
    struct stat status;
    uint64_t size;
    if (stat(file, &status) < 0 || !S_ISREG(status.st_mode))
        return NGI_ENOENT;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return NGI_ENOENT;
    if (elf_header_check(fd, &size, NULL) == NGI_OK)
        return fd;
    close(fd);
    return NGI_ENOENT;
}

/* Writes `dir` with its $ORIGIN replaced; false if it does not fit or asks for another variable. */
static bool expand(const char *dir, size_t length, const char *origin, char *out, size_t size)
{
    static const char *const spellings[] = { "$ORIGIN", "${ORIGIN}" };
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        const char *from = dir + i;
        size_t n = 1, taken = 1;
        for (size_t k = 0; k < 2; k++) {
            size_t m = strlen(spellings[k]);
            if (origin && length - i >= m && memcmp(from, spellings[k], m) == 0) {
                taken = m;
                from = origin;
                n = strlen(origin);
            }
        }
        if ((taken == 1 && *from == '$') || n >= size - used)
            return false;
        memcpy(out + used, from, n);
        used += n;
        i += taken;
    }
    out[used] = '\0';
    return true;
}

/* Tries the directories of "a:b"; an empty one is the working directory, as for the loader. */
static int open_in_list(const char *list, const char *origin, const char *name, char **ret_file)
{
    char dir[4096];
    for (const char *at = list; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        char *file;
        if (!expand(at, strcspn(at, ":"), origin, dir, sizeof dir))
            continue;
        if (asprintf(&file, "%s/%s", *dir ? dir : ".", name) < 0)
            return NGI_ENOMEM;
        int fd = open_library(file);
        if (fd >= 0) {
            *ret_file = file;
            return fd;
        }
        free(file);
    }
    return NGI_ENOENT;
}

static int open_file(const char *file, char **ret_file)
{
    int fd = open_library(file);
    if (fd < 0)
        return fd;
    char *copy = strdup(file);
    if (!copy) {
        close(fd);
        return NGI_ENOMEM;
    }
    *ret_file = copy;
    return fd;
}

/* ---------------------------------------------------------------------------------------------------------- */

int library_path_new(struct library_path **ret)
{
    struct library_path *path = calloc(1, sizeof *path);
    int rc = path ? NGI_OK : NGI_ENOMEM;
    const char *user = secure_getenv("LD_LIBRARY_PATH");
    if (path && user && *user && !(path->user = strdup(user)))
        rc = NGI_ENOMEM;
    if (rc == NGI_OK)
        rc = read_configuration(path, "/etc/ld.so.conf", 0);
    if (rc == NGI_OK)
        rc = add_system_dirs(path);
    if (rc == NGI_OK)
        *ret = path;
    else
        library_path_free(path);
    return rc;
}

void library_path_free(struct library_path *path)
{
    if (!path)
        return;
    for (size_t i = 0; i < path->count; i++)
        free(path->dirs[i]);
    free(path->dirs);
    free(path->user);
    free(path);
}

int library_path_open(const struct library_path *path, const char *name, const char *own, const char *origin,
                      char **ret_file)
{
    char file[4096];
    if (strchr(name, '/'))
        return expand(name, strlen(name), origin, file, sizeof file) ? open_file(file, ret_file) : NGI_ENOENT;
    const char *loaded = loaded_file(name);
    int fd = loaded ? open_file(loaded, ret_file) : NGI_ENOENT;
    if (fd == NGI_ENOENT)
        fd = open_in_list(path->user, NULL, name, ret_file);
    if (fd == NGI_ENOENT)
        fd = open_in_list(own && *own ? own : NULL, origin, name, ret_file);
    for (size_t i = 0; i < path->count && fd == NGI_ENOENT; i++)
        fd = open_in_list(path->dirs[i], NULL, name, ret_file);
    return fd;
}
