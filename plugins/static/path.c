/* SPDX-License-Identifier: MIT
 *
 * path.c - see path.h.
 *
 * Looking at a path and then opening it is a race: a directory may become a symlink in between. So the kernel decides
 * during the open itself: openat2(2) with RESOLVE_BENEATH. Kernels before 5.6, and sandboxes that do not know the call,
 * get a walk that follows no symlink at all.
 */
#define _GNU_SOURCE /* O_PATH, syscall */

#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2 says EAGAIN when a rename raced with a ".." inside a symlink; trying again is the manual's advice. */
#define ATTEMPTS 16

bool path_allowed(const char *relative, bool hidden)
{
    while (*relative) {
        size_t length = strcspn(relative, "/");
        bool dots = (length == 1 && relative[0] == '.') || (length == 2 && !strncmp(relative, "..", 2));
        if (dots || (relative[0] == '.' && !hidden))
            return false;
        relative += length;
        relative += strspn(relative, "/");
    }
    return true;
}

/* Opens one component, `length` bytes of `name`, of `directory`; errno as openat(2). */
static int open_component(int directory, const char *name, size_t length, int flags)
{
    char component[NAME_MAX + 1];

    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(component, length ? name : ".", length ? length : 1);
    component[length ? length : 1] = '\0';
    if (!strcmp(component, "..")) {
        errno = EXDEV;
        return -1;
    }
    return openat(directory, component, flags | O_NOFOLLOW | O_CLOEXEC);
}

/* path_open without openat2: each step holds a descriptor of the directory it stands in, so nothing can be swapped. */
static int walk(int root, const char *relative, int flags)
{
    int directory = fcntl(root, F_DUPFD_CLOEXEC, 0);

    while (directory >= 0) {
        size_t length = strcspn(relative, "/");
        const char *rest = relative + length + strspn(relative + length, "/");
        int step = *rest ? O_PATH | O_DIRECTORY : flags | (relative[length] ? O_DIRECTORY : 0);
        int fd = open_component(directory, relative, length, step);
        int error = errno;

        (void)close(directory);
        errno = error;
        if (fd < 0 || !*rest)
            return fd < 0 ? -errno : fd;
        directory = fd;
        relative = rest;
    }
    return -errno;
}

int path_open(int root, const char *relative, int flags)
{
    if (!(flags & O_PATH)) /* openat2 refuses flags that mean nothing with O_PATH */
        flags |= O_NONBLOCK | O_NOCTTY;

    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        long fd = syscall(SYS_openat2, root, *relative ? relative : ".", &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM) /* EPERM is what a seccomp filter says to a call it does not know */
            return walk(root, relative, flags);
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

int path_refuse(ngi_request *r, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return ngi_fail(r, 503, "%s: %s", r->path, strerror(error));
    case EBADF:
    case EFAULT:
    case EINVAL:
    case EIO:
    case EOVERFLOW:
        return ngi_fail(r, NGI_EIO, "%s: %s", r->path, strerror(error));
    default:
        return 404;
    }
}

char *path_encode(char *out, const char *s, const char *plain)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (strchr(unreserved, c) || strchr(plain, c)) {
            *out++ = *s;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    return out;
}
