/* A bounded pipe of bytes in memory: one side puts in, the other takes out. It waits for nobody and locks nothing: its
 * owner does both. */
#ifndef RUN_PIPE_H
#define RUN_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipe {
    char *data; /* NULL: not open */
    size_t size;
    uint64_t put, taken; /* bytes, ever */
    bool ended;          /* nothing more comes */
    bool broken;         /* it ended too early, or nobody takes any more */
};

/* NGI_OK, NGI_ENOMEM. A zeroed struct pipe is a closed one. */
int pipe_open(struct pipe *pipe, size_t size);
void pipe_close(struct pipe *pipe);

/* Bytes in it. */
static inline size_t pipe_filled(const struct pipe *pipe)
{
    return (size_t)(pipe->put - pipe->taken);
}

/* Copies as much as fits, or is there; returns how much. */
size_t pipe_put(struct pipe *pipe, const void *data, size_t n);
size_t pipe_take(struct pipe *pipe, void *data, size_t n);

/* The largest piece that can be filled in place (0: full), and saying how much of it was. The piece may be filled while
 * another thread takes. */
char *pipe_space(struct pipe *pipe, size_t *ret_n);
void pipe_filled_in(struct pipe *pipe, size_t n);

#endif
