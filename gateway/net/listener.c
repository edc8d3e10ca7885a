#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

enum { SOCKET_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK, HOST_SIZE = 256 };

/* Takes "ADDR:PORT" apart. */
static bool split(const char *where, char host[HOST_SIZE], const char **ret_port)
{
    const char *colon = strrchr(where, ':');
    const char *start = where, *end = colon;
    if (!colon)
        return false;
    if (*where == '[') {
        if (colon == where || colon[-1] != ']')
            return false;
        start++;
        end--;
    } else if (memchr(where, ':', (size_t)(colon - where))) {
        return false; /* an IPv6 address without brackets */
    }
    if (end <= start || end - start >= HOST_SIZE)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    *ret_port = colon + 1;
    return true;
}

static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE: return ": something else listens there (see ss -ltnp), or choose another port";
    case EACCES: return ": ports below 1024 want CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL: return ": this machine does not have that address";
    default: return "";
    }
}

/* A socket file that nobody listens on is left over from a process that died; any other file is not ours to remove. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(address->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode))
        return;
    /* Non-blocking: one who listens but does not answer, its queue full, would hold us up for ever. */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

static int open_local(struct listener *listener, const char *path, int backlog, ngi_error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!*path || strlen(path) >= sizeof address.sun_path)
        return ngi_error_set(err, NGI_EINVAL, "listen unix:%s: a socket's path has 1 to %zu bytes", path,
                             sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    remove_stale(&address);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
    if (listener->fd < 0 || bind(listener->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return ngi_error_set(err, NGI_EIO, "listen unix:%s: %s%s", path, strerror(errno),
                             errno == EADDRINUSE ? ": another process listens there, or the file is no socket" : "");
    strcpy(listener->path, path);
    if (listener_listen(listener, backlog) < 0)
        return ngi_error_set(err, NGI_EIO, "listen unix:%s: %s", path, strerror(errno));
    snprintf(listener->url, sizeof listener->url, "unix:%s", path);
    return NGI_OK;
}

static int bind_one(struct listener *listener, const struct addrinfo *address, int backlog)
{
    int on = 1;
    listener->fd = socket(address->ai_family, address->ai_socktype | SOCKET_FLAGS, address->ai_protocol);
    if (listener->fd < 0)
        return -errno;
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* "[::]:80" is IPv6 only, so that "0.0.0.0:80" may stand beside it. */
    if (address->ai_family == AF_INET6)
        setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(listener->fd, address->ai_addr, address->ai_addrlen) < 0 || listener_listen(listener, backlog) < 0)
        return -errno;
    return 0;
}

/* What the socket is bound to, as a URL: port 0 has become a real one. */
static void name_socket(struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[64] = "?", port[8] = "?";
    if (getsockname(listener->fd, (struct sockaddr *)&address, &length) == 0)
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(listener->url, sizeof listener->url, strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

/* ---------------------------------------------------------------------------------------------------------- */

int listener_open(struct listener *listener, const char *where, int backlog, ngi_error *err)
{
    char host[HOST_SIZE];
    const char *port;
    uint64_t number;
    *listener = (struct listener){ .fd = -1 };
    if (text_has_prefix(where, "unix:")) {
        int rc = open_local(listener, where + 5, backlog, err);
        if (rc != NGI_OK)
            listener_close(listener);
        return rc;
    }
    if (!split(where, host, &port) || !text_to_uint64(port, &number) || number > 65535)
        return ngi_error_set(err, NGI_EINVAL, "listen %s: write ADDR:PORT, [ADDR6]:PORT or unix:PATH", where);

    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses;
    int rc = getaddrinfo(host, port, &hints, &addresses);
    if (rc != 0)
        return ngi_error_set(err, NGI_EINVAL, "listen %s: %s", where, gai_strerror(rc));
    rc = bind_one(listener, addresses, backlog);
    freeaddrinfo(addresses);
    if (rc < 0) {
        listener_close(listener);
        return ngi_error_set(err, NGI_EIO, "listen %s: %s%s", where, strerror(-rc), advice(-rc));
    }
    name_socket(listener);
    return NGI_OK;
}

int listener_listen(const struct listener *listener, int backlog)
{
    int unsent = 128 * 1024;
    if (!listener->path[0])
        setsockopt(listener->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    return listen(listener->fd, backlog);
}

void listener_close(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path[0])
        unlink(listener->path);
    listener->fd = -1;
    listener->path[0] = '\0';
}
