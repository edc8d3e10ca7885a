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

/* What has come of a request is all that comes. */
static ssize_t refuse_late(struct intake *intake, int fd, char *buf, size_t n)
{
    static const struct framing_taken nothing = { .start = SIZE_MAX };
    struct framing *framing = &intake->framing;
    bool body = framing_is_in_body(framing);
    framing->refused = framing->stage;
    if (framing->stage == FRAMING_VERSION)
        framing->at++; /* as where a byte of it is refused */
    framing->stage = FRAMING_REFUSED;
    framing->status = 408;
    framing->why =
        body ? "the body of the request has not come in time" : "the head of the request has not come in time";
    return refuse(intake, fd, buf, 0, n, &nothing);
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

/* Whether the library has come as far as the request that has come in part: those before it take their time. */
static bool awaits_more(const struct intake *intake)
{
    const struct framing *framing = &intake->framing;
    return (framing_is_in_head(framing) || framing_is_in_body(framing)) &&
           framing->begun == intake->begun + (intake->busy ? 0 : 1);
}

static void await_more(struct intake *intake)
{
    intake->awaited = intake->framing.begun;
    intake->piece = 0;
    patience_await(intake->patience, framing_is_in_body(&intake->framing) ? PATIENCE_BODY : PATIENCE_HEAD);
}

/* `due_us`: by when more had been due; 0: nothing was. `came`: bytes. */
static void go_on_waiting(struct intake *intake, int64_t due_us, size_t came)
{
    if (!awaits_more(intake))
        return;
    enum patience_for what = framing_is_in_body(&intake->framing) ? PATIENCE_BODY : PATIENCE_HEAD;
    bool same = intake->awaited == intake->framing.begun && intake->patience->what == what;
    intake->piece += came;
    if (due_us && same && (what == PATIENCE_HEAD || intake->piece < PATIENCE_PIECE))
        patience_go_on(intake->patience, due_us);
    else
        await_more(intake);
}

/* As recv(2). An epoll set that tells of edges tells no more of what is left in the socket: if the buffer has not been
 * filled, nothing is. */
static ssize_t take(struct intake *intake, int fd, char *buf, size_t n, int flags, size_t *ret_came)
{
    size_t filled = 0;
    for (;;) {
        struct framing_taken taken;
        size_t left = n - filled;
        ssize_t got = next_recv(fd, buf + filled, left, flags);
        if (got <= 0 && filled == 0)
            return got;
        if (got <= 0) {
            heed_end(intake, fd); /* which may be what has been read just now */
            return (ssize_t)filled;
        }
        *ret_came += (size_t)got;
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

static ssize_t receive(struct intake *intake, int fd, char *buf, size_t n, int flags)
{
    size_t came = 0;
    if (intake->tail)
        return give_tail(intake, buf, 0, n);
    if (intake->cut)
        return fail(ECONNRESET);
    int64_t due_us = patience_take(intake->patience);
    if (due_us < 0)
        return refuse_late(intake, fd, buf, n);
    ssize_t got = take(intake, fd, buf, n, flags, &came);
    go_on_waiting(intake, due_us, came);
    return got;
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

bool intake_begin(struct intake *intake, int fd, struct patience *patience, bool (*refuse_body)(struct intake *intake))
{
    *intake = (struct intake){ .patience = patience, .refuse_body = refuse_body };
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
    intake->busy = true;
    return ++intake->begun <= intake->framing.begun;
}

void intake_over(struct intake *intake)
{
    intake->busy = false;
    if (awaits_more(intake))
        await_more(intake);
}

bool intake_refuses(const struct intake *intake)
{
    return intake->refuses && intake->begun == intake->framing.begun;
}
