#include "net/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/seldom.h"
#include "config.h"
#include "net/connection.h"
#include "net/crowd.h"
#include "net/exchange.h"
#include "net/patience.h"
#include "net/shared_socket.h"
#include "obs/counters.h"
#include "run/neighbours.h"

struct server {
    struct exchange_config config;
    struct crowd *crowd;
    int64_t per_address;    /* of its members, at most */
    _Atomic int64_t due_us; /* when the log may be told again that connections are refused: base/seldom.h */
    unsigned threads;
    bool quiesced;
    size_t count;
    struct daemon_slot {
        struct MHD_Daemon *daemon;
        const struct listener *listener;
    } daemons[];
};

/* --- connections --------------------------------------------------------------------------------------------- */

static void name_address(const struct sockaddr *socket, char *host, uint16_t *ret_port)
{
    struct address address = { .family = AF_UNIX };
    (void)address_from_socket(socket, &address);
    address_print(&address, host);
    *ret_port = address_port(socket);
}

static void tell_of_crowd(struct server *server, const struct address *address)
{
    enum { PAUSE_US = 10 * 1000000 };
    char text[INET6_ADDRSTRLEN];
    if (!seldom(&server->due_us, PAUSE_US))
        return;
    address_print(address, text);
    log_line(NGI_LOG_WARNING,
             "connections of %s%s are refused: it has %lld (connections_per_address); a proxy of yours belongs in "
             "trusted",
             text, address->family == AF_INET6 ? "/64" : "", (long long)server->per_address);
}

/* Where the connection is accepted, on any thread. Nothing may be counted here: it may still come to nothing. */
static enum MHD_Result admit(void *cls, const struct sockaddr *socket, socklen_t length)
{
    struct server *server = cls;
    struct address address;
    if (length < sizeof socket->sa_family || networks_have_socket(&server->config.trusted, socket) ||
        crowd_has_room(server->crowd, socket, &address))
        return MHD_YES;
    counters_refused();
    tell_of_crowd(server, &address);
    return MHD_NO;
}

static struct connection *connection_new(const struct server *server, struct MHD_Connection *raw)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->raw = raw;
    if (!intake_begin(&connection->intake, connection_fd(raw), &connection->patience, exchange_refuse_body)) {
        free(connection);
        return NULL;
    }
    struct peer *peer = &connection->peer;
    peer->scheme = "http";
    int fd = connection_fd(raw);
    const union MHD_ConnectionInfo *client = MHD_get_connection_info(raw, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (client && client->client_addr) {
        name_address(client->client_addr, peer->remote_addr, &peer->remote_port);
        connection->trusted = networks_have_socket(&server->config.trusted, client->client_addr);
        if (!connection->trusted)
            connection->member = crowd_enter(server->crowd, client->client_addr);
    } else {
        snprintf(peer->remote_addr, sizeof peer->remote_addr, "unix:");
    }
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        name_address((struct sockaddr *)&address, peer->local_addr, &peer->local_port);
    patience_begin(&connection->patience, fd, peer->remote_addr);
    return connection;
}

/* Runs on the connection's pool thread, when it opens and when it closes. */
static void notify_connection(void *cls, struct MHD_Connection *connection, void **context,
                              enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        counters_opened();
        neighbours_connected();
        *context = connection_new(cls, connection); /* NULL, out of memory: its requests are cut */
    } else {
        intake_end(connection_fd(connection));
        if (*context) {
            patience_end(&((struct connection *)*context)->patience);
            exchange_abandon(*context);
            crowd_leave(((struct server *)cls)->crowd, ((struct connection *)*context)->member);
        }
        neighbours_left();
        counters_closed();
        free(*context);
        *context = NULL;
    }
}

/* --- libmicrohttpd ------------------------------------------------------------------------------------------- */

/* Its words are about clients' mistakes: of interest to who is looking for one. */
static void log_library(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void log_library(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    char text[512];
    if (log_level() < NGI_LOG_DEBUG)
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_line(NGI_LOG_DEBUG, "libmicrohttpd: %s", text);
}

/* Targets are decoded by http/target, which knows what to refuse; here nothing may change them. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct server *server, const struct settings *settings,
                                       const struct listener *listener)
{
    /* A pool of one is libmicrohttpd's single internal thread. */
    bool pool = server->threads > 1;
    const struct MHD_OptionItem options[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_library, NULL },
        { MHD_OPTION_LISTEN_SOCKET, listener->fd, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notify_connection, server },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_end, &server->config },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_begin, &server->config },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(settings->connection_timeout + 0.5), NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->connection_memory, NULL },
    /* 0.9.75 has only MHD_OPTION_STRICT_FOR_CLIENT: it sends the head of its 400 twice, or closes without one. What it
     * would refuse is refused by http/ instead. */
#if HAVE_DECL_MHD_OPTION_CLIENT_DISCIPLINE_LVL
        { MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL },
#endif
        { pool ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)server->threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
#if HAVE_DECL_MHD_USE_EPOLL
    flags |= MHD_USE_EPOLL;
#else
    flags |= MHD_USE_POLL;
#endif
    return MHD_start_daemon(flags, 0, admit, server, exchange_handle, &server->config, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

/* What clients have sent before the port closed is taken too: a request that the kernel has acknowledged is not
 * dropped. */
static uint64_t take_backlog(const struct daemon_slot *slot)
{
    enum { TAKEN_MOST = 65535 }; /* the largest queue; those who come faster than that are not waited for */
    uint64_t taken = 0;
    while (taken < TAKEN_MOST) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        int fd = accept4(slot->listener->fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return taken;
        if (MHD_add_connection(slot->daemon, fd, (struct sockaddr *)&address, length) == MHD_YES)
            taken++;
        else
            log_line(NGI_LOG_WARNING, "a connection that was waiting at shutdown was dropped: %s", strerror(errno));
    }
    return taken;
}

/* ---------------------------------------------------------------------------------------------------------- */

int server_start(struct server **ret, const struct settings *settings, const struct dispatch *dispatch,
                 const struct listeners *listeners, ngi_error *err)
{
    struct server *server = calloc(1, sizeof *server + listeners->count * sizeof server->daemons[0]);
    if (shared_sockets_name(listeners, err) != NGI_OK || intakes_open(err) != NGI_OK) {
        free(server);
        return err->code;
    }
    if (!server)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    server->threads = settings->threads > 0 ? (unsigned)settings->threads : cpus > 0 ? (unsigned)cpus : 1;
    neighbours_begin(server->threads);
    server->config.dispatch = dispatch;
    server->per_address = settings->connections_per_address;
    server->crowd = crowd_new((uint64_t)server->per_address);
    if (!server->crowd || settings_trusted(settings, &server->config.trusted) != NGI_OK) {
        crowd_free(server->crowd);
        free(server);
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    patience_start(settings);
    server->config.forwarded = settings_forwarded(settings);
    server->config.connection_memory = (size_t)settings->connection_memory;
    for (size_t i = 0; i < listeners->count; i++) {
        struct daemon_slot *slot = &server->daemons[server->count];
        slot->listener = &listeners->all[i];
        slot->daemon = start_daemon(server, settings, slot->listener);
        if (!slot->daemon) {
            int error = errno;
            server_stop(server);
            return ngi_error_set(err, NGI_EIO,
                                 "%s: libmicrohttpd would not start (%s); connections = %lld may be more "
                                 "than ulimit -n allows",
                                 listeners->all[i].url, strerror(error), (long long)settings->connections);
        }
        server->count++;
    }
    *ret = server;
    return NGI_OK;
}

unsigned server_threads(const struct server *server)
{
    return server->threads;
}

uint64_t server_quiesce(struct server *server, bool (*is_last)(const void *arg, size_t listener), const void *arg)
{
    uint64_t taken = 0;
    atomic_store_explicit(&server->config.draining, true, memory_order_relaxed);
    for (size_t i = 0; i < server->count; i++) {
        if (!server->quiesced)
            shared_socket_quiesce(server->daemons[i].daemon);
        if (!is_last(arg, i))
            continue;
        taken += take_backlog(&server->daemons[i]);
        /* From now on clients are refused instead of left waiting. The socket itself stays open: libmicrohttpd wants
         * it until it has stopped. */
        shared_socket_shut(server->daemons[i].listener);
    }
    server->quiesced = true;
    return taken;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->count; i++)
        MHD_stop_daemon(server->daemons[i].daemon);
    patience_stop();
    task_thread_end();
    networks_free(&server->config.trusted);
    crowd_free(server->crowd);
    free(server);
}

const char *server_library(void)
{
    return MHD_get_version();
}
