#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int file_unlinked(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
        return -errno;
    /* A file system without O_TMPFILE: make a name and take it away. */
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/postern-XXXXXX", dir) >= sizeof path)
        return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

static int read_all(int fd, size_t limit, char **ret_data, size_t *ret_length)
{
    int rc = 0;
    char *data = NULL;
    size_t length = 0, capacity = 0;
    for (;;) {
        if (capacity - length < 2) {
            capacity = capacity ? capacity * 2 : 4096;
            char *more = realloc(data, capacity);
            if (!more) {
                rc = -ENOMEM;
                goto out;
            }
            data = more;
        }
        ssize_t n = read(fd, data + length, capacity - length - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = -errno;
            goto out;
        }
        if (n == 0)
            break;
        length += (size_t)n;
        if (length > limit) {
            rc = -EFBIG;
            goto out;
        }
    }
    data[length] = '\0';
    *ret_data = data;
    *ret_length = length;
    data = NULL;
out:
    free(data);
    return rc;
}

int file_read(const char *path, size_t limit, char **ret_data, size_t *ret_length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = read_all(fd, limit, ret_data, ret_length);
    close(fd);
    return rc;
}

int file_read_again(const char *path, size_t limit, char **ret_data, size_t *ret_length)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe's open would wait for a writer */
    if (fd < 0)
        return -errno;
    int rc = -ESPIPE;
    if (fstat(fd, &about) < 0)
        rc = -errno;
    else if (!S_ISFIFO(about.st_mode))
        rc = read_all(fd, limit, ret_data, ret_length);
    close(fd);
    return rc;
}

int file_copy(int from, int to, off_t most)
{
    char block[65536];
    for (off_t at = 0; at < most;) {
        size_t left = most - at < (off_t)sizeof block ? (size_t)(most - at) : sizeof block;
        ssize_t n = pread(from, block, left, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int rc = file_write_all(to, block, (size_t)n);
        if (rc < 0)
            return rc;
        at += n;
    }
    return 0;
}

int file_copy_to_memory(int from, const char *name)
{
    int to = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (to < 0)
        return -errno;
    int rc = file_copy(from, to, INT64_MAX);
    if (rc == 0 && fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        rc = -errno;
    if (rc == 0)
        return to;
    close(to);
    return rc;
}

bool file_is_socket(int fd)
{
    int type;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
}

int file_same(int one, int other)
{
    struct stat a, b;
    if (fstat(one, &a) < 0 || fstat(other, &b) < 0)
        return -errno;
    if (a.st_size != b.st_size || a.st_size == 0)
        return a.st_size == b.st_size;
    size_t size = (size_t)a.st_size;
    void *mine = mmap(NULL, size, PROT_READ, MAP_PRIVATE, one, 0);
    void *theirs = mine == MAP_FAILED ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, other, 0);
    int rc = theirs == MAP_FAILED ? -errno : memcmp(mine, theirs, size) == 0;
    if (theirs != MAP_FAILED)
        munmap(theirs, size);
    if (mine != MAP_FAILED)
        munmap(mine, size);
    return rc;
}
