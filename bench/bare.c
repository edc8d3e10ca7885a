/* What the hello example costs without a gateway: libmicrohttpd and an access handler, nothing else.
 *
 * usage: bare [--static] [THREADS [MEMORY]]
 *
 * Every request is answered with the bytes that Postern sends for hello.so, on the second call of the handler as
 * libmicrohttpd's own examples do. The body is formatted and the response made for each request; --static queues one
 * response that was made at the start. MEMORY is a connection's, in bytes, and libmicrohttpd's default otherwise: it
 * clears that much for every request. Prints "READY URL" on a free port of 127.0.0.1; runs until SIGTERM or SIGINT. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct MHD_Response *make_response(const char *name)
{
    char body[128];
    int length = snprintf(body, sizeof body, "Hello, %s!\n", name);
    struct MHD_Response *response = MHD_create_response_from_buffer((size_t)length, body, MHD_RESPMEM_MUST_COPY);
    if (response && MHD_add_response_header(response, "Content-Type", "text/plain; charset=UTF-8") == MHD_YES &&
        MHD_add_response_header(response, "Server", "Postern") == MHD_YES)
        return response;
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **context)
{
    static int seen;
    struct MHD_Response *prebuilt = cls;
    (void)url, (void)version, (void)upload, (void)upload_size;
    if (strcmp(method, "GET") != 0)
        return MHD_NO;
    if (*context != &seen) {
        *context = &seen;
        return MHD_YES;
    }
    *context = NULL;
    if (prebuilt)
        return MHD_queue_response(connection, MHD_HTTP_OK, prebuilt);
    struct MHD_Response *response = make_response("world");
    if (!response)
        return MHD_NO;
    enum MHD_Result rc = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return rc;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct MHD_Response *prebuilt = NULL;
    sigset_t stop;
    int signal;
    if (argc > 1 && strcmp(argv[1], "--static") == 0) {
        prebuilt = make_response("world");
        argc--, argv++;
    }
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    size_t memory = argc > 2 ? strtoul(argv[2], NULL, 10) : 32 * 1024;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    /* A pool of one is libmicrohttpd's single internal thread. */
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, prebuilt,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
                         threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);
    if (!daemon) {
        perror("bare: libmicrohttpd would not start");
        return 1;
    }
    printf("READY http://127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&stop, &signal);
    MHD_stop_daemon(daemon);
    if (prebuilt)
        MHD_destroy_response(prebuilt);
    return 0;
}
