/* HTTP on the network: libmicrohttpd's daemons, one a listener, each with its internal thread pool. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "net/listener.h"
#include "run/dispatch.h"
#include "sdk/ngi.h"

struct server;

/* Serves `dispatch` on every listener. All arguments must outlive the server; the listeners stay the caller's. NGI_OK,
 * or NGI_EIO / NGI_ENOMEM with the reason. */
int server_start(struct server **ret, const struct settings *settings, const struct dispatch *dispatch,
                 const struct listeners *listeners, ngi_error *err);

/* Pool threads of each listener. */
unsigned server_threads(const struct server *server);

/* Stops accepting; what has connected is still served, and told `Connection: close`. `is_last`, asked with an index of
 * the listeners: no other process accepts there either, so what waits in the kernel's queue is taken first, and nobody
 * is queued any more. Returns how many
 * connections that were, which their threads have yet to open. May be said again, when that has come to be so. */
uint64_t server_quiesce(struct server *server, bool (*is_last)(const void *arg, size_t listener), const void *arg);

/* The libmicrohttpd that is loaded: its version. */
const char *server_library(void);

/* Cuts what is left, joins every pool thread, frees. Accepts NULL. */
void server_stop(struct server *server);

#endif
