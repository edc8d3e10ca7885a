/* What belongs to a connection, from its opening to its closing: libmicrohttpd's socket context. One thread at a time.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/peer.h"
#include "net/intake.h"
#include "net/patience.h"
#include "run/task.h"

struct exchange_config;

enum exchange_stage {
    EXCHANGE_NONE,   /* between requests */
    EXCHANGE_HEAD,   /* of the request: it has begun to arrive */
    EXCHANGE_BODY,   /* of the request: its head has been looked at */
    EXCHANGE_CALL,   /* the request is complete; its handler has it */
    EXCHANGE_ANSWER, /* the response is queued */
    EXCHANGE_CUT,    /* last words are said, and the connection goes */
};

/* A request and its response, in libmicrohttpd's hands. */
struct exchange {
    enum exchange_stage stage;
    const struct exchange_config *config;
    struct task *task;  /* the request, and what answers it */
    struct task *given; /* to a handler whose answer is not waited for any longer; NULL: none */
    const char *target; /* as it came; in the request's arena */
    bool streams;       /* the handler runs while the body arrives */
    int refusal;        /* status of the response that takes the handler's place; 0: none */
    uint64_t received;  /* bytes of body */
    uint64_t excess;    /* bytes of a body that nobody wants, read and dropped */
};

struct connection {
    struct MHD_Connection *raw;
    struct peer peer;
    bool trusted; /* it comes from a proxy that is believed what it says of its client */
    struct intake intake;
    struct patience patience;
    struct crowd_member *member; /* NULL: it does not count */
    /* libmicrohttpd does not always say that a request is over whose head it could not keep: one that is left here is
     * ended with the connection, or by its next request. */
    struct exchange exchange;
};

/* NULL where there was no memory for it when the connection opened. */
static inline struct connection *connection_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static inline int connection_fd(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

#endif
