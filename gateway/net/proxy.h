/* Requests that a trusted proxy passes on. */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "net/connection.h"

/* Has what the proxy says of its client, scheme and host take the place of what the connection does; `connection` is
 * trusted, and the request's headers are there. 0; or the status of the refusal that has been put together. */
int proxy_hear(const struct connection *connection, struct request *request);

#endif
