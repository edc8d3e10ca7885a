/* The two ends of a connection, as the environ tells them. Made once a connection, read by all its requests. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <stdint.h>

struct peer {
    char remote_addr[48]; /* "192.0.2.7", "2001:db8::7", "unix:" */
    char local_addr[48];
    uint16_t remote_port, local_port; /* 0 over a local socket */
    const char *scheme;               /* "http", "https": a constant */
};

#endif
