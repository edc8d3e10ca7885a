#include "app/compile.h"

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/embedded.h"
#include "base/file.h"

static bool write_header(const char *directory)
{
    char path[128];
    const char *text = embedded_text("ngi.h");
    snprintf(path, sizeof path, "%s/ngi.h", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    int rc = file_write_all(fd, text, strlen(text));
    close(fd);
    if (rc < 0)
        errno = -rc;
    return rc == 0;
}

/* Runs the compiler. $CC and $CFLAGS may be several words, so a shell puts the command together; what is ours goes as
 * positional parameters, which no shell takes apart. */
static int run_compiler(const char *source, const struct compiled *compiled)
{
    static const char script[] =
        "exec ${CC:-cc} -shared -fPIC -g -Wall \"-I$1\" ${CFLAGS:-} -o \"$2\" \"$3\" ${LDLIBS:-}";
    int status;
    pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL); /* Ctrl-C ends a compiler */
        execl("/bin/sh", "sh", "-c", script, "sh", compiled->directory, compiled->path, source, (char *)NULL);
        _exit(127);
    }
    if (child < 0)
        return -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---------------------------------------------------------------------------------------------------------- */

int compile_plugin(const char *source, struct compiled *compiled, struct report *report)
{
    const char *temporary = getenv("TMPDIR");
    const char *slash = strrchr(source, '/');
    const char *name = slash ? slash + 1 : source;
    if (access(source, R_OK) < 0) {
        report_add(report, "%s: cannot be read: %s", source, strerror(errno));
        return -1;
    }
    if (!temporary || strlen(temporary) > 40)
        temporary = "/tmp";
    snprintf(compiled->directory, sizeof compiled->directory, "%s/postern-XXXXXX", temporary);
    if (!mkdtemp(compiled->directory)) {
        report_add(report, "%s: %s", compiled->directory, strerror(errno));
        return -1;
    }
    snprintf(compiled->path, sizeof compiled->path, "%s/%.*s.so", compiled->directory, (int)strlen(name) - 2, name);
    if (!write_header(compiled->directory)) {
        report_add(report, "%s/ngi.h: %s", compiled->directory, strerror(errno));
    } else {
        int status = run_compiler(source, compiled);
        if (status == 0)
            return 0;
        report_add(report, "%s: %s", source,
                   status == 127 ? "no compiler: install gcc, or name one with CC" : "does not compile (see above)");
    }
    compile_remove(compiled);
    return -1;
}

void compile_remove(const struct compiled *compiled)
{
    char header[128];
    snprintf(header, sizeof header, "%s/ngi.h", compiled->directory);
    unlink(header);
    unlink(compiled->path);
    rmdir(compiled->directory);
}
