/* SPDX-License-Identifier: MIT
 *
 * link.h - the connections to the application: so many at a time, the idle ones kept. Any thread.
 */
#ifndef FASTCGI_LINK_H
#define FASTCGI_LINK_H

#include "address.h"
#include "wait.h"

#include <stdbool.h>

struct links;

/* One connection, of whoever has taken it. */
struct link {
    int fd;      /* never blocks */
    bool reused; /* it has served a request before: the application may have closed it since */
    bool heard;  /* of it, whether anything has come yet: link_heard */
    struct link *next;
};

struct links_limits {
    unsigned most; /* connections at a time */
    unsigned keep; /* of them idle ones */
    int64_t connect_ms;
};

/* NULL with errno. */
struct links *links_new(const struct address *address, const struct links_limits *limits);
/* After the last link has been given back. NULL is fine. */
void links_free(struct links *links);

/* Why there is no link. */
enum link_refusal {
    LINK_FULL = 1, /* as many as may be are in use, and stayed so */
    LINK_BUSY,     /* the application does not accept: its backlog is full */
    LINK_TIMEOUT,  /* it did not answer the connecting in time */
    LINK_GIVEN_UP, /* nobody wants the answer any more: `patience` */
    LINK_FAILED,   /* *ret_error has the errno */
};

/* Takes an idle link, or makes one; `fresh`: drops the idle ones, and makes one. 0 and *ret_link; or an enum
 * link_refusal. */
int link_take(struct links *links, const struct patience *patience, bool fresh, struct link **ret_link, int *ret_error);
/* Something has come from the application. */
void link_heard(struct links *links, struct link *link);
/* Gives it back. `reusable`: the request on it is over, and both sides know. Else it is closed. */
void link_give(struct links *links, struct link *link, bool reusable);

#endif
