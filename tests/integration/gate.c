#include "tests/integration/gate.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/support.h"

enum { ARGUMENTS_MOST = 24, READ_MOST = 4096 };

void make_gate(const char *name)
{
    ck_assert_int_eq(mkfifo(scratch_path(&scratch, name), 0600), 0);
}

void release(const char *name)
{
    int fd = open(scratch_path(&scratch, name), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

void nudge(const char *name)
{
    int fd = open(scratch_path(&scratch, name), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        close(fd);
    usleep(1000);
}

void serve_gated(const char *plugins, const char *plugin, const char *gates, const char *rung, const char *const *more)
{
    const char *arguments[ARGUMENTS_MOST] = { NULL };
    char names[64], *save = NULL, place[256], run[32];
    size_t n = 0;
    prepare();
    snprintf(names, sizeof names, "%s", gates);
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
        make_gate(name);
    snprintf(place, sizeof place, "plugin.%s.option.place=%s", plugin, scratch.path);
    arguments[n++] = "--set";
    arguments[n++] = place;
    if (rung && (!gateway_rung() || strcmp(rung, "pool") == 0)) { /* what the pool does is its own subject */
        snprintf(run, sizeof run, "run=%s", rung);
        arguments[n++] = "--set";
        arguments[n++] = run;
    }
    while (*more && n < ARGUMENTS_MOST - 1)
        arguments[n++] = *more++;
    serve(plugins, arguments);
}

void say(int fd, const char *target)
{
    char request[512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    raw_send(fd, request, strlen(request));
}

int begin(const char *target)
{
    int fd = raw_connect(gateway.port);
    say(fd, target);
    return fd;
}

void expect_answer(int fd, const char *status, const char *body)
{
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, status);
    EXPECT_HAS(answer, body);
    free(answer);
}

char *read_until(int fd, const char *text)
{
    char *got = calloc(1, READ_MOST);
    size_t length = 0;
    ck_assert_ptr_nonnull(got);
    while (!strstr(got, text)) {
        ck_assert_uint_lt(length, READ_MOST - 1);
        ssize_t n = recv(fd, got + length, 1, 0);
        ck_assert_msg(n == 1, "the connection ends before \"%s\", after:\n%s", text, got);
        length++;
    }
    return got;
}
