/* recorder - writes down each request that reaches it, before it answers: a line with the client's address, method,
 * target, and the body in hexadecimal, at the end of the file `record`. */
#include <fcntl.h>
#include <ngi.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static int init(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    const char *path = ngi_option(host, "record");
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    (void)config;
    *ret_state = (void *)(intptr_t)fd;
    return fd < 0 ? ngi_error_set(err, NGI_EIO, "%s cannot be opened", path) : NGI_OK;
}

static void fini(void *state)
{
    close((int)(intptr_t)state);
}

static int take(ngi_request *r)
{
    static const char digits[] = "0123456789abcdef";
    size_t n;
    const unsigned char *body = ngi_body(r, &n);
    const char *target = ngi_env(r, "REQUEST_URI");
    size_t head = strlen(r->remote_addr) + strlen(r->method) + strlen(target) + 3;
    char *line = ngi_alloc(r, head + 2 * n + 1);
    if (!body || !line)
        return NGI_EIO;
    char *at = line + snprintf(line, head + 1, "%s %s %s ", r->remote_addr, r->method, target);
    for (size_t i = 0; i < n; i++) {
        *at++ = digits[body[i] >> 4];
        *at++ = digits[body[i] & 15];
    }
    *at++ = '\n';
    if (write((int)(intptr_t)ngi_state(r), line, (size_t)(at - line)) != at - line)
        return ngi_fail(r, NGI_EIO, "the request could not be written down");
    return ngi_text(r, 200, "recorded\n");
}

static const ngi_option_spec options[] = {
    { "record", NGI_STRING, NULL, 0, 0, "Where requests are written down." },
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_ANY, "/{path...}", take),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "recorder", .version = "1.0", .routes = routes, .options = options, .init = init, .fini = fini)
