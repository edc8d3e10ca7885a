/* Ahead of libmicrohttpd: every byte of a client's connection goes through http/framing before the library's parser has
 * it, which reads much that has two readings. What is refused does not reach it: the request's place is taken by one
 * that has nothing wrong but that it is to be refused (intake_refuses), or the connection is reset in the middle of a
 * body. So too what does not come in time (net/patience).
 *
 * The library receives with recv(2), which is ours for the whole process; sockets that are no client's pass through. */
#ifndef NET_INTAKE_H
#define NET_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/framing.h"
#include "net/patience.h"
#include "sdk/ngi.h"

struct intake {
    struct framing framing;
    struct patience *patience;
    uint64_t begun;   /* requests that libmicrohttpd has begun */
    bool busy;        /* the last of them is not over */
    uint64_t awaited; /* the last request of which more was waited for */
    size_t piece;     /* bytes of its body since then */
    const char *tail; /* what is to be read instead of what has come: to the end of a head; NULL: nothing */
    bool refuses;     /* the last request that has begun */
    bool cut;         /* nothing more is read */
    /* A body cannot be read on. True: its head has not been looked at yet, and will be refused. False: there have been
     * last words, where there may be any; framing.status and framing.why say what they are. */
    bool (*refuse_body)(struct intake *intake);
};

/* Room for the intakes of all descriptors that this process may open. NGI_OK, NGI_ENOMEM. Before the first daemon. */
int intakes_open(ngi_error *err);

/* A client's connection has been opened: from now on it is looked at. False: there is no room for it. On its thread. */
bool intake_begin(struct intake *intake, int fd, struct patience *patience, bool (*refuse_body)(struct intake *intake));
/* It is about to be closed. */
void intake_end(int fd);

/* libmicrohttpd has begun the next request. False: it sees one where there is none. */
bool intake_count(struct intake *intake);
/* It is done with that request: if the next has begun to come, the rest of it is waited for. */
void intake_over(struct intake *intake);
/* Whether that request is to be refused, with framing.status and framing.why, and the connection closed. */
bool intake_refuses(const struct intake *intake);

#endif
