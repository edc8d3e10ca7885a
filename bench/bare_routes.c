/* Three handlers on libmicrohttpd's thread pool, and nothing else: what bench/scenarios compares Postern with.
 *
 * usage: bare_routes [THREADS]
 *
 *     GET /fast        "fast"
 *     GET /sleep/N     sleeps for N seconds (a decimal), on the pool thread
 *     GET /spin/N      N million iterations, likewise
 *
 * Prints "READY URL" on a free port of 127.0.0.1; runs until SIGTERM or SIGINT. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void sleep_for(double seconds)
{
    struct timespec time = { .tv_sec = (time_t)seconds };
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

static void spin_for(long millions)
{
    for (long i = 0; i < millions; i++)
        for (volatile int j = 0; j < 1000000; j++)
            continue;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **context)
{
    static int seen;
    static char body[] = "fast\n";
    (void)cls, (void)version, (void)upload, (void)upload_size;
    if (strcmp(method, "GET") != 0)
        return MHD_NO;
    if (*context != &seen) {
        *context = &seen;
        return MHD_YES;
    }
    *context = NULL;
    if (strncmp(url, "/sleep/", 7) == 0)
        sleep_for(strtod(url + 7, NULL));
    else if (strncmp(url, "/spin/", 6) == 0)
        spin_for(strtol(url + 6, NULL, 10));
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    enum MHD_Result rc = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return rc;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    sigset_t stop;
    int signal;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);
    if (!daemon) {
        perror("bare_routes: libmicrohttpd would not start");
        return 1;
    }
    printf("READY http://127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&stop, &signal);
    MHD_stop_daemon(daemon);
    return 0;
}
