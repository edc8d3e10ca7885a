/* The bytes of a connection from a web server that speaks FastCGI: what has come and not been looked at, what is to be
 * answered between records, and whether it is still there. Never blocks. */
#ifndef PROC_FRONT_H
#define PROC_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/responder.h"

enum { FRONT_IN = 32 * 1024 };

struct front {
    int fd;
    bool files; /* descriptors may come along, and be sent: the other side is our gateway */
    int came;   /* one that has come, until somebody takes it; -1: none */
    int goes;   /* one that goes along with the next byte, and stays whose it is; -1: none */
    struct responder responder;
    struct buffer replies; /* to management records and the like */
    bool ended;            /* nothing more will come */
    bool gone;             /* nothing more can be sent */
    bool closing;          /* it is to be closed, as soon as the replies are sent */
    size_t at, end;        /* what has come, in `in` */
    uint8_t in[FRONT_IN];
};

/* Takes the connected socket, and makes it non-blocking. */
void front_open(struct front *front, int fd, bool files, struct responder_values values);
void front_close(struct front *front);

/* Whether there is room for more input: while a peer does not take its replies, none is read. */
bool front_wants(const struct front *front);
/* Reads what there is. Only if front_wants. */
void front_fill(struct front *front);
/* The next event of what has come. Replies are kept, and not told. */
void front_next(struct front *front, struct responder_event *ret);
/* The descriptor that has come, which is the caller's; -1: none has. */
int front_take_file(struct front *front);
/* Closes it. */
void front_drop_file(struct front *front);

/* Whether something has come that has not been looked at. */
static inline bool front_has_more(const struct front *front)
{
    return front->at < front->end;
}

/* Forgets what has come. */
void front_drop(struct front *front);

/* Sends some of data[0..n): how many bytes; 0: there is no room. With front->gone, nothing will be any more. */
size_t front_send(struct front *front, const uint8_t *data, size_t n);

#endif
