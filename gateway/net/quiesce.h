/* MHD_quiesce_daemon without its race. */
#ifndef NET_QUIESCE_H
#define NET_QUIESCE_H

#include <microhttpd.h>

/* Has the daemon accept no more. */
void quiesce(struct MHD_Daemon *daemon);

#endif
