/* How the plugins here wait for a test: at a gate, which is a FIFO of a name that the test made in the directory of
 * their option `place`. */
#ifndef TESTS_INTEGRATION_PLUGINS_GATE_H
#define TESTS_INTEGRATION_PLUGINS_GATE_H

#include <fcntl.h>
#include <ngi.h>
#include <unistd.h>

/* The option, a member of the plugin's table. */
#define GATE_OPTION { "place", NGI_STRING, "/nowhere", 0, 0, "Directory of the FIFOs." }

/* Waits until the test opens gate `name` for writing; where there is none (any more), or the name is "", goes on at
 * once. Returns whether there was something to wait for. */
static inline int wait_for_test(const ngi_host *host, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", ngi_option(host, "place"), name);
    int fd = *name ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    (void)close(fd);
    return 1;
}

#endif
