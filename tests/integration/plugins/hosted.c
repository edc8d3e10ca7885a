/* hosted - what a host process has to live through: a crash, a promise that a thread of the plugin keeps, half a
 * response; and a way to tell one process from another. */
#include <errno.h>
#include <fcntl.h>
#include <ngi.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const ngi_host *gateway;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err, (void)ret_state;
    gateway = given;
    return NGI_OK;
}

static void finish(void *state)
{
    (void)state;
    ngi_host_log(gateway, NGI_LOG_INFO, "fini");
}

/* What the process may do: `what` happens with it. */
static int may(ngi_request *r)
{
    const char *what = ngi_query(r, "what", "");
    int fd = -1;
    errno = 0;
    if (strcmp(what, "socket") == 0)
        fd = socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(what, "write") == 0)
        fd = open(ngi_query(r, "path", ""), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int error = errno;
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0 ? ngi_text(r, 200, "yes\n") : ngi_textf(r, 200, "no: %s\n", strerror(error));
}

static int pid(ngi_request *r)
{
    return ngi_textf(r, 200, "%d %d\n", (int)getpid(), (int)ngi_run_flags(r));
}

static int crash(ngi_request *r)
{
    (void)r;
    (void)raise(SIGKILL); /* whatever a sanitizer makes of the others */
    return NGI_OK;
}

static int keep(ngi_request *r, void *arg)
{
    (void)arg;
    return ngi_text(r, 200, "kept\n");
}

static void *run(void *later)
{
    (void)ngi_later_run(later, keep, NULL);
    return NULL;
}

static void join(void *thread)
{
    (void)pthread_join(*(pthread_t *)thread, NULL);
}

static int promise(ngi_request *r)
{
    pthread_t *thread = ngi_alloc(r, sizeof *thread);
    ngi_later *later = ngi_later_new(r);
    if (!thread || !later || pthread_create(thread, NULL, run, later) != 0)
        return NGI_EFAIL;
    (void)ngi_on_finish(r, join, thread);
    return NGI_LATER;
}

static int half(ngi_request *r)
{
    (void)ngi_puts(r, "half of it");
    (void)ngi_flush(r);
    return ngi_fail(r, NGI_EFAIL, "no other half");
}

/* So much of it that whoever passes it on has begun to. */
static int most(ngi_request *r)
{
    static const char block[64 * 1024];
    for (int i = 0; i < 128; i++)
        if (ngi_write(r, block, sizeof block) != NGI_OK || ngi_flush(r) != NGI_OK)
            return NGI_EIO;
    return ngi_fail(r, NGI_EFAIL, "no end");
}

static int fails(ngi_request *r)
{
    return ngi_fail(r, NGI_EIO, "the disk of %s", ngi_query(r, "name", "nobody"));
}

static void work(void *arg)
{
    (void)arg;
    ngi_host_log(gateway, NGI_LOG_INFO, "worked in the background");
}

static int background(ngi_request *r)
{
    int rc = ngi_background(r, work, NULL);
    return rc ? rc : ngi_text(r, 200, "soon\n");
}

static int large(ngi_request *r)
{
    static char block[1 << 20];
    (void)ngi_header(r, "Content-Type", "application/octet-stream");
    for (int i = 0; i < 3; i++) {
        memset(block, 'a' + i, sizeof block);
        (void)ngi_write(r, block, sizeof block);
    }
    return NGI_OK;
}

static int file(ngi_request *r)
{
    FILE *made = tmpfile();
    if (!made)
        return NGI_EIO;
    for (int i = 0; i < 20000; i++)
        fprintf(made, "%9d\n", i);
    fflush(made);
    int fd = dup(fileno(made));
    fclose(made);
    (void)ngi_header(r, "Content-Type", "text/plain");
    int rc = ngi_conditional(r, "\"v1\"", 1000000000);
    if (rc < 0 || rc >= 300) {
        close(fd);
        return rc;
    }
    return ngi_send_file(r, fd, 0, -1);
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/may", may),
    NGI_ROUTE(NGI_GET, "/pid", pid),         NGI_ROUTE(NGI_GET, "/crash", crash),
    NGI_ROUTE(NGI_GET, "/promise", promise), NGI_ROUTE(NGI_GET, "/half", half),
    NGI_ROUTE(NGI_GET, "/most", most),       NGI_ROUTE(NGI_GET, "/fails", fails),
    NGI_ROUTE(NGI_GET, "/background", background),
    NGI_ROUTE(NGI_GET, "/large", large),     NGI_ROUTE(NGI_GET, "/file", file),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "hosted", .version = "1.0", .routes = routes, .init = start, .fini = finish)
