/* What belongs to a connection, from its opening to its closing: libmicrohttpd's socket context. One thread at a time.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <microhttpd.h>

#include "http/peer.h"

struct exchange;

struct connection {
    struct peer peer;
    /* The exchange under way; NULL: none. libmicrohttpd does not always say that a request is over whose head it could
     * not keep: what is left here is ended with the connection, or by its next request. */
    struct exchange *open;
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
