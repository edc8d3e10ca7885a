#include "proc/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/settings_extract.h"
#include "proc/backoff.h"
#include "proc/zygote_child.h"
#include "proc/zygote_line.h"
#include "run/reactor.h"

enum {
    TEXT_MOST = 4 << 20, /* of a description, of a report */
    YOUNG_MS = 1000,     /* who dies before it has been ready for so long may do so again */
    WORDS = 128,
};

enum stage { LOADING, LOADED, INITIALISING, READY, DEAD };

/* A host that has been asked for, and not been told of. */
struct ask {
    struct ask *next;
    uint64_t number;
    int fd; /* -1: sent */
};

/* A host that there is. */
struct born {
    struct born *next;
    uint64_t number;
    pid_t pid;
    int pidfd;   /* our own: for the end, if it does not come by itself */
    bool orphan; /* of a zygote that has died: nobody tells of its end */
};

struct zygote {
    const struct plugin_file *file;
    char *name, *mount;  /* NULL: see zygote_brief */
    int settings;        /* the extract, for each one that is started */
    struct hosts *hosts; /* NULL: it does not serve yet */

    /* The process. */
    enum stage stage;
    _Atomic int pid; /* 0: there is none. Relaxed: for people. */
    int pidfd, line;
    struct buffer heard;
    int64_t ready_ms;
    unsigned failures; /* in a row */

    /* On the reactor's thread, once it serves. */
    struct ask *asks, *sent;
    struct born *born;
    struct reactor_source line_source, end_source;
    struct reactor_timer again;
    struct reactor_errand leave;
    bool listens;     /* the two sources have been added: the first, */
    bool awaits_end;  /* the second */
    bool awaits_room; /* on the line */
};

/* --- the process --------------------------------------------------------------------------------------------- */

/* "-", or "=" and the text; the caller's. */
static char *optional(const char *text)
{
    char *out = NULL;
    return !text ? strdup("-") : asprintf(&out, "=%s", text) < 0 ? NULL : out;
}

/* Nothing else of ours is inherited: all of it is close-on-exec, and the action that copies a descriptor to its own
 * number takes that off in the child alone (posix_spawn_file_actions_adddup2(3), glibc 2.29). */
static int spawn(const struct zygote *zygote, int line, pid_t *ret)
{
    const int given[] = { line, zygote->settings, zygote->file->copy };
    enum { GIVEN = sizeof given / sizeof *given };
    char numbers[GIVEN + 1][16];
    char *name = optional(zygote->name), *mount = optional(zygote->mount);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int error = name && mount ? 0 : ENOMEM;
    for (size_t i = 0; i < GIVEN; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%d", given[i]);
        if (error == 0)
            error = posix_spawn_file_actions_adddup2(&actions, given[i], given[i]);
    }
    snprintf(numbers[GIVEN], sizeof numbers[GIVEN], "%d", (int)getpid());
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all); /* also what a plugin may have made of them */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *const argv[] = { (char *)"postern",
                           (char *)"zygote",
                           numbers[0],
                           numbers[1],
                           numbers[2],
                           numbers[GIVEN],
                           (char *)(zygote->hosts ? "1" : "0"),
                           zygote->file->path,
                           name,
                           mount,
                           NULL };
    if (error == 0)
        error = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(name);
    free(mount);
    return error;
}

/* Starts one. 0, or an errno. */
static int begin(struct zygote *zygote)
{
    int ends[2], rc = channel_open(ends);
    pid_t pid = 0;
    if (rc < 0)
        return -rc;
    int error = spawn(zygote, ends[1], &pid);
    close(ends[1]);
    int pidfd = error ? -1 : pidfd_open(pid, 0);
    if (!error && pidfd < 0) {
        error = errno;
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (error) {
        close(ends[0]);
        return error;
    }
    zygote->line = ends[0];
    zygote->pidfd = pidfd;
    zygote->stage = LOADING;
    buffer_reset(&zygote->heard, CHANNEL_TEXT_MAX);
    atomic_store_explicit(&zygote->pid, pid, memory_order_relaxed);
    return 0;
}

static const char *phase_of(enum stage stage)
{
    static const char *const phases[] = { "while it was loaded", "when it had been loaded", "in init",
                                          "while its hosts served", "" };
    return phases[stage];
}

/* It has ended, or is made to: forgets it, and says how in `words`. */
static void bury(struct zygote *zygote, char words[WORDS])
{
    siginfo_t info = { 0 };
    enum stage stage = zygote->stage;
    int rc;
    (void)pidfd_send_signal(zygote->pidfd, SIGKILL, NULL, 0); /* one that has closed its line is of no use */
    while ((rc = waitid(P_PIDFD, (id_t)zygote->pidfd, &info, WEXITED)) < 0 && errno == EINTR)
        ;
    if (rc < 0)
        snprintf(words, WORDS, "has ended %s, and nobody knows how: %s", phase_of(stage), strerror(errno));
    else if (info.si_code == CLD_EXITED)
        snprintf(words, WORDS, "ended with status %d %s", info.si_status, phase_of(stage));
    else
        snprintf(words, WORDS, "died of SIG%s %s", sigabbrev_np(info.si_status) ? sigabbrev_np(info.si_status) : "?",
                 phase_of(stage));
    close(zygote->pidfd);
    if (zygote->line >= 0)
        close(zygote->line);
    zygote->pidfd = zygote->line = -1;
    zygote->stage = DEAD;
    atomic_store_explicit(&zygote->pid, 0, memory_order_relaxed);
}

/* The lines of ZYGOTE_FAILED. */
static void report_lines(struct zygote *zygote, struct report *report)
{
    char *rest = zygote->heard.data, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line)
            report_add(report, "%s", line);
}

static const char *plugin_of(const struct zygote *zygote)
{
    return zygote->name ? zygote->name : zygote->file->path;
}

/* --- waiting for it, before it serves -------------------------------------------------------------------------- */

/* The next message; -1: there is none, it has ended. */
static int await(struct zygote *zygote)
{
    for (;;) {
        struct pollfd fds[] = { { zygote->line, POLLIN, 0 }, { zygote->pidfd, POLLIN, 0 } };
        int n = poll(fds, 2, -1), fd;
        if (n < 0)
            continue; /* interrupted */
        int kind = zygote_line_hear(zygote->line, &zygote->heard, &fd);
        if (fd >= 0)
            close(fd);
        if (kind == ZYGOTE_PART)
            continue;
        /* A process that its plugin has left behind may hold the line. */
        if (kind != MESSAGE_NONE || fds[1].revents)
            return kind == MESSAGE_NONE ? -1 : kind;
    }
}

/* It has not said what it should have. */
static bool refuse(struct zygote *zygote, int kind, struct report *report)
{
    char words[WORDS] = "has ended";
    size_t before = report->count;
    if (kind == ZYGOTE_FAILED)
        report_lines(zygote, report);
    if (zygote->stage != DEAD)
        bury(zygote, words);
    if (report->count == before)
        report_add(report, "%s: the process that loads it for its hosts %s", zygote->file->path, words);
    return false;
}

/* --- hosts, on the reactor's thread ---------------------------------------------------------------------------- */

static void forget_ended_orphans(struct zygote *zygote)
{
    for (struct born **at = &zygote->born; *at;) {
        struct born *born = *at;
        struct pollfd end = { born->pidfd, POLLIN, 0 };
        if (!born->orphan || poll(&end, 1, 0) <= 0) {
            at = &born->next;
            continue;
        }
        *at = born->next;
        close(born->pidfd);
        free(born);
    }
}

static struct ask *take_ask(struct ask **list, uint64_t number)
{
    for (; *list; list = &(*list)->next)
        if ((*list)->number == number) {
            struct ask *ask = *list;
            *list = ask->next;
            return ask;
        }
    return NULL;
}

static struct born *take_born(struct zygote *zygote, uint64_t number)
{
    for (struct born **at = &zygote->born; *at; at = &(*at)->next)
        if ((*at)->number == number) {
            struct born *born = *at;
            *at = born->next;
            return born;
        }
    return NULL;
}

/* Tells that they will never be. Whoever hears it may ask for others. */
static void fail(struct zygote *zygote, struct ask **list, const char *why)
{
    struct ask *ask = *list, *next;
    *list = NULL;
    for (; ask; ask = next) {
        next = ask->next;
        if (ask->fd >= 0)
            close(ask->fd);
        hosts_ended(zygote->hosts, ask->number, HOSTS_STATUS_UNKNOWN, why);
        free(ask);
    }
}

static void await_room(struct zygote *zygote, bool awaits)
{
    if (zygote->awaits_room != awaits && zygote->listens)
        reactor_change(&zygote->line_source, awaits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    zygote->awaits_room = awaits;
}

/* Sends what has been asked for, in its order, as far as it can be. */
static void send_asks(struct zygote *zygote)
{
    int rc = 0;
    while (zygote->asks && zygote->stage == READY && rc == 0) {
        struct ask *ask = zygote->asks;
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, ask->number);
        rc = channel_send(zygote->line, ZYGOTE_FORK, number, ask->fd);
        if (rc < 0) /* no room; or it is gone, and that will be seen */
            break;
        close(ask->fd);
        ask->fd = -1;
        zygote->asks = ask->next;
        ask->next = zygote->sent;
        zygote->sent = ask;
    }
    await_room(zygote, rc == -EAGAIN || rc == -ETOOMANYREFS);
}

/* False: what it says cannot be true. */
static bool take_forked(struct zygote *zygote, int pidfd)
{
    uint64_t number;
    int64_t pid;
    if (!zygote_line_parse(zygote->heard.data, &number, &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    enum zygote_child child =
        zygote_child_look(pidfd, (pid_t)pid, atomic_load_explicit(&zygote->pid, memory_order_relaxed));
    if (child == CHILD_ENDED) { /* which follows */
        close(pidfd);
        return true;
    }
    struct ask *ask = child == CHILD_LIVES ? take_ask(&zygote->sent, number) : NULL;
    if (!ask)
        return false;
    free(ask);
    forget_ended_orphans(zygote);
    struct born *born = malloc(sizeof *born);
    if (born) /* without one, nobody kills it if it does not end by itself */
        *born = (struct born){ zygote->born, number, (pid_t)pid, fcntl(pidfd, F_DUPFD_CLOEXEC, 0), false };
    if (born && born->pidfd >= 0)
        zygote->born = born;
    else
        free(born);
    hosts_came(zygote->hosts, number, (pid_t)pid, pidfd);
    return true;
}

static bool take_ended(struct zygote *zygote)
{
    uint64_t number;
    int64_t status;
    if (!zygote_line_parse(zygote->heard.data, &number, &status) || status < -1 || status > INT32_MAX)
        return false;
    struct born *born = take_born(zygote, number);
    struct ask *ask = take_ask(&zygote->sent, number);
    if (born)
        close(born->pidfd);
    bool known = born || ask;
    free(born);
    free(ask);
    if (known)
        hosts_ended(zygote->hosts, number, status < 0 ? HOSTS_STATUS_UNKNOWN : (int)status, NULL);
    return true; /* it may be one for which there was no memory */
}

static bool take_refused(struct zygote *zygote)
{
    uint64_t number;
    int64_t error;
    char why[WORDS];
    if (!zygote_line_parse(zygote->heard.data, &number, &error) || error < 0 || error > INT32_MAX)
        return false;
    struct ask *ask = take_ask(&zygote->sent, number);
    if (!ask)
        return false;
    free(ask);
    snprintf(why, sizeof why, "its zygote could not fork: %s", strerror((int)error));
    hosts_ended(zygote->hosts, number, HOSTS_STATUS_UNKNOWN, why);
    return true;
}

/* --- its life, on the reactor's thread ------------------------------------------------------------------------- */

static void start_again(struct reactor_timer *timer);

/* Another one is due. */
static void put_off(struct zygote *zygote, bool failed)
{
    zygote->failures = failed ? zygote->failures + 1 : 0;
    reactor_set(&zygote->again, clock_us() + backoff_ms(zygote->failures) * 1000);
}

static void listen_no_more(struct zygote *zygote)
{
    if (zygote->listens)
        reactor_remove(&zygote->line_source);
    zygote->listens = zygote->awaits_room = false;
}

/* It has ended, or has to. What is under way in its hosts is not touched by that. */
static void lose(struct zygote *zygote, bool told)
{
    char words[WORDS], why[2 * WORDS];
    bool was_ready = zygote->stage == READY, young = clock_ms() - zygote->ready_ms < YOUNG_MS;
    int pid = atomic_load_explicit(&zygote->pid, memory_order_relaxed);
    listen_no_more(zygote);
    if (zygote->awaits_end)
        reactor_remove(&zygote->end_source);
    zygote->awaits_end = false;
    bury(zygote, words);
    for (struct born *born = zygote->born; born; born = born->next)
        born->orphan = true;
    snprintf(why, sizeof why, "its zygote %s", words);
    put_off(zygote, !was_ready || young);
    if (!told)
        log_line(NGI_LOG_ERROR, "plugin %s: its zygote, process %d, %s: another is started%s", plugin_of(zygote), pid,
                 words, zygote->failures ? ", a little later" : "; its hosts go on");
    fail(zygote, &zygote->sent, why);
    if (!was_ready)
        fail(zygote, &zygote->asks, why);
}

/* ZYGOTE_FAILED: the code is the same as that of the first one, but the machine may have changed. */
static void lose_failed(struct zygote *zygote)
{
    struct report report = { 0 };
    report_lines(zygote, &report);
    report_log(&report);
    report_free(&report);
    lose(zygote, true);
}

/* One message. False: it is not what it may say now. */
static bool take(struct zygote *zygote, int kind, int fd)
{
    enum stage stage = zygote->stage;
    if (kind == ZYGOTE_PART)
        return stage != READY;
    if (kind == ZYGOTE_FORKED && fd >= 0 && stage == READY) {
        if (take_forked(zygote, fd))
            return true;
        close(fd);
        return false;
    }
    if (fd >= 0)
        close(fd);
    switch (kind) {
    case ZYGOTE_LOADED:
        if (stage != LOADING || channel_send(zygote->line, ZYGOTE_INIT, NULL, -1) < 0)
            return false;
        zygote->stage = INITIALISING;
        return true;
    case ZYGOTE_READY:
        if (stage != INITIALISING)
            return false;
        zygote->stage = READY;
        zygote->ready_ms = clock_ms();
        log_line(NGI_LOG_INFO, "plugin %s: its zygote is process %d now", plugin_of(zygote),
                 atomic_load_explicit(&zygote->pid, memory_order_relaxed));
        send_asks(zygote);
        return true;
    case ZYGOTE_REFUSED: return stage == READY && take_refused(zygote);
    case ZYGOTE_ENDED: return stage == READY && take_ended(zygote);
    default: return false;
    }
}

/* All that has come. False: it has been lost. */
static bool take_all(struct zygote *zygote)
{
    for (;;) {
        int fd, kind = zygote_line_hear(zygote->line, &zygote->heard, &fd);
        if (kind == MESSAGE_NONE)
            return true;
        if (kind == ZYGOTE_FAILED && zygote->stage != READY) {
            if (fd >= 0)
                close(fd);
            lose_failed(zygote);
            return false;
        }
        if (kind < 0) {
            /* Its end may follow, and tells more. */
            listen_no_more(zygote);
            return true;
        }
        if (!take(zygote, kind, fd)) {
            log_line(NGI_LOG_ERROR, "plugin %s: its zygote says what cannot be: it is ended", plugin_of(zygote));
            lose(zygote, false);
            return false;
        }
    }
}

static void line_ready(struct reactor_source *source, uint32_t events)
{
    struct zygote *zygote = (struct zygote *)((char *)source - offsetof(struct zygote, line_source));
    if (events & EPOLLOUT)
        send_asks(zygote);
    if (!take_all(zygote) || zygote->listens)
        return;
    struct pollfd end = { zygote->pidfd, POLLIN, 0 };
    if (poll(&end, 1, 0) == 0) /* it lives on without a line */
        (void)pidfd_send_signal(zygote->pidfd, SIGKILL, NULL, 0);
}

static void end_ready(struct reactor_source *source, uint32_t events)
{
    struct zygote *zygote = (struct zygote *)((char *)source - offsetof(struct zygote, end_source));
    (void)events;
    if (!zygote->listens || take_all(zygote)) /* what it has said before */
        lose(zygote, false);
}

/* Has the reactor wait for the process. NGI_OK, NGI_EIO. */
static int watch(struct zygote *zygote)
{
    zygote->line_source = (struct reactor_source){ .ready = line_ready, .fd = zygote->line };
    zygote->end_source = (struct reactor_source){ .ready = end_ready, .fd = zygote->pidfd };
    zygote->listens = reactor_add(&zygote->line_source, EPOLLIN) == NGI_OK;
    zygote->awaits_end = zygote->listens && reactor_add(&zygote->end_source, EPOLLIN) == NGI_OK;
    return zygote->awaits_end ? NGI_OK : NGI_EIO;
}

static void start_again(struct reactor_timer *timer)
{
    struct zygote *zygote = (struct zygote *)((char *)timer - offsetof(struct zygote, again));
    char why[WORDS];
    int error = begin(zygote);
    if (!error && watch(zygote) == NGI_OK)
        return;
    error = error ? error : errno;
    log_line(NGI_LOG_ERROR, "plugin %s: no zygote can be started: %s: another try follows", plugin_of(zygote),
             strerror(error));
    if (zygote->pidfd >= 0) {
        lose(zygote, true);
        return;
    }
    snprintf(why, sizeof why, "no zygote could be started: %s", strerror(error));
    put_off(zygote, true);
    fail(zygote, &zygote->asks, why);
}

static void leave(struct reactor_errand *errand)
{
    struct zygote *zygote = (struct zygote *)((char *)errand - offsetof(struct zygote, leave));
    listen_no_more(zygote);
    if (zygote->awaits_end)
        reactor_remove(&zygote->end_source);
    zygote->awaits_end = false;
    reactor_unset(&zygote->again);
}

static int make(void *arg, uint64_t number, int fd, ngi_error *err)
{
    struct zygote *zygote = arg;
    struct ask *ask = malloc(sizeof *ask), **end = &zygote->asks;
    if (!ask) {
        close(fd);
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    *ask = (struct ask){ NULL, number, fd };
    while (*end)
        end = &(*end)->next;
    *end = ask;
    if (zygote->hosts)
        send_asks(zygote);
    return NGI_OK;
}

const struct hosts_source zygote_source = { make };

/* --- its end ------------------------------------------------------------------------------------------------- */

/* Waits for the end of a process until then. False: it has not ended. */
static bool await_end(int pidfd, int64_t deadline_ms)
{
    struct pollfd end = { pidfd, POLLIN, 0 };
    for (;;) {
        int64_t left = deadline_ms - clock_ms();
        int n = poll(&end, 1, left <= 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX);
        if (n > 0 || (n == 0 && left <= 0))
            return n > 0;
    }
}

/* Those that are left: of a zygote that had to be killed, or has died. A number is only sure to be a host's own while
 * its pidfd says that it lives. */
static void end_hosts(struct zygote *zygote, int64_t deadline_ms)
{
    for (struct born *born = zygote->born, *next; born; born = next) {
        next = born->next;
        if (!await_end(born->pidfd, deadline_ms)) {
            kill(-born->pid, SIGKILL);
            (void)pidfd_send_signal(born->pidfd, SIGKILL, NULL, 0);
        }
        close(born->pidfd);
        free(born);
    }
    zygote->born = NULL;
}

static void end_process(struct zygote *zygote, int64_t deadline_ms)
{
    char words[WORDS];
    close(zygote->line);
    zygote->line = -1;
    if (!await_end(zygote->pidfd, deadline_ms)) {
        int pid = atomic_load_explicit(&zygote->pid, memory_order_relaxed);
        log_line(NGI_LOG_WARNING, "plugin %s: its zygote, process %d, has not ended in time: it is killed",
                 plugin_of(zygote), pid);
        kill(-pid, SIGKILL); /* and what init has left behind */
    }
    bury(zygote, words);
}

static void free_asks(struct ask *ask)
{
    for (struct ask *next; ask; ask = next) {
        next = ask->next;
        if (ask->fd >= 0)
            close(ask->fd);
        free(ask);
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

struct zygote *zygote_new(const struct zygote_brief *brief, struct report *report)
{
    struct zygote *zygote = calloc(1, sizeof *zygote);
    int error = ENOMEM;
    if (zygote) {
        zygote->file = brief->file;
        zygote->pidfd = zygote->line = zygote->settings = -1;
        zygote->stage = DEAD;
        zygote->again.fire = start_again;
        zygote->leave.run = leave;
        buffer_init(&zygote->heard, TEXT_MOST);
        zygote->name = brief->name ? strdup(brief->name) : NULL;
        zygote->mount = brief->mount ? strdup(brief->mount) : NULL;
        if (!brief->name == !zygote->name && !brief->mount == !zygote->mount) {
            zygote->settings = settings_extract(brief->settings, brief->name);
            error = zygote->settings < 0 ? -zygote->settings : begin(zygote);
        }
    }
    if (!error)
        return zygote;
    report_add(report, "%s: no process could be started for its hosts: %s", brief->file->path, strerror(error));
    zygote_free(zygote, 0);
    return NULL;
}

bool zygote_await_loaded(struct zygote *zygote, struct description *ret, struct report *report)
{
    int kind = zygote->stage == LOADING ? await(zygote) : -1;
    if (kind != ZYGOTE_LOADED)
        return refuse(zygote, kind, report);
    int rc = description_read(zygote->heard.data, zygote->heard.length - 1, ret);
    if (rc != NGI_OK) {
        report_add(report, "%s: what it has told of itself cannot be read: %s", zygote->file->path, ngi_strerror(rc));
        return false;
    }
    if (!zygote->name)
        zygote->name = strdup(ret->name); /* for the log */
    zygote->stage = LOADED;
    return true;
}

void zygote_begin_init(struct zygote *zygote)
{
    (void)channel_send(zygote->line, ZYGOTE_INIT, NULL, -1); /* one that is gone will be found out */
    zygote->stage = INITIALISING;
}

bool zygote_await_init(struct zygote *zygote, struct report *report)
{
    int kind = zygote->stage == INITIALISING ? await(zygote) : -1;
    if (kind != ZYGOTE_READY)
        return refuse(zygote, kind, report);
    zygote->stage = READY;
    zygote->ready_ms = clock_ms();
    return true;
}

int zygote_serve(struct zygote *zygote, struct hosts *hosts, ngi_error *err)
{
    zygote->hosts = hosts;
    send_asks(zygote);
    if (watch(zygote) == NGI_OK)
        return NGI_OK;
    return ngi_error_set(err, NGI_EIO, "plugin %s: its zygote cannot be listened to: %s", plugin_of(zygote),
                         strerror(errno));
}

int zygote_pid(const struct zygote *zygote)
{
    return atomic_load_explicit(&((struct zygote *)zygote)->pid, memory_order_relaxed);
}

void zygote_free(struct zygote *zygote, int grace_ms)
{
    if (!zygote)
        return;
    if (zygote->hosts) {
        reactor_ask(&zygote->leave);
        reactor_flush();
    }
    int64_t deadline_ms = clock_ms() + grace_ms;
    if (zygote->pidfd >= 0)
        end_process(zygote, deadline_ms);
    end_hosts(zygote, deadline_ms);
    free_asks(zygote->asks);
    free_asks(zygote->sent);
    if (zygote->settings >= 0)
        close(zygote->settings);
    buffer_free(&zygote->heard);
    free(zygote->name);
    free(zygote->mount);
    free(zygote);
}
