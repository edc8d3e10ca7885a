/* MHD_quiesce_daemon without its race. */
#ifndef NET_QUIESCE_H
#define NET_QUIESCE_H

#include <microhttpd.h>

/* Has the daemon accept no more. `fd` is its listening socket. One daemon at a time. */
void quiesce(struct MHD_Daemon *daemon, int fd);

#endif
