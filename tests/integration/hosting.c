#include "tests/integration/hosting.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/integration/gate.h"

enum { ARGUMENTS_MOST = 32 };

void host_plugin(const char *plugin, const char *gates, const char *const *arguments)
{
    const char *argv[ARGUMENTS_MOST] = { "host" };
    char place[256], spool[256], names[64], *save = NULL, path[256];
    const char *slash = strrchr(plugin, '/');
    size_t n = 1;
    prepare();
    scratch_copy(&scratch, plugin);
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, slash ? slash + 1 : plugin));
    snprintf(names, sizeof names, "%s", gates ? gates : "");
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
        make_gate(name);
    if (gates) {
        snprintf(place, sizeof place, "plugin.%.*s.option.place=%s", (int)strcspn(slash + 1, "."), slash + 1,
                 scratch.path);
        argv[n++] = "--set";
        argv[n++] = place;
    }
    snprintf(spool, sizeof spool, "spool=%s", scratch_path(&scratch, "spool"));
    argv[n++] = "--set";
    argv[n++] = spool;
    while (*arguments && n < ARGUMENTS_MOST - 2)
        argv[n++] = *arguments++;
    argv[n++] = path;
    gateway_start(&gateway, argv);
}

int host_connect(void)
{
    return fcgi_connect(gateway.urls[0]);
}

static struct answer answer;

const struct answer *host_hear(int fd, int id)
{
    answer_free(&answer);
    fcgi_read(fd, id, &answer);
    return &answer;
}

void host_say(int fd, int id, int flags, const char *target)
{
    struct wire wire = { 0 };
    wire_request(&wire, id, flags, "GET", target, NULL, NULL, 0);
    fcgi_send(fd, &wire);
}

static const struct answer *ask_once(struct wire *wire)
{
    int fd = host_connect();
    fcgi_send(fd, wire);
    const struct answer *got = host_hear(fd, 1);
    ck_assert(fcgi_is_closed(fd));
    close(fd);
    return got;
}

const struct answer *host_get(const char *target, const char *const *variables)
{
    struct wire wire = { 0 };
    wire_request(&wire, 1, CLOSE, "GET", target, variables, NULL, 0);
    return ask_once(&wire);
}

const struct answer *host_post(const char *target, const char *const *variables, const void *body, size_t length)
{
    struct wire wire = { 0 };
    wire_request(&wire, 1, CLOSE, "POST", target, variables, body, length);
    return ask_once(&wire);
}
