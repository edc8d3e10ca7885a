#include "tests/harness/scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/command.h"

enum { PATHS = 8, PATH_SIZE = 512, BLOCK = 64 * 1024, OPEN_DIRECTORIES = 16 };

static int make_removable(const char *path, const struct stat *file, int kind, struct FTW *at)
{
    (void)at;
    if (kind == FTW_D || kind == FTW_DNR)
        chmod(path, (file->st_mode & 07777) | 0700);
    return 0;
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *at)
{
    (void)file, (void)kind, (void)at;
    return remove(path);
}

static int create(const struct scratch *scratch, const char *name, mode_t mode)
{
    const char *path = scratch_path(scratch, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(fchmod(fd, mode), 0); /* whatever the umask */
    return fd;
}

static void write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        ck_assert_msg(done > 0, "write: %s", strerror(errno));
        data += done;
        n -= (size_t)done;
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void scratch_make(struct scratch *scratch)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(scratch->path, sizeof scratch->path, "%.90s/postern-test-XXXXXX", temporary ? temporary : "/tmp");
    ck_assert_msg(mkdtemp(scratch->path) != NULL, "%s: %s", scratch->path, strerror(errno));
}

void scratch_remove(struct scratch *scratch)
{
    if (!*scratch->path)
        return;
    nftw(scratch->path, make_removable, OPEN_DIRECTORIES, FTW_PHYS);
    int rc = nftw(scratch->path, remove_one, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    ck_assert_msg(rc == 0, "%s cannot be removed: %s", scratch->path, strerror(errno));
    *scratch->path = '\0';
}

const char *scratch_path(const struct scratch *scratch, const char *name)
{
    static char paths[PATHS][PATH_SIZE];
    static unsigned next;
    char *out = paths[next++ % PATHS];
    int n = snprintf(out, PATH_SIZE, "%s/%s", scratch->path, name);
    ck_assert_int_lt(n, PATH_SIZE);
    return out;
}

void scratch_write(const struct scratch *scratch, const char *name, const char *text)
{
    int fd = create(scratch, name, 0644);
    write_all(fd, text, strlen(text));
    close(fd);
}

void scratch_copy(const struct scratch *scratch, const char *built_path)
{
    const char *slash = strrchr(built_path, '/');
    scratch_copy_as(scratch, built_path, slash ? slash + 1 : built_path);
}

void scratch_copy_as(const struct scratch *scratch, const char *built_path, const char *name)
{
    char block[BLOCK];
    ssize_t n;
    int from = open(built(built_path), O_RDONLY | O_CLOEXEC);
    ck_assert_msg(from >= 0, "%s: %s", built(built_path), strerror(errno));
    int to = create(scratch, name, 0755);
    while ((n = read(from, block, sizeof block)) > 0)
        write_all(to, block, (size_t)n);
    ck_assert_int_eq(n, 0);
    close(from);
    close(to);
}

void scratch_compile(const struct scratch *scratch, const char *name, const char *text, const char *flags)
{
    static const char script[] = "exec ${CC:-cc} -std=gnu11 -g -shared -fPIC -I\"$1\" -o \"$2\" \"$2.c\" $3";
    struct command_result result;
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s.c", name);
    scratch_write(scratch, file, text);
    COMMAND(&result, "sh", "-c", script, "sh", source("sdk"), scratch_path(scratch, name), flags);
    ck_assert_msg(result.status == 0, "%s does not compile:\n%s", file, result.err);
    command_free(&result);
}
