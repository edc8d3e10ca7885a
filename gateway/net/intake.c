#include "net/intake.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/interpose.h"

/* By descriptor. An entry is written by the thread that has the connection, while nobody else can have the number. */
static _Atomic(struct intake *) *intakes;
static size_t room;

static struct intake *intake_of(int fd)
{
    return fd >= 0 && (size_t)fd < room ? atomic_load_explicit(&intakes[fd], memory_order_relaxed) : NULL;
}

static ssize_t next_recv(int fd, void *buf, size_t n, int flags)
{
    static _Atomic(void *) known;
    ssize_t (*call)(int fd, void *buf, size_t n, int flags);
    *(void **)&call = interpose_next("recv", &known);
    return call(fd, buf, n, flags);
}

static ssize_t fail(int error)
{
    errno = error;
    return -1;
}

/* What makes a head that has come to this point a complete one; with a Host, for want of which libmicrohttpd 1.0 would
 * answer by itself. */
static const char *rest_of_head(const struct framing *framing)
{
#define REST "\r\nHost:\r\n\r\n"
    static const char version[] = "HTTP/1.0" REST, coding[] = "chunked" REST;
    switch ((enum framing_stage)framing->refused) {
    case FRAMING_METHOD: return " * HTTP/1.0" REST;
    case FRAMING_TARGET: return framing->has_value ? " HTTP/1.0" REST : "* HTTP/1.0" REST;
    case FRAMING_VERSION: return version + (framing->at > 0 ? framing->at - 1 : 0);
    case FRAMING_NAME: return "-:0" REST; /* another name, where it is that of a length or coding */
    case FRAMING_VALUE:
        if (framing->maybe & FRAMING_CODING)
            return coding + framing->at;
        return framing->maybe && !framing->has_value ? "0" REST : REST;
    case FRAMING_VERSION_LF:
    case FRAMING_VALUE_LF: return &REST[1];
    case FRAMING_NAME_START: return &REST[2];
    default: return "\n"; /* FRAMING_HEAD_LF */
    }
#undef REST
}

/* Gives what takes the place of what was refused, behind `filled` bytes. */
static ssize_t give_tail(struct intake *intake, char *buf, size_t filled, size_t n)
{
    size_t length = strlen(intake->tail);
    size_t given = length < n - filled ? length : n - filled;
    memcpy(buf + filled, intake->tail, given);
    intake->tail = given < length ? intake->tail + given : NULL;
    intake->cut = !intake->tail;
    return (ssize_t)(filled + given);
}

/* `taken`: of the bytes from `from` on. */
static ssize_t refuse(struct intake *intake, int fd, char *buf, size_t from, size_t n,
                      const struct framing_taken *taken)
{
    bool whole = taken->start != SIZE_MAX; /* nothing of it has been passed on */
    if (whole || intake->framing.refused < FRAMING_BODY) {
        intake->refuses = true;
        intake->tail = whole ? "GET * HTTP/1.0\r\n\r\n" : rest_of_head(&intake->framing);
        return give_tail(intake, buf, from + (whole ? taken->start : taken->good), n);
    }
    intake->cut = true;
    size_t passed = from + taken->good;
    intake->refuses = intake->refuse_body(intake) && passed > 0;
    if (!intake->refuses)
        (void)shutdown(fd, SHUT_RDWR); /* so that it is read from again */
    return passed > 0 ? (ssize_t)passed : fail(ECONNRESET);
}

/* With epoll, libmicrohttpd misses a FIN that comes together with data (0.9.75, 1.0.1), and would wait for the rest of
 * a request until the time-out. Behind a whole one it is no sign: the client may have said all that it has to say. */
static void heed_end(const struct intake *intake, int fd)
{
    char byte;
    if (!framing_is_in_head(&intake->framing) && !framing_is_in_body(&intake->framing))
        return;
    ssize_t got = next_recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        (void)shutdown(fd, SHUT_RD); /* so that it is told once more */
}

/* As recv(2). An epoll set that tells of edges tells no more of what is left in the socket: if the buffer has not been
 * filled, nothing is. */
static ssize_t receive(struct intake *intake, int fd, char *buf, size_t n, int flags)
{
    size_t filled = 0;
    if (intake->tail)
        return give_tail(intake, buf, 0, n);
    if (intake->cut)
        return fail(ECONNRESET);
    for (;;) {
        struct framing_taken taken;
        size_t left = n - filled;
        ssize_t got = next_recv(fd, buf + filled, left, flags);
        if (got <= 0)
            return filled > 0 ? (ssize_t)filled : got;
        if (!framing_take(&intake->framing, (uint8_t *)buf + filled, (size_t)got, &taken))
            return refuse(intake, fd, buf, filled, n, &taken);
        filled += taken.length;
        if ((size_t)got < left) {
            heed_end(intake, fd);
            return filled > 0 ? (ssize_t)filled : fail(EAGAIN);
        }
        if (filled == n)
            return (ssize_t)filled;
    }
}

/* --- for the whole process, in place of libc's ------------------------------------------------------------------- */

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    struct intake *intake = flags & MSG_PEEK ? NULL : intake_of(fd);
    return intake && n > 0 ? receive(intake, fd, buf, n, flags) : next_recv(fd, buf, n, flags);
}

/* ---------------------------------------------------------------------------------------------------------- */

int intakes_open(ngi_error *err)
{
    enum { MOST = 1 << 20 };
    struct rlimit limit;
    if (intakes)
        return NGI_OK;
    size_t wanted = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MOST ? (size_t)limit.rlim_cur : MOST;
    intakes = calloc(wanted, sizeof *intakes);
    if (!intakes)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    room = wanted;
    return NGI_OK;
}

bool intake_begin(struct intake *intake, int fd, bool (*refuse_body)(struct intake *intake))
{
    *intake = (struct intake){ .refuse_body = refuse_body };
    if (fd < 0 || (size_t)fd >= room)
        return false;
    atomic_store_explicit(&intakes[fd], intake, memory_order_relaxed);
    return true;
}

void intake_end(int fd)
{
    if (fd >= 0 && (size_t)fd < room)
        atomic_store_explicit(&intakes[fd], NULL, memory_order_relaxed);
}

bool intake_count(struct intake *intake)
{
    return ++intake->begun <= intake->framing.begun;
}

bool intake_refuses(const struct intake *intake)
{
    return intake->refuses && intake->begun == intake->framing.begun;
}
