/* A request body: received in pieces, held in memory, then in an unlinked file; read as a stream or as one block. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct body_limits {
    uint64_t most;     /* bytes a body may have */
    size_t memory;     /* bytes of it kept in memory */
    const char *spool; /* directory for the rest */
};

struct body {
    struct buffer memory; /* all of it, until it is spilled; then empty */
    int fd;               /* the unlinked file; -1: not spilled */
    uint64_t length;      /* bytes received */
    uint64_t position;    /* of body_read */
    void *map;            /* of the file; NULL: not mapped */
};

void body_init(struct body *body);

/* Takes the next `n` bytes. NGI_ETOOBIG over limits->most; NGI_EIO if the file cannot be written (errno says why: a
 * full disk, say); NGI_ENOMEM. */
int body_append(struct body *body, const struct body_limits *limits, const void *data, size_t n);

/* Makes the first `length` bytes of a regular file, which is taken, the body, which is empty so far. NGI_OK;
 * NGI_EINVAL: it is no such file, and closed. */
int body_adopt(struct body *body, int fd, uint64_t length);

/* Like read(2): bytes read, 0 at the end, NGI_EIO. */
int64_t body_read(struct body *body, void *buf, size_t n);

/* All of it as one read-only block that lives until body_reset; never NULL for a body of 0 bytes. NULL if it cannot be
 * mapped. */
const void *body_block(struct body *body);

/* Empty again, for the next request; a little memory is kept. */
void body_reset(struct body *body);
void body_free(struct body *body);

#endif
