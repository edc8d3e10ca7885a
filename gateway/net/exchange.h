/* One request and its response, as libmicrohttpd's callbacks see them. */
#ifndef NET_EXCHANGE_H
#define NET_EXCHANGE_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/network.h"
#include "net/intake.h"
#include "run/dispatch.h"

/* What all exchanges of a server share. Read-only while it runs, but for `draining`. */
struct exchange_config {
    const struct dispatch *dispatch;
    size_t connection_memory; /* bytes */
    struct networks trusted;  /* the proxies in front */
    unsigned forwarded;       /* which fields they are believed: enum forwarded_field */
    _Atomic bool draining;    /* relaxed: a response more or less may still keep its connection alive */
};

/* The callbacks; `cls` is the config. */
void *exchange_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context);
void exchange_end(void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);

/* Ends the exchange that is still open on a connection, if there is one, as one that was cut. */
struct connection;
void exchange_abandon(struct connection *connection);

/* The body of a connection's request has turned out to be none (RFC 9112 section 7.1). True: libmicrohttpd has not had
 * its head looked at yet, which will be refused (intake_refuses). False: the client has been told, if nothing had been
 * said yet, and the connection is to be reset. */
bool exchange_refuse_body(struct intake *intake);

#endif
