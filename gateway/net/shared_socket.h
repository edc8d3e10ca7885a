/* Listening sockets that other processes serve too: what libmicrohttpd does to them as if they were its own is kept
 * from them. */
#ifndef NET_SHARED_SOCKET_H
#define NET_SHARED_SOCKET_H

#include <microhttpd.h>

#include "net/listener.h"

/* Names the sockets, at most SHARED_SOCKETS_MOST; before the first daemon starts. They outlive it. NGI_OK, NGI_EINVAL.
 */
enum { SHARED_SOCKETS_MOST = 256 };
int shared_sockets_name(const struct listeners *listeners, ngi_error *err);

/* MHD_quiesce_daemon without its race: has the daemon accept no more. */
void shared_socket_quiesce(struct MHD_Daemon *daemon);

/* Refuses clients from now on, for every process that has the socket. */
void shared_socket_shut(const struct listener *listener);

#endif
