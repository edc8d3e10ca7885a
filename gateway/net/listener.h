/* Listening sockets: from "ADDR:PORT", "[ADDR6]:PORT" or "unix:PATH" to a descriptor and a URL. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "sdk/ngi.h"

struct listener {
    int fd;
    char url[128];  /* "http://127.0.0.1:8080", with the port that was found for port 0; "unix:/run/x.sock" */
    char path[108]; /* of a unix socket, to be unlinked at the end; "" otherwise */
};

/* Binds and listens, close-on-exec, non-blocking. NGI_OK; NGI_EINVAL for a form it does not know; NGI_EIO with what the
 * system says and what to do. */
int listener_open(struct listener *listener, const char *where, int backlog, ngi_error *err);

/* Has the bound socket listen; or, where it does, gives it a queue of that length, and all else that its connections
 * take from it: it may come from an older binary, or have been shut down. TCP connections have the kernel keep 128 KiB
 * unsent at most: else it keeps megabytes for a client that reads slowly, and with a thousand of them all of TCP
 * suffers. As listen(2): 0; -1 with errno. */
int listener_listen(const struct listener *listener, int backlog);

/* Closes the socket and removes the file of a local one. */
void listener_close(struct listener *listener);

struct listeners {
    struct listener *all;
    size_t count;
};

#endif
