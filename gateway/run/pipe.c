#include "run/pipe.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------------------------------------------------- */

int pipe_open(struct pipe *pipe, size_t size)
{
    *pipe = (struct pipe){ .data = malloc(size), .size = size };
    return pipe->data ? NGI_OK : NGI_ENOMEM;
}

void pipe_close(struct pipe *pipe)
{
    free(pipe->data);
    *pipe = (struct pipe){ 0 };
}

size_t pipe_put(struct pipe *pipe, const void *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t room;
        char *space = pipe_space(pipe, &room);
        if (room == 0)
            break;
        room = least(room, n - done);
        memcpy(space, (const char *)data + done, room);
        pipe_filled_in(pipe, room);
        done += room;
    }
    return done;
}

size_t pipe_take(struct pipe *pipe, void *data, size_t n)
{
    size_t done = 0;
    n = least(n, pipe_filled(pipe));
    while (done < n) {
        size_t from = (size_t)(pipe->taken % pipe->size);
        size_t piece = least(n - done, pipe->size - from);
        memcpy((char *)data + done, pipe->data + from, piece);
        pipe->taken += piece;
        done += piece;
    }
    return done;
}

char *pipe_space(struct pipe *pipe, size_t *ret_n)
{
    size_t from = (size_t)(pipe->put % pipe->size);
    *ret_n = least(pipe->size - pipe_filled(pipe), pipe->size - from);
    return pipe->data + from;
}

void pipe_filled_in(struct pipe *pipe, size_t n)
{
    pipe->put += n;
}
