#include "proc/ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

/* The protocol of sd_notify(3): a datagram to the socket that the environment names, '@' for the abstract name space.
 * Its manual page recommends to speak it without the library. */
static void notify(const char *state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (*path == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A service manager that does not listen is no reason not to serve. */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

/* ---------------------------------------------------------------------------------------------------------- */

int ready_tell(int fd, const struct listeners *listeners, ngi_error *err)
{
    char line[160];
    int rc = 0;
    for (size_t i = 0; fd >= 0 && i < listeners->count && rc == 0; i++) {
        int n = snprintf(line, sizeof line, "READY %s\n", listeners->all[i].url);
        rc = file_write_all(fd, line, (size_t)n);
    }
    /* Not the standard ones: their numbers must not become a client's. */
    if (fd > STDERR_FILENO)
        close(fd);
    notify("READY=1");
    return rc < 0 ? ngi_error_set(err, NGI_EIO, "--ready-fd %d: %s", fd, strerror(-rc)) : NGI_OK;
}

void ready_reloading(void)
{
    char state[64];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
    notify(state);
}

void ready_again(void)
{
    notify("READY=1");
}

void ready_stopping(void)
{
    notify("STOPPING=1");
}
