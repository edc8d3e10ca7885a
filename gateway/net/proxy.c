#include "net/proxy.h"

#include "base/log.h"
#include "base/seldom.h"
#include "http/forwarded.h"
#include "http/problem.h"
#include "net/exchange.h"

/* For the operator: it is the proxy's configuration, or the setting, that lets a client say so. Once a minute at most:
 * clients may say it as often as they like. */
static void log_refusal(const struct connection *connection, const char *why)
{
    enum { PAUSE_US = 60 * 1000000 };
    static _Atomic int64_t due_us;
    if (!seldom(&due_us, PAUSE_US))
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
