/* What the hello example costs without a gateway: libmicrohttpd and an access handler, nothing else.
 *
 * usage: bare [--static | --executor N] [THREADS [MEMORY [CONNECTIONS]]]
 *
 * Every request is answered with the bytes that Postern sends for hello.so, on the second call of the handler as
 * libmicrohttpd's own examples do. The body is formatted and the response made for each request; --static queues one
 * response that was made at the start; --executor has the body formatted by one of N threads, while libmicrohttpd has
 * the connection suspended: what handing a call over costs who does it in the plainest way, one lock and one condition
 * for all. MEMORY is a connection's, in bytes, and libmicrohttpd's default otherwise: it clears that much for every
 * request. CONNECTIONS is how many there may be, 0 (the default): as many as libmicrohttpd says, about a thousand.
 * Built with GUARDED, it has Postern's net/intake in front of libmicrohttpd: what that costs is the difference.
 * Prints "READY URL" on a free port of 127.0.0.1; runs until SIGTERM or SIGINT. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef GUARDED
#include "net/intake.h"
#endif

enum { BODY_SIZE = 128 };

static size_t format_body(char body[BODY_SIZE], const char *name)
{
    return (size_t)snprintf(body, BODY_SIZE, "Hello, %s!\n", name);
}

static struct MHD_Response *wrap_body(char *body, size_t length)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_COPY);
    if (response && MHD_add_response_header(response, "Content-Type", "text/plain; charset=UTF-8") == MHD_YES &&
        MHD_add_response_header(response, "Server", "Postern") == MHD_YES)
        return response;
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

static struct MHD_Response *make_response(const char *name)
{
    char body[BODY_SIZE];
    return wrap_body(body, format_body(body, name));
}

static enum MHD_Result queue(struct MHD_Connection *connection, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    enum MHD_Result rc = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return rc;
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
    return queue(connection, make_response("world"));
}

/* --- with an executor ---------------------------------------------------------------------------------------- */

/* A request; the connection's own thread has it before it is in the queue and after it has been resumed. */
struct job {
    struct MHD_Connection *connection;
    struct job *next;
    bool done;
    size_t length;
    char body[BODY_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the four */
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static bool stopping;

static void *execute(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!first && !stopping)
            pthread_cond_wait(&filled, &lock);
        struct job *job = first;
        if (!job)
            break;
        first = job->next;
        if (!first)
            last = &first;
        pthread_mutex_unlock(&lock);
        struct MHD_Connection *connection = job->connection; /* the job may be gone once it is resumed */
        job->length = format_body(job->body, "world");
        job->done = true;
        MHD_resume_connection(connection);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static enum MHD_Result hand_over(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct job *job = *context;
    (void)cls, (void)url, (void)version, (void)upload, (void)upload_size;
    if (strcmp(method, "GET") != 0)
        return MHD_NO;
    if (!job)
        return (*context = calloc(1, sizeof *job)) ? MHD_YES : MHD_NO;
    if (job->done)
        return queue(connection, wrap_body(job->body, job->length));
    job->connection = connection;
    MHD_suspend_connection(connection);
    pthread_mutex_lock(&lock);
    *last = job;
    last = &job->next;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&lock);
    return MHD_YES;
}

static void completed(void *cls, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode why)
{
    (void)cls, (void)connection, (void)why;
    free(*context);
    *context = NULL;
}

enum { EXECUTOR_MOST = 64 };

static pthread_t executor[EXECUTOR_MOST];

static bool start_executor(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&executor[i], NULL, execute, NULL) != 0)
            return false;
    return true;
}

static void stop_executor(unsigned count)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < count; i++)
        pthread_join(executor[i], NULL);
}

/* --- with a guard --------------------------------------------------------------------------------------------- */

#ifdef GUARDED
struct guarded {
    struct intake intake;
    struct patience patience;
};

static bool refuse_body(struct intake *intake)
{
    (void)intake; /* nobody sends a body */
    return false;
}

static void guard(void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    (void)cls;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        intake_end(fd);
        free(*context);
        return;
    }
    struct guarded *guarded = calloc(1, sizeof *guarded);
    if (!guarded || !intake_begin(&guarded->intake, fd, &guarded->patience, refuse_body))
        abort();
    *context = guarded;
}

static void add_guard(struct MHD_OptionItem *options, size_t *count)
{
    ngi_error err;
    if (intakes_open(&err) != NGI_OK)
        abort();
    options[(*count)++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)guard, NULL };
}
#else
static void add_guard(struct MHD_OptionItem *options, size_t *count)
{
    (void)options, (void)count;
}
#endif

/* ---------------------------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct MHD_Response *prebuilt = NULL;
    sigset_t stop;
    int signal;
    unsigned executors = 0;
    if (argc > 1 && strcmp(argv[1], "--static") == 0) {
        prebuilt = make_response("world");
        argc--, argv++;
    } else if (argc > 2 && strcmp(argv[1], "--executor") == 0) {
        executors = (unsigned)strtoul(argv[2], NULL, 10);
        argc -= 2, argv += 2;
        if (executors < 1 || executors > EXECUTOR_MOST) {
            fprintf(stderr, "bare: --executor takes 1 to %d threads\n", EXECUTOR_MOST);
            return 2;
        }
    }
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    size_t memory = argc > 2 ? strtoul(argv[2], NULL, 10) : 32 * 1024;
    unsigned connections = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    if (!start_executor(executors)) {
        perror("bare: no threads");
        return 1;
    }
    struct MHD_OptionItem options[8] = {
        { MHD_OPTION_SOCK_ADDR, 0, &address },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)memory, NULL },
    };
    size_t count = 2;
    if (threads > 1) /* a pool of one is libmicrohttpd's single internal thread */
        options[count++] = (struct MHD_OptionItem){ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL };
    if (connections > 0)
        options[count++] = (struct MHD_OptionItem){ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections, NULL };
    if (executors > 0)
        options[count++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, NULL };
    add_guard(options, &count);
    options[count] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
    if (executors > 0)
        flags |= MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, executors > 0 ? hand_over : answer, prebuilt,
                                                 MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!daemon) {
        perror("bare: libmicrohttpd would not start");
        return 1;
    }
    printf("READY http://127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&stop, &signal);
    stop_executor(executors);
    MHD_stop_daemon(daemon);
    if (prebuilt)
        MHD_destroy_response(prebuilt);
    return 0;
}
