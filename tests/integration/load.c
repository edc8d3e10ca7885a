#include "tests/integration/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/support.h"

/* Durations are counted in steps of an eighth of a power of two. */
enum { LIMIT_S = 60, STEP_BITS = 3, STEPS = 8 << STEP_BITS << STEP_BITS };

struct load {
    int port;
    char request[LOAD_PATHS][2][256]; /* kept, fresh */
    unsigned count, paths;
    atomic_bool over;
    atomic_ulong answered, answered_at[LOAD_PATHS];
    atomic_int killed[32];
    atomic_uint killed_count;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct client {
        struct load *load;
        pthread_t thread;
        unsigned path;
        bool fresh;
        unsigned long took[STEPS];
        struct load_result result;
    } clients[LOAD_MOST];
};

struct line {
    int fd; /* -1: none */
    unsigned long answers;
    pid_t pid; /* who gave the last one */
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static unsigned step_of(int64_t us)
{
    unsigned high = us < 1 << STEP_BITS ? STEP_BITS : 63 - (unsigned)__builtin_clzll((unsigned long long)us);
    unsigned step = ((high - STEP_BITS) << STEP_BITS) + (unsigned)(us >> (high - STEP_BITS));
    return step < STEPS ? step : STEPS - 1;
}

/* The least of a step. */
static int64_t us_of(unsigned step)
{
    unsigned eighths = 1u << STEP_BITS;
    if (step < 2 * eighths)
        return step;
    return (int64_t)(eighths + step % eighths) << (step / eighths - 1);
}

static int connect_to(int port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval limit = { .tv_sec = LIMIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void lose(struct client *client, const struct line *line, const char *what)
{
    struct load *load = client->load;
    bool his = line->answers == 0;
    for (unsigned i = 0; i < atomic_load(&load->killed_count); i++)
        his |= line->pid == atomic_load(&load->killed[i]);
    client->result.lost++;
    client->result.lost_to += his;
    if (!*client->result.first_loss)
        snprintf(client->result.first_loss, sizeof client->result.first_loss, "%s (%s), answer %lu of worker %d", what,
                 strerror(errno), line->answers, (int)line->pid);
}

static void hang_up(struct line *line)
{
    if (line->fd >= 0)
        close(line->fd);
    *line = (struct line){ .fd = -1 };
}

/* Reads one response of the few that there are: head and Content-Length. Returns the status, 0 for an end before the
 * first byte, -1 for one later. */
static int read_answer(struct line *line, bool *ret_close)
{
    char text[2048];
    size_t length = 0;
    for (;;) {
        errno = 0;
        ssize_t n = recv(line->fd, text + length, sizeof text - 1 - length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return length == 0 ? 0 : -1;
        length += (size_t)n;
        text[length] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *size = end ? head_value(text, "Content-Length") : NULL;
        if (!end || (size && length < (size_t)(end + 4 - text) + strtoul(size, NULL, 10)))
            continue;
        const char *connection = head_value(text, "Connection");
        *ret_close = connection && strcasecmp(connection, "close") == 0;
        line->pid = atoi(end + 4);
        return atoi(text + 9);
    }
}

static void ask_once(struct client *client, struct line *line)
{
    struct load *load = client->load;
    const char *request = load->request[client->path][client->fresh];
    bool close_told = false;
    int64_t begun_us = now_us();
    if (line->fd < 0) {
        *line = (struct line){ .fd = connect_to(load->port) };
        if (line->fd < 0) {
            lose(client, line, "connect");
            return;
        }
    }
    errno = 0;
    ssize_t sent = send(line->fd, request, strlen(request), MSG_NOSIGNAL);
    int status = sent < 0 ? 0 : read_answer(line, &close_told);
    if (status <= 0) {
        if (status == 0 && line->answers > 0 && errno != EAGAIN)
            client->result.closed_idle++;
        else
            lose(client, line, status == 0 ? "no answer" : "half an answer");
        hang_up(line);
        return;
    }
    line->answers++;
    client->result.told_close += close_told && !client->fresh;
    if (status != 200) {
        client->result.bad++;
        client->result.bad_gateway += status == 502;
        if (close_told || client->fresh)
            hang_up(line);
        return;
    }
    client->took[step_of(now_us() - begun_us)]++;
    client->result.answered++;
    atomic_fetch_add(&load->answered, 1);
    atomic_fetch_add(&load->answered_at[client->path], 1);
    pthread_mutex_lock(&load->lock);
    pthread_cond_signal(&load->more);
    pthread_mutex_unlock(&load->lock);
    if (close_told || client->fresh)
        hang_up(line);
}

static void *be_client(void *arg)
{
    struct client *client = arg;
    struct line line = { .fd = -1 };
    while (!atomic_load(&client->load->over))
        ask_once(client, &line);
    hang_up(&line);
    return NULL;
}

static void await_more(struct load *load, const atomic_ulong *answered, unsigned long count)
{
    unsigned long until = atomic_load(answered) + count;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += LIMIT_S;
    pthread_mutex_lock(&load->lock);
    while (atomic_load(answered) < until)
        ck_assert_msg(pthread_cond_timedwait(&load->more, &load->lock, &limit) == 0, "the clients are not answered");
    pthread_mutex_unlock(&load->lock);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct load *load_begin(int port, const char *path, unsigned kept, unsigned fresh)
{
    return load_begin_many(port, LIST(path), kept, fresh);
}

struct load *load_begin_many(int port, const char *const *paths, unsigned kept, unsigned fresh)
{
    struct load *load = calloc(1, sizeof *load);
    ck_assert_ptr_nonnull(load);
    ck_assert_uint_le(kept + fresh, LOAD_MOST);
    load->port = port;
    load->count = kept + fresh;
    pthread_mutex_init(&load->lock, NULL);
    pthread_cond_init(&load->more, NULL);
    for (; paths[load->paths]; load->paths++) {
        ck_assert_uint_lt(load->paths, LOAD_PATHS);
        for (int i = 0; i < 2; i++)
            snprintf(load->request[load->paths][i], sizeof load->request[0][i], "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n",
                     paths[load->paths], i ? "Connection: close\r\n" : "");
    }
    for (unsigned i = 0; i < load->count; i++) {
        load->clients[i] = (struct client){ .load = load, .path = i % load->paths, .fresh = i >= kept };
        ck_assert_int_eq(pthread_create(&load->clients[i].thread, NULL, be_client, &load->clients[i]), 0);
    }
    return load;
}

void load_await(struct load *load, unsigned long count)
{
    await_more(load, &load->answered, count);
}

void load_await_at(struct load *load, unsigned path, unsigned long count)
{
    ck_assert_uint_lt(path, load->paths);
    await_more(load, &load->answered_at[path], count);
}

void load_killed(struct load *load, pid_t pid)
{
    unsigned at = atomic_load(&load->killed_count);
    ck_assert_uint_lt(at, sizeof load->killed / sizeof *load->killed);
    atomic_store(&load->killed[at], pid);
    atomic_store(&load->killed_count, at + 1);
}

/* Of all clients of a path. */
static int64_t slowest_in_a_hundred(const struct load *load, unsigned path, unsigned long answered)
{
    unsigned long slower = 0;
    for (unsigned step = STEPS; step-- > 0;) {
        for (unsigned i = 0; i < load->count; i++)
            slower += load->clients[i].path == path ? load->clients[i].took[step] : 0;
        if (slower * 100 >= answered)
            return us_of(step);
    }
    return 0;
}

struct load_result load_end(struct load *load)
{
    struct load_result sum = { 0 };
    atomic_store(&load->over, true);
    for (unsigned i = 0; i < load->count; i++) {
        const struct load_result *result = &load->clients[i].result;
        pthread_join(load->clients[i].thread, NULL);
        sum.answered += result->answered;
        sum.bad += result->bad;
        sum.bad_gateway += result->bad_gateway;
        sum.answered_at[load->clients[i].path] += result->answered;
        sum.bad_at[load->clients[i].path] += result->bad;
        sum.lost += result->lost;
        sum.lost_to += result->lost_to;
        sum.closed_idle += result->closed_idle;
        sum.told_close += result->told_close;
        if (*result->first_loss && !*sum.first_loss)
            memcpy(sum.first_loss, result->first_loss, sizeof sum.first_loss);
    }
    printf("%lu answered, %lu told to close, %lu found their kept-alive connection closed, %lu bad, %lu lost%s%s\n",
           sum.answered, sum.told_close, sum.closed_idle, sum.bad, sum.lost, sum.lost ? ": " : "", sum.first_loss);
    for (unsigned i = 0; i < load->paths; i++) {
        sum.p99_us[i] = slowest_in_a_hundred(load, i, sum.answered_at[i]);
        if (load->paths > 1)
            printf("  %.*s: %lu answered, %lu bad, the slowest in a hundred took %ld us\n",
                   (int)strcspn(load->request[i][0] + 4, " "), load->request[i][0] + 4, sum.answered_at[i],
                   sum.bad_at[i], (long)sum.p99_us[i]);
    }
    free(load);
    return sum;
}
