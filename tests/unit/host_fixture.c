#include "tests/unit/host_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "base/passing.h"
#include "fcgi/inner.h"
#include "fcgi/responder.h"
#include "run/reactor.h"
#include "run/slots.h"
#include "tests/unit/run_fixture.h"

/* --- the process --------------------------------------------------------------------------------------------- */

static struct responder responder;
static int line, gate;
static char uri[1024];
static struct slots *slots;
static struct slot *slot; /* of the request under way; NULL: it has none */
static bool more;         /* has come, and has not been looked at */
static uint8_t answer_in[SLOT_ROOM];
static size_t answer_length;
static _Atomic unsigned *in_slots; /* answers that were left there, by all processes */

static void put(const void *data, size_t n);

/* What was to go into the slot goes by the socket. */
static void leave_slot(void)
{
    slot = NULL;
    put(answer_in, answer_length);
    answer_length = 0;
}

static void put(const void *data, size_t n)
{
    if (slot && answer_length + n <= SLOT_ROOM) {
        memcpy(answer_in + answer_length, data, n);
        answer_length += n;
        return;
    }
    if (slot)
        leave_slot();
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
    if (slot && more && slot_answer(slot, answer_in, answer_length))
        atomic_fetch_add(in_slots, 1);
    else if (slot)
        leave_slot();
    slot = NULL;
    answer_length = 0;
}

/* A record for another request than the one under way. */
static void say_for(int request, enum fcgi_type type)
{
    uint8_t bytes[FCGI_HEADER_SIZE + FCGI_BODY_SIZE] = { 0 };
    const struct fcgi_header header = { .type = (uint8_t)type, .request = (uint16_t)request, .length = FCGI_BODY_SIZE };
    fcgi_put_header(bytes, &header);
    leave_slot();
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
    char record[FCGI_HEADER_SIZE + 256], end_of_it[16];
    if (slot)
        leave_slot();
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = { 0 };
    int n = snprintf(record + FCGI_HEADER_SIZE, sizeof record - FCGI_HEADER_SIZE,
                     "Body: file 0 %d\r\nStatus: 200 OK\r\nContent-Length: %d\r\n\r\n", length, length);
    struct iovec bytes = { record, FCGI_HEADER_SIZE + (size_t)n };
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
    int fd = memfd_create("body", MFD_CLOEXEC);
    memset(end_of_it, 'x', sizeof end_of_it);
    if (ftruncate(fd, BIG) < 0 || pwrite(fd, end_of_it, sizeof end_of_it, BIG - sizeof end_of_it) < 0)
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
    char number[16], byte;
    int request = responder.request;
    if (request >= INNER_AHEAD && slots) {
        slot = &slots->all[request - INNER_AHEAD];
        if (!slot_begin(slot)) {
            end(1);
            return;
        }
    }
    if (asks("gate") && read(gate, &byte, 1) != 1)
        _exit(6);
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
        if (slot)
            leave_slot();
        put("this is no FastCGI", 18);
        hang();
    } else if (asks("mute")) {
        end(0);
    } else if (asks("smuggle")) {
        static const char head[] = "Status: 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        say(head, strlen(head));
        end(0);
    } else if (asks("long-slot") || asks("no-answer")) {
        memset(slot->answer, 'x', SLOT_ROOM);
        atomic_store(&slot->length, asks("no-answer") ? 100 : SLOT_ROOM + 1);
        atomic_store(&slot->state, SLOT_ANSWERED);
        hang();
    } else if (asks("odd-state")) {
        atomic_store(&slot->state, 77);
        crash();
    } else if (asks("out-of-turn") || asks("unknown")) {
        say_for(asks("unknown") ? 999 : request + 1, FCGI_STDOUT);
        hang();
    } else if (asks("end-of-another")) {
        say_for(request + 1, FCGI_END_REQUEST);
        hang();
    } else if (asks("answer-and-hang")) {
        say_text("hello", 5);
        end(0);
        hang();
    } else if (asks("close")) {
        close(line);
        hang();
    } else {
        say_text("hello", 5);
        end(0);
    }
}

static int came = -1; /* a descriptor that has come along */

static void heed(const struct responder_event *event)
{
    switch (event->kind) {
    case RESPONDER_PARAM:
        if (event->pair.name_length == 11 && memcmp(event->pair.name, "REQUEST_URI", 11) == 0)
            snprintf(uri, sizeof uri, "%.*s", (int)event->pair.value_length, (const char *)event->pair.value);
        if (event->pair.name_length == strlen(INNER_SLOTS) && memcmp(event->pair.name, INNER_SLOTS, 9) == 0)
            slots = slots_map(came);
        break;
    case RESPONDER_REPLY: put(event->data, event->length); break;
    case RESPONDER_STDIN_END: answer(); break;
    case RESPONDER_ABORT: end(0); break;
    default: break;
    }
}

static _Noreturn void be_host(int fd)
{
    static uint8_t in[65536];
    const struct iovec bytes = { in, sizeof in };
    struct pollfd readable = { fd, POLLIN, 0 };
    ssize_t n;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    line = fd;
    responder_init(&responder, (struct responder_values){ 1, 1 });
    while (poll(&readable, 1, -1) == 1 && (n = passing_receive(fd, &bytes, 1, &came)) > 0)
        for (size_t at = 0;;) {
            struct responder_event event;
            at += responder_take(&responder, in + at, (size_t)n - at, &event);
            more = at < (size_t)n;
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
static int gates[2];

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
        fd = fcntl(fd, F_DUPFD, 10);
        if (fd < 0 || dup2(gates[0], 3) != 3)
            _exit(5);
        gate = 3;
        close_range(4, (unsigned)fd - 1, 0);
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

static const struct hosts_source forks = { make };

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

static void forks_begin(struct hosts *of)
{
    ck_assert_ptr_nonnull(of);
    hosts = of;
    count = 0;
    ck_assert_int_eq(pipe2(gates, O_CLOEXEC), 0);
    in_slots = mmap(NULL, sizeof *in_slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(in_slots, MAP_FAILED);
    atomic_store(&made, 0);
    atomic_store(&ended, 0);
    forks_make(MAKE_GOOD);
}

void forks_open_gate(void)
{
    ck_assert_int_eq(write(gates[1], "", 1), 1);
}

unsigned forks_in_slots(void)
{
    return atomic_load(in_slots);
}

static void forks_end(void)
{
    close(gates[0]);
    close(gates[1]);
    munmap(in_slots, sizeof *in_slots);
    hosts = NULL;
}

/* --- a lane with them ------------------------------------------------------------------------------------------ */

struct client client;
char told[4096]; /* what the teller was told; the reactor's, read when all is over */

static void take_told(const char *text)
{
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s\n", text);
}

void given(const struct given *given)
{
    const struct hosts_limits limits = {
        .plugin = "fake",
        .most = given->most ? given->most : 2,
        .spare = given->spare,
        .queue = given->queue ? given->queue : 1000,
        .max_requests = given->max_requests,
        .max_rss = given->max_rss,
        .kill_after_us = (given->kill_after_ms ? given->kill_after_ms : 5000) * INT64_C(1000),
        .grace_us = INT64_C(5000) * 1000,
    };
    ngi_error err;
    *told = '\0';
    hosts_set_teller(take_told);
    ck_assert_int_eq(reactor_start(&err), NGI_OK);
    forks_begin(hosts_new(&limits, &forks, NULL));
    hosts_start(hosts);
    serve(&(struct serving){ .run = RUN_PROCESS, .hosts = hosts, .watched = true, .timeout_ms = given->timeout_ms });
    client_begin(&client);
}

void over(void)
{
    serve_idle();
    client_end(&client);
    serve_end();
    hosts_stop(hosts);
    reactor_stop();
    hosts_free(hosts);
    forks_end();
}

struct hosts_state state(void)
{
    struct hosts_state now;
    hosts_look(hosts, &now);
    return now;
}

int ask(const char *word)
{
    char target[64];
    snprintf(target, sizeof target, "/?%s", word);
    (void)client_ask(&client, target);
    (void)client_wait(&client);
    return client_status(&client);
}

int get(const char *word)
{
    int status = ask(word);
    client_leave(&client);
    return status;
}

void be_quick(bool very)
{
    for (int i = 0; i < (very ? 100 : 0) || !lane_is_quick(serve_lane()); i++) {
        int status = get("hello"); /* 504: its deadline may be short, and the machine busy */
        ck_assert_msg(status == 200 || status == 504, "%d", status);
    }
}
