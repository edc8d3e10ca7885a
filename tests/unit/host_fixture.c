#include "tests/unit/host_fixture.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/responder.h"
#include "run/reactor.h"

/* --- the process --------------------------------------------------------------------------------------------- */

static struct responder responder;
static int line;
static char uri[1024];

static void put(const void *data, size_t n)
{
    for (const char *at = data; n > 0;) {
        ssize_t done = write(line, at, n);
        if (done < 0)
            _exit(9);
        at += done;
        n -= (size_t)done;
    }
}

static void say(const char *data, size_t n)
{
    uint8_t head[FCGI_HEADER_SIZE];
    while (n > 0) {
        size_t piece = n < 20000 ? n : 20000;
        responder_put_header(&responder, FCGI_STDOUT, piece, head);
        put(head, sizeof head);
        put(data, piece);
        data += piece;
        n -= piece;
    }
}

static void end(uint32_t app_status)
{
    uint8_t bytes[RESPONDER_END_SIZE];
    responder_put_end(&responder, app_status, bytes);
    put(bytes, sizeof bytes);
}

static void say_text(const char *text, int length)
{
    char head[256];
    int n = snprintf(head, sizeof head, "Status: 200 OK\r\nContent-Type: text/plain\r\n");
    if (length >= 0)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %d\r\n", length);
    snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    say(head, strlen(head));
    say(text, strlen(text));
}

static void say_big(bool declared)
{
    char block[4096];
    say_text("", declared ? BIG : -1);
    memset(block, 'x', sizeof block);
    for (size_t left = BIG; left > 0; left -= sizeof block)
        say(block, sizeof block);
    end(0);
}

/* So much is said to be in the file. */
static void say_file(int length, bool sends)
{
    char record[FCGI_HEADER_SIZE + 256], block[4096];
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = { 0 };
    int n = snprintf(record + FCGI_HEADER_SIZE, sizeof record - FCGI_HEADER_SIZE,
                     "Body: file 0 %d\r\nStatus: 200 OK\r\nContent-Length: %d\r\n\r\n", length, length);
    struct iovec bytes = { record, FCGI_HEADER_SIZE + (size_t)n };
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
    int fd = memfd_create("body", MFD_CLOEXEC);
    memset(block, 'x', sizeof block);
    for (size_t left = BIG; left > 0; left -= sizeof block)
        if (write(fd, block, sizeof block) < 0)
            _exit(7);
    responder_put_header(&responder, FCGI_STDOUT, (size_t)n, (uint8_t *)record);
    if (sends) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    if (sendmsg(line, &message, 0) < 0)
        _exit(7);
    close(fd);
    end(0);
}

static _Noreturn void crash(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    _exit(8);
}

static _Noreturn void hang(void)
{
    for (;;)
        pause();
}

static bool asks(const char *word)
{
    const char *query = strchr(uri, '?');
    return query && strcmp(query + 1, word) == 0;
}

/* All of a request has come. */
static void answer(void)
{
    char number[16];
    if (asks("crash"))
        crash();
    if (asks("exit"))
        _exit(0);
    if (asks("hang"))
        hang();
    if (asks("wait"))
        return; /* until the abort */
    if (asks("pid")) {
        snprintf(number, sizeof number, "%d", (int)getpid());
        say_text(number, (int)strlen(number));
        end(0);
    } else if (asks("big") || asks("long")) {
        say_big(asks("big"));
    } else if (asks("file") || asks("nofile")) {
        say_file(BIG, asks("file"));
    } else if (asks("short")) {
        say_file(BIG + 1, true);
    } else if (asks("stream")) {
        static const char head[] = "Body: stream\r\nStatus: 200 OK\r\n\r\nlive";
        say(head, strlen(head));
    } else if (asks("half")) {
        say_text("half", 8);
        crash();
    } else if (asks("cut")) {
        say_text("some", -1);
        end(1);
    } else if (asks("garbage")) {
        put("this is no FastCGI", 18);
        hang();
    } else if (asks("mute")) {
        end(0);
    } else if (asks("smuggle")) {
        static const char head[] = "Status: 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        say(head, strlen(head));
        end(0);
    } else if (asks("close")) {
        close(line);
        hang();
    } else {
        say_text("hello", 5);
        end(0);
    }
}

static void heed(const struct responder_event *event)
{
    switch (event->kind) {
    case RESPONDER_PARAM:
        if (event->pair.name_length == 11 && memcmp(event->pair.name, "REQUEST_URI", 11) == 0)
            snprintf(uri, sizeof uri, "%.*s", (int)event->pair.value_length, (const char *)event->pair.value);
        break;
    case RESPONDER_STDIN_END: answer(); break;
    case RESPONDER_ABORT: end(0); break;
    default: break;
    }
}

static _Noreturn void be_host(int fd)
{
    static uint8_t in[65536];
    ssize_t n;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    line = fd;
    responder_init(&responder, (struct responder_values){ 1, 1 });
    while ((n = read(fd, in, sizeof in)) > 0)
        for (size_t at = 0;;) {
            struct responder_event event;
            at += responder_take(&responder, in + at, (size_t)n - at, &event);
            if (event.kind == RESPONDER_NOTHING)
                break;
            heed(&event);
        }
    _exit(0);
}

/* --- the source ---------------------------------------------------------------------------------------------- */

enum { MOST = 256 };

struct made {
    struct reactor_source death; /* first */
    uint64_t number;
    pid_t pid;
    bool told;
};

static struct hosts *hosts;
static struct made all[MOST]; /* the reactor's */
static unsigned count;
static _Atomic unsigned made, ended;
static _Atomic enum host_making making;

static void bury(struct reactor_source *source, uint32_t events)
{
    struct made *one = (struct made *)source;
    int status = 0;
    (void)events;
    ck_assert_int_eq(waitpid(one->pid, &status, 0), one->pid);
    reactor_remove(source);
    close(source->fd);
    atomic_fetch_add(&ended, 1);
    hosts_ended(hosts, one->number, status, NULL);
}

static void tell(struct reactor_errand *errand)
{
    (void)errand;
    for (unsigned i = 0; i < count; i++) {
        struct made *one = &all[i];
        if (one->told)
            continue;
        one->told = true;
        if (one->pid == 0) {
            hosts_ended(hosts, one->number, HOSTS_STATUS_UNKNOWN, "it was stillborn");
            continue;
        }
        one->death = (struct reactor_source){ bury, pidfd_open(one->pid, 0) };
        hosts_came(hosts, one->number, one->pid, pidfd_open(one->pid, 0));
        ck_assert_int_eq(reactor_add(&one->death, EPOLLIN), NGI_OK);
    }
}

static struct reactor_errand telling = { .run = tell };

static int make(void *arg, uint64_t number, int fd, ngi_error *err)
{
    (void)arg;
    enum host_making how = atomic_load(&making);
    if (how == MAKE_NONE) {
        close(fd);
        return ngi_error_set(err, NGI_EFAIL, "none can be made");
    }
    ck_assert_uint_lt(count, MOST);
    pid_t pid = how == MAKE_STILLBORN ? 0 : fork();
    if (pid == 0 && how == MAKE_UNFIT)
        _exit(HOSTS_EXIT_AFTER_FORK);
    if (pid == 0 && how == MAKE_GOOD) {
        close_range(3, (unsigned)fd - 1, 0);
        close_range((unsigned)fd + 1, ~0u, 0);
        be_host(fd);
    }
    ck_assert_int_ge(pid, 0);
    close(fd);
    all[count++] = (struct made){ .number = number, .pid = pid };
    atomic_fetch_add(&made, 1);
    reactor_ask(&telling);
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

const struct hosts_source forks = { make };

void forks_make(enum host_making how)
{
    atomic_store(&making, how);
}

unsigned forks_made(void)
{
    return atomic_load(&made);
}

unsigned forks_ended(void)
{
    return atomic_load(&ended);
}

void forks_begin(struct hosts *of)
{
    hosts = of;
    count = 0;
    atomic_store(&made, 0);
    atomic_store(&ended, 0);
    forks_make(MAKE_GOOD);
}

void forks_end(void)
{
    hosts = NULL;
}
