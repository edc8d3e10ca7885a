#include "http/body.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sdk/ngi.h"

enum { KEEP = 64 * 1024 };

/* Moves what is in memory to a file and goes on there. */
static int spill(struct body *body, const char *spool)
{
    int fd = file_unlinked(spool);
    if (fd < 0) {
        errno = -fd;
        return NGI_EIO;
    }
    int rc = file_write_all(fd, body->memory.data, body->memory.length);
    if (rc < 0) {
        close(fd);
        errno = -rc;
        return NGI_EIO;
    }
    body->fd = fd;
    buffer_reset(&body->memory, KEEP);
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

void body_init(struct body *body)
{
    *body = (struct body){ .fd = -1 };
    buffer_init(&body->memory, SIZE_MAX / 2);
}

int body_append(struct body *body, const struct body_limits *limits, const void *data, size_t n)
{
    if (n > limits->most || body->length > limits->most - n)
        return NGI_ETOOBIG;
    if (body->fd < 0 && body->length + n > limits->memory) {
        int rc = spill(body, limits->spool);
        if (rc != NGI_OK)
            return rc;
    }
    if (body->fd < 0) {
        int rc = buffer_append(&body->memory, data, n);
        if (rc != NGI_OK)
            return rc;
    } else {
        int rc = file_write_all(body->fd, data, n);
        if (rc < 0) {
            (void)lseek(body->fd, (off_t)body->length, SEEK_SET); /* what was written of it does not count */
            errno = -rc;
            return NGI_EIO;
        }
    }
    body->length += n;
    return NGI_OK;
}

int body_adopt(struct body *body, int fd, uint64_t length)
{
    struct stat file;
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) || (uint64_t)file.st_size < length) {
        close(fd);
        return NGI_EINVAL;
    }
    body->fd = fd;
    body->length = length;
    return NGI_OK;
}

int64_t body_read(struct body *body, void *buf, size_t n)
{
    uint64_t left = body->length - body->position;
    if (n > left)
        n = (size_t)left;
    if (n == 0)
        return 0;
    if (body->fd < 0) {
        memcpy(buf, body->memory.data + body->position, n);
        body->position += n;
        return (int64_t)n;
    }
    ssize_t done;
    do
        done = pread(body->fd, buf, n, (off_t)body->position);
    while (done < 0 && errno == EINTR);
    if (done <= 0) /* the file is ours and has these bytes: its end is as much an error as a failed read */
        return NGI_EIO;
    body->position += (uint64_t)done;
    return done;
}

const void *body_block(struct body *body)
{
    if (body->length == 0)
        return "";
    if (body->fd < 0)
        return body->memory.data;
    if (!body->map) {
        void *map = mmap(NULL, (size_t)body->length, PROT_READ, MAP_PRIVATE, body->fd, 0);
        if (map == MAP_FAILED)
            return NULL;
        body->map = map;
    }
    return body->map;
}

void body_reset(struct body *body)
{
    if (body->map)
        munmap(body->map, (size_t)body->length);
    if (body->fd >= 0)
        close(body->fd);
    buffer_reset(&body->memory, KEEP);
    body->map = NULL;
    body->fd = -1;
    body->length = body->position = 0;
}

void body_free(struct body *body)
{
    body_reset(body);
    buffer_free(&body->memory);
}
