#include "net/proxy.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/forwarded.h"
#include "http/problem.h"
#include "net/exchange.h"

/* For the operator: it is the proxy's configuration, or the setting, that lets a client say so. Once a minute at most:
 * clients may say it as often as they like. */
static void log_refusal(const struct connection *connection, const char *why)
{
    enum { PAUSE_MS = 60 * 1000 };
    static _Atomic int64_t next; /* relaxed: a line more or less */
    int64_t now = clock_ms(), due = atomic_load_explicit(&next, memory_order_relaxed);
    if (now < due || !atomic_compare_exchange_strong_explicit(&next, &due, now + PAUSE_MS, memory_order_relaxed,
                                                              memory_order_relaxed))
        return;
    log_line(NGI_LOG_INFO,
             "a request through the proxy %s was refused: %s; have the proxy set or remove each field that forwarded "
             "names (this is said once a minute)",
             connection->peer.remote_addr, why);
}

/* ---------------------------------------------------------------------------------------------------------- */

int proxy_hear(const struct connection *connection, struct request *request)
{
    const struct exchange_config *config = connection->exchange.config;
    struct forwarded told;
    const char *why = NULL;
    if (request->headers_overflow)
        return 0; /* it is refused, and not all of its fields are there */
    int rc = forwarded_read(&request->arena, request->headers, request->header_count, config->forwarded,
                            &config->trusted, &told, &why);
    if (rc == NGI_OK)
        rc = request_take_forwarded(request, &told);
    if (rc == NGI_OK)
        return 0;
    if (why)
        log_refusal(connection, why);
    return problem_respond(request, why ? 400 : 503, false, why);
}
