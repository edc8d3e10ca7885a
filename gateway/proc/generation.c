#include "proc/generation.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait_status.h"
#include "proc/backoff.h"

enum {
    /* Who has served as long as this has not died of how it was started. */
    SETTLED_MS = 10 * 1000,
    /* Beyond the grace period: for the end itself. */
    LAST_MS = 5 * 1000,
};

static void close_worker(struct worker *worker)
{
    if (worker->channel >= 0)
        close(worker->channel);
    if (worker->told >= 0)
        close(worker->told);
    free(worker->runs);
    free(worker);
}

static int make_worker(struct generation *generation, generation_child *child, void *arg, bool announces)
{
    int ends[2], rc = channel_open(ends);
    if (rc < 0)
        return rc;
    struct worker *worker = malloc(sizeof *worker);
    fflush(NULL);
    pid_t pid = worker ? fork() : -1;
    if (pid == 0) {
        close(ends[0]);
        free(worker);
        exit(child(arg, generation, ends[1], announces));
    }
    if (pid < 0) {
        rc = worker ? -errno : -ENOMEM;
        free(worker);
        close(ends[0]);
    } else {
        *worker = (struct worker){ .pid = pid,
                                   .channel = ends[0],
                                   .since_ms = clock_ms(),
                                   .told = -1,
                                   .kill_ms = INT64_MAX,
                                   .next = generation->workers };
        generation->workers = worker;
    }
    close(ends[1]);
    return rc;
}

static unsigned count_staying(const struct generation *generation)
{
    unsigned count = 0;
    for (const struct worker *worker = generation->workers; worker; worker = worker->next)
        count += worker->stage != WORKER_LEAVES && !worker->yields;
    return count;
}

/* No worker is made for a while: longer each time. */
static void pause_next(struct generation *generation)
{
    generation->next_start_ms = clock_ms() + backoff_ms(generation->deaths++);
}

/* A worker is lost: when may the next one begin? At once, unless they die one after the other. */
static void delay_next(struct generation *generation, const struct worker *lost)
{
    if (clock_ms() - lost->since_ms >= SETTLED_MS)
        generation->deaths = 0;
    pause_next(generation);
}

/* It ends by itself, and has its time for that. */
static void leave(struct generation *generation, struct worker *worker)
{
    int64_t now = clock_ms();
    worker->stage = WORKER_LEAVES;
    worker->kill_ms = now + (int64_t)(generation->settings->grace * 1000) + LAST_MS;
}

static void describe_end(pid_t pid, int status, char *out, size_t size)
{
    char end[WAIT_STATUS_SIZE];
    snprintf(out, size, "worker %d %s%s", (int)pid, wait_status_print(status, end),
             WIFSIGNALED(status) && WCOREDUMP(status) ? ", core dumped" : "");
}

/* ---------------------------------------------------------------------------------------------------------- */

struct generation *generation_new(unsigned number, struct settings *settings, struct bundle *bundle)
{
    struct generation *generation = calloc(1, sizeof *generation);
    if (!generation)
        return NULL;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    generation->number = number;
    generation->settings = settings;
    generation->bundle = *bundle;
    generation->want = settings->processes > 0 ? (unsigned)settings->processes : cpus > 0 ? (unsigned)cpus : 1;
    generation->kill_ms = INT64_MAX;
    generation->since_ms = clock_ms();
    *bundle = (struct bundle){ 0 };
    return generation;
}

void generation_free(struct generation *generation)
{
    if (!generation)
        return;
    while (generation->workers) {
        struct worker *worker = generation->workers;
        generation->workers = worker->next;
        close_worker(worker);
    }
    bundle_free(&generation->bundle);
    settings_free(generation->settings);
    free(generation->listeners.all);
    free(generation->why);
    free(generation);
}

int generation_fill(struct generation *generation, generation_child *child, void *arg)
{
    int64_t now = clock_ms();
    if (generation->stage == GENERATION_ENDS || now < generation->next_start_ms)
        return 0;
    /* The first worker of all says what is served. */
    bool announces = generation->stage == GENERATION_LOADS && !generation->workers;
    while (count_staying(generation) < generation->want) {
        int rc = make_worker(generation, child, arg, announces);
        announces = false;
        if (rc < 0) {
            pause_next(generation);
            return rc;
        }
    }
    return 0;
}

unsigned generation_count(const struct generation *generation, enum worker_stage stage)
{
    unsigned count = 0;
    for (const struct worker *worker = generation->workers; worker; worker = worker->next)
        count += worker->stage == stage;
    return count;
}

bool generation_takes(const struct generation *generation)
{
    const struct worker *worker = generation->workers;
    while (worker && !worker->takes)
        worker = worker->next;
    return worker != NULL;
}

static void tell(struct worker *worker, enum message message, const char *text)
{
    int rc = worker->channel < 0 ? 0 : channel_send(worker->channel, message, text, -1);
    if (rc < 0 && rc != -EPIPE) /* gone: its end will be heard of */
        log_line(NGI_LOG_ERROR, "worker %d does not listen ('%c'): %s", (int)worker->pid, message, strerror(-rc));
}

void generation_tell(struct generation *generation, enum message message)
{
    for (struct worker *worker = generation->workers; worker; worker = worker->next)
        tell(worker, message, NULL);
}

void generation_accept(struct generation *generation)
{
    for (struct worker *worker = generation->workers; worker; worker = worker->next)
        if (worker->stage == WORKER_LOADED) {
            worker->stage = WORKER_STARTS;
            worker->takes = true;
            worker->served = true;
            tell(worker, MESSAGE_ACCEPT, NULL);
        }
}

/* Which of `listeners` are among `heirs`, as the text of MESSAGE_DRAIN; malloc'ed. */
static char *describe_listeners(const struct listeners *listeners, const struct listeners *heirs)
{
    char *text = calloc(1, listeners->count + 1);
    for (size_t i = 0; text && i < listeners->count; i++) {
        text[i] = LISTENER_GOES;
        for (size_t j = 0; j < heirs->count; j++)
            if (heirs->all[j].fd == listeners->all[i].fd)
                text[i] = LISTENER_STAYS;
    }
    return text;
}

void generation_end(struct generation *generation, enum message message, const struct listeners *heirs)
{
    char *text = heirs ? describe_listeners(&generation->listeners, heirs) : NULL;
    double grace = message == MESSAGE_STOP_NOW ? 0 : generation->settings->grace;
    if (generation->stage == GENERATION_LOADS)
        generation->failed = true;
    for (struct worker *worker = generation->workers; worker; worker = worker->next) {
        tell(worker, message, text);
        worker->stage = WORKER_LEAVES;
    }
    free(text);
    generation->stage = GENERATION_ENDS;
    generation->kill_ms = clock_ms() + (int64_t)(grace * 1000) + LAST_MS;
}

void generation_renew(struct generation *generation)
{
    struct worker *stale = NULL;
    unsigned fresh = 0;
    if (generation->stage != GENERATION_SERVES || generation->want == 0) /* 0: its workers cannot be replaced */
        return;
    for (struct worker *worker = generation->workers; worker; worker = worker->next) {
        if (worker->stage != WORKER_ACCEPTS || worker->crashed)
            continue;
        fresh += !worker->yields;
        if (worker->stale && (!stale || worker->yields))
            stale = worker;
    }
    if (!stale || fresh < generation->want)
        return;
    if (!stale->yields && fresh == generation->want) {
        stale->yields = true; /* generation_fill makes another */
        return;
    }
    char *text = describe_listeners(&generation->listeners, &generation->listeners);
    log_line(NGI_LOG_INFO, "worker %d gives way to another, which runs no plugin in quarantine itself",
             (int)stale->pid);
    tell(stale, MESSAGE_DRAIN, text);
    leave(generation, stale);
    free(text);
}

void generation_kill_late(struct generation *generation)
{
    int64_t now = clock_ms();
    for (struct worker *worker = generation->workers; worker; worker = worker->next) {
        if (now < generation->kill_ms && now < worker->kill_ms)
            continue;
        log_line(NGI_LOG_ERROR, "worker %d has not ended in time: it is killed", (int)worker->pid);
        kill(worker->pid, SIGKILL);
        worker->kill_ms = INT64_MAX;
    }
    if (now >= generation->kill_ms)
        generation->kill_ms = INT64_MAX;
}

void generation_note_run(struct worker *worker, const char *what)
{
    free(worker->runs);
    worker->runs = *what ? strdup(what) : NULL; /* without memory for it, it is not warned of */
    slow_begin(&worker->slow);
}

/* When that is to be warned of. */
static int64_t warn_at_ms(const struct worker *worker)
{
    return worker->runs && worker->stage == WORKER_LOADS ? slow_at_ms(&worker->slow) : INT64_MAX;
}

void generation_warn_slow(struct generation *generation)
{
    int64_t now = clock_ms();
    for (struct worker *worker = generation->workers; worker; worker = worker->next) {
        int64_t lasts_ms = now - worker->slow.since_ms;
        if (now < warn_at_ms(worker))
            continue;
        log_line(NGI_LOG_WARNING, "%s, in worker %d, has not returned after %lld s: it is waited for", worker->runs,
                 (int)worker->pid, (long long)(lasts_ms / 1000));
        for (struct worker *other = generation->workers; other; other = other->next)
            if (other->runs && strcmp(other->runs, worker->runs) == 0)
                slow_warned(&other->slow, lasts_ms);
    }
}

struct worker *generation_find(const struct generation *generation, pid_t pid)
{
    struct worker *worker = generation->workers;
    while (worker && worker->pid != pid)
        worker = worker->next;
    return worker;
}

void generation_let_go(struct generation *generation, struct worker *worker)
{
    if (worker->stage == WORKER_LEAVES)
        return;
    leave(generation, worker);
    if (generation->stage == GENERATION_SERVES && clock_ms() - worker->since_ms < SETTLED_MS)
        delay_next(generation, worker);
}

void generation_excuse(struct generation *generation, struct worker *worker)
{
    if (worker->excused)
        return;
    leave(generation, worker);
    worker->excused = true;
    if (generation->stage == GENERATION_SERVES)
        delay_next(generation, worker);
}

enum worker_end generation_reap(struct generation *generation, pid_t pid, int status, char *how, size_t size)
{
    struct worker **at = &generation->workers;
    char end[160];
    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    struct worker *worker = *at;
    if (!worker)
        return WORKER_UNKNOWN;
    const bool starting = generation->stage < GENERATION_SERVES, lost = worker->stage != WORKER_LEAVES;
    *at = worker->next;
    describe_end(pid, status, end, sizeof end);
    snprintf(how, size, "%s%s", end,
             !lost      ? " while it was to end"
             : starting ? " before it could serve"
                        : "; another takes its place");
    if (lost && starting)
        generation_fail(generation, end);
    if (lost && generation->stage == GENERATION_SERVES)
        delay_next(generation, worker);
    const bool well = status == 0 || generation->failed || worker->excused;
    close_worker(worker);
    return lost ? WORKER_LOST : well ? WORKER_ENDED : WORKER_ENDED_BADLY;
}

void generation_fail(struct generation *generation, const char *why)
{
    generation->failed = true;
    if (!generation->why)
        generation->why = strdup(why);
}

int64_t generation_next_ms(const struct generation *generation)
{
    int64_t next = generation->kill_ms;
    for (const struct worker *worker = generation->workers; worker; worker = worker->next) {
        int64_t slow = warn_at_ms(worker);
        next = worker->kill_ms < next ? worker->kill_ms : next;
        next = slow < next ? slow : next;
    }
    if (generation->stage != GENERATION_ENDS && count_staying(generation) < generation->want &&
        generation->next_start_ms < next)
        next = generation->next_start_ms;
    return next;
}
