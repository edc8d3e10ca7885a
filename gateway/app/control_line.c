#include "app/control_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

enum { ANSWER_MOST = 64 * 1024 * 1024 };

static const char usual_path[] = "/run/postern/control.sock";

/* The path, malloc'ed; NULL, with the reason logged. */
static char *find_path(const struct arguments *arguments)
{
    const char *path = arguments_get(arguments, "--control");
    if (path)
        return strdup(path);
    if (!arguments_has(arguments, "--config"))
        return strdup(usual_path);
    struct settings *settings = arguments_settings(arguments, NULL);
    char *own = settings ? strdup(settings->control) : NULL;
    if (!settings)
        log_line(NGI_LOG_ERROR, "the gateway has not been asked: --control PATH reaches it without the file");
    settings_free(settings);
    if (own && strcmp(own, "off") == 0) {
        log_line(NGI_LOG_ERROR, "%s: control is off: set control = \"PATH\" and restart the gateway",
                 arguments_get(arguments, "--config"));
        free(own);
        return NULL;
    }
    return own;
}

static const char *advice(int error)
{
    switch (error) {
    case ENOENT:
        return ": no gateway has its control socket there: start one with --control PATH, and name the same path here";
    case ECONNREFUSED: return ": the gateway that made it is gone";
    case EACCES: return ": it belongs to another user";
    default: return "";
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        log_line(NGI_LOG_ERROR, "%s: a socket's path has %zu bytes at most", path, sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    log_line(NGI_LOG_ERROR, "%s: %s%s", path, strerror(errno), advice(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---------------------------------------------------------------------------------------------------------- */

char *control_ask(const struct arguments *arguments, const char *word)
{
    struct buffer answer;
    char *path = find_path(arguments), block[4096];
    int fd = path ? connect_to(path) : -1;
    ssize_t n = -1;
    buffer_init(&answer, ANSWER_MOST);
    if (fd >= 0 && file_write_all(fd, word, strlen(word)) == 0 && file_write_all(fd, "\n", 1) == 0)
        while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
            if (n > 0)
                (void)buffer_append(&answer, block, (size_t)n);
    if (fd >= 0 && n < 0)
        log_line(NGI_LOG_ERROR, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    if (n < 0 || buffer_append(&answer, "", 1) != NGI_OK) {
        buffer_free(&answer);
        return NULL;
    }
    return answer.data;
}
