#include "proc/succession.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/ready.h"
#include "proc/verdict.h"
#include "proc/worker.h"

enum { HANDOVER_MS = 5000 }; /* how long a worker that was told to leave the port may take to say that it has */

/* Keeps it for `postern status`. */
static void remember(struct succession *succession, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void remember(struct succession *succession, const char *fmt, va_list ap)
{
    struct event *event = &succession->events[succession->event_count++ % SUCCESSION_EVENTS];
    vsnprintf(event->text, sizeof event->text, fmt, ap);
    event->when = time(NULL);
}

/* --- a worker's beginning ------------------------------------------------------------------------------------ */

/* In the child. What is the supervisor's alone is closed; its memory stays, unused. */
static int be_worker(void *arg, struct generation *generation, int channel, bool announces)
{
    struct succession *succession = arg;
    for (struct generation *other = succession->generations; other; other = other->next) {
        for (struct worker *worker = other->workers; worker; worker = worker->next) {
            if (worker->channel >= 0)
                close(worker->channel);
            if (worker->told >= 0)
                close(worker->told);
        }
        if (other != generation)
            bundle_free(&other->bundle);
    }
    quarantine_free(&succession->quarantine);
    sockets_leave(&succession->sockets, &generation->listeners);
    if (succession->ready_fd > STDERR_FILENO)
        close(succession->ready_fd);
    succession->leave(succession->arg);
    const struct worker_brief brief = { .settings = generation->settings,
                                        .bundle = &generation->bundle,
                                        .listeners = &generation->listeners,
                                        .supervisor = succession->supervisor,
                                        .signals = succession->signals,
                                        .channel = channel,
                                        .announces = announces };
    return worker_run(&brief);
}

static void fill(struct succession *succession, struct generation *generation)
{
    int rc = generation_fill(generation, be_worker, succession);
    if (rc < 0)
        succession_note(succession, "no worker can be made: %s; it is tried again", strerror(-rc));
}

/* --- a generation's ------------------------------------------------------------------------------------------ */

static void advise(const struct succession *succession)
{
    if (succession->recipe->advice)
        log_line(NGI_LOG_ERROR, "%s", succession->recipe->advice);
}

/* Why a new generation cannot be made. */
static void refuse(struct succession *succession, const struct report *report)
{
    const struct generation *serving = succession_find(succession, GENERATION_SERVES);
    snprintf(succession->refused_why, sizeof succession->refused_why, "%s", report->count ? report->lines[0] : "?");
    for (size_t i = 0; i < report->count; i++)
        succession_note(succession, "%s", report->lines[i]);
    if (serving)
        log_line(NGI_LOG_ERROR, "nothing has changed: generation %u serves on", serving->number);
    else if (!succession->ready)
        advise(succession);
}

/* A generation that has not come to serve; NULL: there is none. */
static struct generation *find_coming(const struct succession *succession)
{
    struct generation *generation = succession->generations;
    while (generation && generation->stage >= GENERATION_SERVES)
        generation = generation->next;
    return generation;
}

/* Closes the listening sockets that no generation serves any more, or is about to. */
static void keep_sockets(struct succession *succession)
{
    const struct generation *serving = succession_find(succession, GENERATION_SERVES);
    const struct generation *coming = find_coming(succession);
    sockets_keep(&succession->sockets, serving ? &serving->listeners : NULL, coming ? &coming->listeners : NULL);
}

/* Ends a generation that has not come to serve. Where some of its workers may accept already, they finish what they
 * have: the others' sockets are theirs too, and are left alone. */
static void abandon(struct generation *generation, const struct generation *serving)
{
    if (generation->stage == GENERATION_STARTS && serving)
        generation_end(generation, MESSAGE_DRAIN, &serving->listeners);
    else
        generation_end(generation, MESSAGE_STOP_NOW, NULL);
}

/* All its workers serve: it is the one from now on. */
static void promote(struct succession *succession, struct generation *generation)
{
    for (struct generation *old = generation->next; old; old = old->next)
        if (old->stage != GENERATION_ENDS)
            generation_end(old, MESSAGE_DRAIN, &generation->listeners);
    generation->stage = GENERATION_SERVES;
    generation->since_ms = clock_ms();
    keep_sockets(succession);
    verdict_settle(succession, generation);
}

/* Says that it serves, once no connection is taken by those before it: who has been told of the reload is to meet what
 * it has brought. One that does not say so soon is not waited for. */
static void announce(struct succession *succession, struct generation *generation)
{
    for (const struct generation *old = generation->next; old; old = old->next)
        if (generation_takes(old) && clock_ms() < generation->since_ms + HANDOVER_MS)
            return;
    generation->announced = true;
    if (succession->ready)
        log_line(NGI_LOG_INFO, "generation %u serves: %zu plugin%s, %u worker%s", generation->number,
                 generation->bundle.count, generation->bundle.count == 1 ? "" : "s", generation->want,
                 generation->want == 1 ? "" : "s");
    log_set_stamp(true);
    succession->ready = true;
}

/* It has failed before it could serve. */
static void give_up(struct succession *succession, struct generation *generation)
{
    const struct generation *serving = succession_find(succession, GENERATION_SERVES);
    const char *why = generation->why ? generation->why : "it was ended";
    succession->failed = generation->number;
    snprintf(succession->failed_why, sizeof succession->failed_why, "%.*s", (int)strcspn(why, "\n"), why);
    if (serving) {
        succession_note(succession, "generation %u did not start (%s): generation %u serves on", generation->number,
                        succession->failed_why, serving->number);
        ready_again();
    } else if (!succession->ready && !succession->stopping) {
        advise(succession);
    }
    abandon(generation, serving);
    keep_sockets(succession);
}

/* Moves it on by what its workers have come to. */
static void advance(struct succession *succession, struct generation *generation)
{
    if (generation->failed && generation->stage < GENERATION_SERVES)
        give_up(succession, generation);
    if (generation->stage == GENERATION_LOADS && generation_count(generation, WORKER_LOADED) == generation->want)
        generation->stage = GENERATION_STARTS;
    if (generation->stage == GENERATION_STARTS || generation->stage == GENERATION_SERVES)
        generation_accept(generation);
    if (generation->stage == GENERATION_STARTS && generation_count(generation, WORKER_ACCEPTS) == generation->want)
        promote(succession, generation);
    if (generation->stage == GENERATION_SERVES && !generation->announced)
        announce(succession, generation);
    generation_renew(generation);
    fill(succession, generation);
    generation_warn_slow(generation);
    generation_kill_late(generation);
}

/* A worker has said something; a `message` of -1: its channel has closed. */
static void heed(struct succession *succession, struct generation *generation, struct worker *worker, int message,
                 char *text)
{
    switch (message) {
    case -1: /* it ends: waitpid will tell how */
        close(worker->channel);
        worker->channel = -1;
        worker->takes = false;
        worker->asked = false;
        break;
    case MESSAGE_RUNS: generation_note_run(worker, text); break;
    case MESSAGE_LOADED:
        if (worker->stage == WORKER_LOADS)
            worker->stage = WORKER_LOADED;
        break;
    case MESSAGE_ACCEPTS:
        if (worker->stage == WORKER_STARTS)
            worker->stage = WORKER_ACCEPTS;
        break;
    case MESSAGE_FAILED:
        generation_excuse(generation, worker);
        if (generation->stage < GENERATION_SERVES)
            generation_fail(generation, text);
        else if (generation->stage == GENERATION_SERVES)
            succession_note(succession, "worker %d, which was to take another's place, cannot start: %.*s",
                            (int)worker->pid, (int)strcspn(text, "\n"), text);
        break;
    case MESSAGE_LEAVES: generation_let_go(generation, worker); break;
    case MESSAGE_QUIET: worker->takes = false; break;
    case MESSAGE_TOLD: worker->asked = false; break;
    case MESSAGE_CRASHED: verdict_hear(succession, generation, worker, text); break;
    case MESSAGE_EVENT: succession_record(succession, "%.*s", (int)strcspn(text, "\n"), text); break;
    default: break; /* of another release */
    }
}

/* Hears so many messages at most. */
static void listen_to(struct succession *succession, struct generation *generation, struct worker *worker, int most)
{
    static char text[CHANNEL_TEXT_MAX + 1];
    for (int i = 0, message = 0; i < most && worker->channel >= 0; i++) {
        message = channel_receive(worker->channel, text, NULL);
        if (message == MESSAGE_NONE)
            return;
        heed(succession, generation, worker, message, text);
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void succession_record(struct succession *succession, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    remember(succession, fmt, ap);
    va_end(ap);
}

void succession_note(struct succession *succession, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    remember(succession, fmt, ap);
    log_vline(NGI_LOG_ERROR, fmt, again);
    va_end(again);
    va_end(ap);
}

struct generation *succession_find(const struct succession *succession, enum generation_stage stage)
{
    struct generation *generation = succession->generations;
    while (generation && generation->stage != stage)
        generation = generation->next;
    return generation;
}

bool succession_begin(struct succession *succession, const char *release)
{
    const struct recipe *recipe = succession->recipe;
    struct report report = { 0 };
    struct bundle bundle = { 0 };
    struct generation *generation = NULL, *before;
    ngi_error err = { 0 };
    struct settings *settings = recipe->settings(recipe->arg, &report);
    bool known = !release || quarantine_has(&succession->quarantine, release);
    if (!known)
        report_add(&report, "no plugin %s is in quarantine: postern status tells which are", release);
    if (settings && known)
        succession->prepare(succession->arg, settings);
    bool good = known && settings && recipe->collect(recipe->arg, settings, &bundle, &report);
    if (good && (!quarantine_apply(&succession->quarantine, &bundle, release) ||
                 !(generation = generation_new(succession->made + 1, settings, &bundle)))) {
        report_add(&report, "out of memory");
        good = false;
    }
    /* Ports before init: a second gateway on the same port must not touch the plugins' databases first. */
    if (good && sockets_take(&succession->sockets, settings, &generation->listeners, &err) != NGI_OK) {
        report_add(&report, "%s", err.text);
        good = false;
    }
    if (good) {
        for (before = succession->generations; before; before = before->next)
            if (before->stage < GENERATION_SERVES) {
                log_line(NGI_LOG_INFO, "generation %u gives way before it has begun", before->number);
                abandon(before, succession_find(succession, GENERATION_SERVES));
            }
        generation->next = succession->generations;
        succession->generations = generation;
        succession->made++;
        if (release)
            quarantine_release(&succession->quarantine, release, generation->number);
        keep_sockets(succession);
        fill(succession, generation);
    } else {
        refuse(succession, &report);
        if (generation)
            generation_free(generation);
        else
            settings_free(settings);
        bundle_free(&bundle);
    }
    report_free(&report);
    return good;
}

void succession_end(struct succession *succession, enum message message)
{
    if (!succession->stopping)
        ready_stopping();
    succession->stopping = true;
    for (struct generation *generation = succession->generations; generation; generation = generation->next)
        if (generation->stage == GENERATION_LOADS) /* it has nothing to finish, and its init may never return */
            generation_end(generation, MESSAGE_STOP_NOW, NULL);
        else if (generation->stage != GENERATION_ENDS || message == MESSAGE_STOP_NOW)
            generation_end(generation, message, NULL);
}

void succession_hear(struct succession *succession, struct generation *generation, struct worker *worker)
{
    enum { AT_A_TIME = 64 }; /* whoever talks without end is heard on later */
    listen_to(succession, generation, worker, AT_A_TIME);
}

void succession_reap(struct succession *succession)
{
    enum { ALL_THAT_FITS = 4096 }; /* into a channel, and more */
    char how[200];
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct generation *generation = succession->generations; generation; generation = generation->next) {
            struct worker *worker = generation_find(generation, pid);
            if (worker) /* its last words, which may tell why it has ended, come behind all that waits */
                listen_to(succession, generation, worker, ALL_THAT_FITS);
            enum worker_end end = generation_reap(generation, pid, status, how, sizeof how);
            if (end == WORKER_UNKNOWN)
                continue;
            if (end == WORKER_LOST)
                succession_note(succession, "%s", how);
            else if (end == WORKER_ENDED_BADLY)
                log_line(NGI_LOG_WARNING, "%s", how);
            succession->forced |= end == WORKER_ENDED_BADLY && succession->stopping;
            break;
        }
}

void succession_advance(struct succession *succession)
{
    for (struct generation *generation = succession->generations; generation; generation = generation->next)
        advance(succession, generation);
    for (struct generation **at = &succession->generations; *at;) {
        struct generation *over = *at;
        if (over->stage != GENERATION_ENDS || over->workers) {
            at = &over->next;
            continue;
        }
        *at = over->next;
        if (!over->failed && !succession->stopping)
            log_line(NGI_LOG_INFO, "generation %u has ended", over->number);
        generation_free(over);
    }
}

int64_t succession_next_ms(const struct succession *succession)
{
    int64_t next = INT64_MAX;
    for (const struct generation *generation = succession->generations; generation; generation = generation->next) {
        int64_t its = generation_next_ms(generation);
        next = its < next ? its : next;
        if (generation->stage == GENERATION_SERVES && !generation->announced &&
            generation->since_ms + HANDOVER_MS < next)
            next = generation->since_ms + HANDOVER_MS;
    }
    return next;
}
