/* What the host's table cannot do by itself, but only whoever runs the call: run/ fills it in. As the ngi_ calls of the
 * same name. */
#ifndef PLUGIN_RUNNER_H
#define PLUGIN_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"
#include "sdk/ngi.h"

struct runner {
    /* Whether the response is being streamed: what is written then goes to `write`, not into memory. */
    bool (*streams)(const struct request *request);
    int (*write)(struct request *request, const void *data, size_t n);
    int (*vprintf)(struct request *request, const char *fmt, va_list ap);
    int (*flush)(struct request *request);

    /* Whether the body is still arriving; `read` then waits for it, `receive` until all of it is in request->body. */
    bool (*arrives)(const struct request *request);
    int64_t (*read)(struct request *request, void *buf, size_t n);
    int (*receive)(struct request *request);

    int (*cancelled)(struct request *request);
    int (*cancel_fd)(struct request *request);
    int64_t (*time_left_ms)(struct request *request);
    int (*background)(struct request *request, void (*fn)(void *arg), void *arg);
    ngi_later *(*later_new)(struct request *request);
    int (*later_run)(ngi_later *later, int (*fn)(ngi_request *r, void *arg), void *arg);
    void (*later_drop)(ngi_later *later);
};

#endif
