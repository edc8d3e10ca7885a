/* faults - what a host process has to be good for: each route harms its process in a way of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ngi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gate.h"

static const volatile int *volatile nothing;
static volatile int zero;

static int fine(ngi_request *r)
{
    return ngi_text(r, 200, "fine\n");
}

static int pid(ngi_request *r)
{
    return ngi_textf(r, 200, "%d\n", (int)getpid());
}

static int segv(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", *nothing);
}

static int aborts(ngi_request *r)
{
    (void)r;
    abort();
}

static int exits(ngi_request *r)
{
    (void)r;
    exit(0);
}

static int spins(ngi_request *r)
{
    (void)r;
    while (!zero)
        continue;
    return NGI_OK;
}

/* All that it gets, and no look at whether it got it. */
static int hogs(ngi_request *r)
{
    enum { PIECE = 1 << 20 };
    for (;;) {
        char *volatile piece = malloc(PIECE);
        memset(piece, 1, PIECE);
    }
    return ngi_text(r, 200, "");
}

__attribute__((noinline)) static int deeper(int level)
{
    volatile char block[4096];
    block[0] = 1;
    return zero ? level : deeper(level + 1) + block[0];
}

static int overflows(ngi_request *r)
{
    return ngi_textf(r, 200, "%d", deeper(0));
}

static int frees_twice(ngi_request *r)
{
    void *volatile block = malloc(2000);
    void *volatile next = malloc(2000); /* or the block would become one with what is behind it */
    free(block);
    free(block);
    free(next);
    return ngi_text(r, 200, "");
}

/* SIGKILL, which no handler and no sanitizer sees. */
static int killed(ngi_request *r)
{
    (void)r;
    (void)raise(SIGKILL);
    return NGI_OK;
}

static int closes(ngi_request *r)
{
    unsigned first = (unsigned)atoi(ngi_query(r, "from", "3"));
    if (first == 0 && *ngi_query(r, "only", ""))
        (void)close(0);
    else
        (void)syscall(SYS_close_range, first, ~0u, 0);
    return ngi_text(r, 200, "closed\n");
}

/* Shuts down every socket that keeps messages apart: none of them is for the plugin, and some are shared. */
static int shuts(ngi_request *r)
{
    int count = 0;
    for (int fd = 3; fd < 256; fd++) {
        int type = 0;
        socklen_t length = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET)
            count += shutdown(fd, SHUT_RDWR) == 0;
    }
    return ngi_textf(r, 200, "%d\n", count);
}

/* A connection to `port`, where nobody reads, full: closing it waits for a minute. */
static int lingering(int port)
{
    static const char block[65536];
    const struct linger minute = { .l_onoff = 1, .l_linger = 60 };
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
        return -1;
    while (send(fd, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &minute, sizeof minute) == 0 ? fd : -1;
}

/* Sends `n` descriptors and a FastCGI record that nobody has to heed. `flags`: of sendmsg(2). */
static bool pass(int to, const int *fds, size_t n, int flags)
{
    static const unsigned char record[8] = { 1, 99 };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec bytes = { (void *)record, sizeof record };
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(n * sizeof *fds)
    };
    control.header = (struct cmsghdr){ CMSG_LEN(n * sizeof *fds), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.header), fds, n * sizeof *fds);
    return sendmsg(to, &message, MSG_NOSIGNAL | flags) == sizeof record;
}

/* Hands the gateway a connection that it cannot close at once, along its own line. how: "alone"; "second", behind a
 * file; "inside" a local socket, on its way; "urgent", out of band, or alone where no kernel takes that. */
static int hands(ngi_request *r)
{
    const char *how = ngi_query(r, "how", "");
    int line = -1, pair[2], fds[2] = { lingering(atoi(ngi_query(r, "port", "0"))) };
    for (int fd = 3; fd < 256 && line < 0; fd++) {
        int domain = 0, type = 0;
        socklen_t length = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX &&
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM)
            line = fd;
    }
    bool good = fds[0] >= 0;
    if (good && strcmp(how, "second") == 0) {
        fds[1] = fds[0];
        fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        good = fds[0] >= 0 && pass(line, fds, 2, 0);
    } else if (good && strcmp(how, "inside") == 0) {
        good = socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pass(pair[0], fds, 1, 0) && pass(line, &pair[1], 1, 0);
    } else if (!good || strcmp(how, "urgent") != 0 || !pass(line, fds, 1, MSG_OOB)) {
        good = good && pass(line, fds, 1, 0);
    }
    return ngi_text(r, good ? 200 : 500, good ? "handed over\n" : "not handed over\n");
}

/* Leaves a child behind, which has all descriptors. how: "crash" dies then, "both" has the child return too. */
static int leaves(ngi_request *r)
{
    const char *how = ngi_query(r, "how", "");
    pid_t child = fork();
    if (child == 0 && strcmp(how, "both") != 0) {
        if (strcmp(how, "apart") == 0)
            (void)setsid();
        for (;;)
            (void)pause();
    }
    if (child > 0 && strcmp(how, "crash") == 0)
        (void)raise(SIGKILL);
    return ngi_textf(r, 200, "%d\n", child > 0 ? (int)child : (int)getpid());
}

/* Dies as long as there is a file of that name. */
static int moody(ngi_request *r)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", ngi_option(r->ngi, "place"), "bad-mood");
    if (access(path, F_OK) == 0)
        (void)raise(SIGKILL);
    return ngi_text(r, 200, "fine\n");
}

static int hold(ngi_request *r)
{
    ngi_log(r, NGI_LOG_INFO, "%s holds", ngi_query(r, "name", ""));
    (void)wait_for_test(r->ngi, ngi_query(r, "name", ""));
    return ngi_textf(r, 200, "%d\n", (int)getpid());
}

/* Long enough to be killed in. */
static int nap(ngi_request *r)
{
    (void)usleep(2000);
    return ngi_text(r, 200, "rested\n");
}

static int size(ngi_request *r)
{
    size_t length = 0;
    (void)ngi_body(r, &length);
    return ngi_textf(r, 200, "%zu\n", length);
}

static const ngi_option_spec options[] = { GATE_OPTION, { 0 } };

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/fine", fine),   NGI_ROUTE(NGI_GET, "/pid", pid),
    NGI_ROUTE(NGI_ANY, "/segv", segv),   NGI_ROUTE(NGI_ANY, "/abort", aborts),
    NGI_ROUTE(NGI_ANY, "/exit", exits),  NGI_ROUTE(NGI_ANY, "/spin", spins, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_ANY, "/hog", hogs),    NGI_ROUTE(NGI_ANY, "/stack", overflows),
    NGI_ROUTE(NGI_ANY, "/free", frees_twice),
    NGI_ROUTE(NGI_ANY, "/kill", killed), NGI_ROUTE(NGI_ANY, "/close", closes),
    NGI_ROUTE(NGI_ANY, "/shut", shuts),  NGI_ROUTE(NGI_ANY, "/hand", hands),
    NGI_ROUTE(NGI_ANY, "/leave", leaves), NGI_ROUTE(NGI_GET, "/moody", moody),
    NGI_ROUTE(NGI_GET, "/hold", hold, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_POST, "/size", size),  NGI_ROUTE(NGI_GET, "/nap", nap),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "faults", .version = "1.0", .routes = routes, .options = options)
