#include "proc/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/control.h"
#include "proc/files_watch.h"
#include "proc/ready.h"
#include "proc/signals.h"
#include "proc/status.h"
#include "proc/succession.h"
#include "proc/takeover.h"

enum {
    WORKERS_POLLED = 1024,
    POLLED_MOST = 2 + CONTROL_POLLED + WORKERS_POLLED,
    ANSWER_MS = 3000, /* what a worker has not told by then is left out of the status */
};

struct supervisor {
    struct succession succession;
    struct control control;
    struct files_watch watch;
    struct rlimit files; /* as they were before they were raised */
    bool ready_told;
    unsigned settled; /* the newest generation that has come to serve */
};

/* Copies of plugins and channels to workers are descriptors, of two generations at a time. */
static void raise_descriptor_limit(struct supervisor *supervisor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    supervisor->files = limit;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* without it there is room for fewer */
}

/* In a child. */
static void leave(void *arg)
{
    struct supervisor *supervisor = arg;
    if (supervisor->files.rlim_max)
        (void)setrlimit(RLIMIT_NOFILE, &supervisor->files);
    control_close(&supervisor->control, true);
    files_watch_end(&supervisor->watch);
}

/* --- orders --------------------------------------------------------------------------------------------------- */

/* `release`: as for succession_begin. */
static bool reload(struct supervisor *supervisor, const char *release)
{
    if (supervisor->succession.stopping)
        return false;
    ready_reloading();
    if (succession_begin(&supervisor->succession, release))
        return true;
    ready_again();
    return false;
}

static void change_binary(struct supervisor *supervisor)
{
    ngi_error err = { 0 };
    if (supervisor->succession.stopping)
        return;
    log_line(NGI_LOG_INFO, "SIGUSR2: the supervisor runs its binary anew");
    (void)takeover_exec(&supervisor->succession, &err);
    log_line(NGI_LOG_ERROR, "the binary has not been changed: %s", err.text);
}

static void take_signals(struct supervisor *supervisor)
{
    struct succession *succession = &supervisor->succession;
    int signal;
    while ((signal = signals_next(succession->signals)) != 0)
        switch (signal) {
        case SIGTERM:
        case SIGINT: succession_end(succession, succession->stopping ? MESSAGE_STOP_NOW : MESSAGE_STOP); break;
        case SIGHUP: (void)reload(supervisor, NULL); break;
        case SIGUSR1:
            for (struct generation *generation = succession->generations; generation; generation = generation->next)
                generation_tell(generation, MESSAGE_REOPEN);
            break;
        case SIGCHLD: succession_reap(succession); break;
        case SIGUSR2: change_binary(supervisor); break;
        }
}

/* Answers a client of the control socket as far as it can be answered now. */
static void answer(struct supervisor *supervisor, struct control_client *client)
{
    struct succession *succession = &supervisor->succession;
    char *json;
    switch (client->asked) {
    case CONTROL_NONE: break;
    case CONTROL_STATUS:
        if (client->until_ms == 0) {
            client->until_ms = clock_ms() + ANSWER_MS;
            status_ask(succession);
        }
        if (status_is_complete(succession) || clock_ms() >= client->until_ms)
            control_answer(client, status_compose(succession));
        break;
    case CONTROL_RELOAD:
    case CONTROL_RELEASE:
        if (client->generation == 0) {
            if (!reload(supervisor, client->asked == CONTROL_RELEASE ? client->name : NULL)) {
                control_answer(client, succession->stopping ? strdup("{\"ok\": false, \"why\": \"it is stopping\"}")
                                                            : status_refused(succession));
                break;
            }
            client->generation = succession->made;
        }
        json = status_of_reload(succession, client->generation);
        if (json)
            control_answer(client, json);
        break;
    /* These two hear of it when all has ended. */
    case CONTROL_DRAIN:
        if (!succession->stopping)
            succession_end(succession, MESSAGE_STOP);
        break;
    case CONTROL_STOP:
        if (client->until_ms == 0)
            succession_end(succession, MESSAGE_STOP_NOW);
        client->until_ms = INT64_MAX;
        break;
    }
}

/* Before a generation's plugin files are looked at: what changes from now on is noticed. */
static void prepare(void *arg, const struct settings *settings)
{
    struct supervisor *supervisor = arg;
    const struct recipe *recipe = supervisor->succession.recipe;
    ngi_error err = { 0 };
    if (!settings->watch)
        files_watch_end(&supervisor->watch);
    else if (files_watch_begin(&supervisor->watch, recipe->watches_directory ? settings->plugins : NULL, recipe->file,
                               &err) != NGI_OK)
        log_line(NGI_LOG_ERROR, "watch: %s", err.text);
}

/* A generation has come to serve: the control socket is where it wants it, and whoever waits is told. */
static void settle(struct supervisor *supervisor)
{
    const struct generation *generation = succession_find(&supervisor->succession, GENERATION_SERVES);
    ngi_error err = { 0 };
    if (!generation || !generation->announced || generation->number == supervisor->settled)
        return;
    supervisor->settled = generation->number;
    if (control_open(&supervisor->control, generation->settings->control, &err) != NGI_OK)
        log_line(NGI_LOG_ERROR, "control: %s; the gateway serves without it: mend that and kill -HUP %d", err.text,
                 (int)getpid());
    if (supervisor->ready_told) {
        ready_again();
        return;
    }
    supervisor->ready_told = true;
    if (ready_tell(supervisor->succession.ready_fd, &generation->listeners, &err) != NGI_OK)
        log_line(NGI_LOG_WARNING, "%s", err.text);
    supervisor->succession.ready_fd = -1;
}

/* --- the loop ------------------------------------------------------------------------------------------------- */

/* How long nothing has to be done, in milliseconds; -1: for ever. */
static int until_next(const struct supervisor *supervisor)
{
    enum { LONG_MS = 60 * 1000 };
    int64_t now = clock_ms(), next = succession_next_ms(&supervisor->succession);
    int64_t settles = files_watch_next_ms(&supervisor->watch);
    int64_t gives_way = control_next_ms(&supervisor->control);
    next = settles < next ? settles : next;
    next = gives_way < next ? gives_way : next;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct control_client *client = &supervisor->control.clients[i];
        if (client->fd >= 0 && client->asked == CONTROL_STATUS && client->until_ms && client->until_ms < next)
            next = client->until_ms;
    }
    if (next == INT64_MAX)
        return -1;
    return next <= now ? 0 : next - now > LONG_MS ? LONG_MS : (int)(next - now);
}

static void turn(struct supervisor *supervisor)
{
    static struct pollfd polled[POLLED_MOST];
    static struct {
        struct generation *generation;
        struct worker *worker;
    } of[POLLED_MOST];
    struct succession *succession = &supervisor->succession;
    nfds_t count = 0, workers, controls;
    polled[count++] = (struct pollfd){ succession->signals, POLLIN, 0 };
    polled[count++] = (struct pollfd){ supervisor->watch.fd, POLLIN, 0 };
    controls = count;
    count += control_poll(&supervisor->control, polled + count);
    workers = count;
    for (struct generation *generation = succession->generations; generation; generation = generation->next)
        for (struct worker *worker = generation->workers; worker && count < POLLED_MOST; worker = worker->next)
            if (worker->channel >= 0) {
                of[count].generation = generation;
                of[count].worker = worker;
                polled[count++] = (struct pollfd){ worker->channel, POLLIN, 0 };
            }
    if (poll(polled, count, until_next(supervisor)) < 0) {
        if (errno != EINTR)
            log_line(NGI_LOG_ERROR, "poll: %s", strerror(errno));
        return;
    }
    /* What a worker has said before it ended comes before its end. */
    for (nfds_t i = workers; i < count; i++)
        if (polled[i].revents)
            succession_hear(succession, of[i].generation, of[i].worker);
    if (polled[0].revents)
        take_signals(supervisor);
    if (polled[1].revents)
        files_watch_read(&supervisor->watch);
    control_serve(&supervisor->control, polled + controls, workers - controls);
    if (files_watch_is_due(&supervisor->watch))
        (void)reload(supervisor, NULL);
}

/* ---------------------------------------------------------------------------------------------------------- */

int supervisor_run(const struct recipe *recipe, int ready_fd)
{
    struct supervisor supervisor = { .succession = {
                                         .recipe = recipe, .ready_fd = ready_fd, .prepare = prepare, .leave = leave } };
    struct succession *succession = &supervisor.succession;
    ngi_error err = { 0 };
    succession->arg = &supervisor;
    succession->supervisor = getpid();
    raise_descriptor_limit(&supervisor);
    control_init(&supervisor.control);
    files_watch_init(&supervisor.watch);
    signals_block();
    succession->signals = signals_open();
    if (succession->signals < 0) {
        log_line(NGI_LOG_ERROR, "no descriptor for signals: %s", strerror(-succession->signals));
        return 1;
    }
    bool taken_over = takeover_happened();
    log_set_stamp(taken_over);
    if (taken_over && takeover_load(succession, &err) != NGI_OK)
        log_line(NGI_LOG_ERROR, "%s", err.text);
    supervisor.ready_told = taken_over;
    bool good = succession_begin(succession, NULL) || taken_over;
    while (succession->generations) {
        turn(&supervisor);
        succession_advance(succession);
        settle(&supervisor);
        for (size_t i = 0; i < CONTROL_CLIENTS; i++)
            answer(&supervisor, &supervisor.control.clients[i]);
    }
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        if (supervisor.control.clients[i].asked >= CONTROL_DRAIN)
            control_answer(&supervisor.control.clients[i], strdup("{\"ok\": true}"));
    files_watch_end(&supervisor.watch);
    sockets_close(&succession->sockets);
    quarantine_free(&succession->quarantine);
    control_close(&supervisor.control, false);
    close(succession->signals);
    return good && !succession->forced && (succession->ready || succession->stopping) ? 0 : 1;
}
