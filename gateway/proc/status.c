#include "proc/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"

static const char *const worker_stages[] = { [WORKER_LOADS] = "loads",
                                             [WORKER_LOADED] = "loaded",
                                             [WORKER_STARTS] = "starts",
                                             [WORKER_ACCEPTS] = "serves",
                                             [WORKER_LEAVES] = "ends" };
static const char *const generation_stages[] = { [GENERATION_LOADS] = "loads",
                                                 [GENERATION_STARTS] = "starts",
                                                 [GENERATION_SERVES] = "serves",
                                                 [GENERATION_ENDS] = "ends" };

/* Reasons are plugins' words and paths, perhaps cut in the middle of a character: what is no UTF-8 is asked after. */
static json_t *words(const char *text)
{
    json_t *string = json_string(text);
    char *plain = string ? NULL : strdup(text);
    for (char *c = plain; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    if (plain)
        string = json_string(plain);
    free(plain);
    return string;
}

/* What a worker has written; NULL: it makes no sense. The file is still the worker's to write: so much of it as there
 * is now, and not more than is reasonable. */
static json_t *read_state(int fd)
{
    enum { STATE_MOST = 16 * 1024 * 1024 };
    struct stat file;
    json_t *state = NULL;
    if (fstat(fd, &file) < 0 || file.st_size <= 0 || file.st_size > STATE_MOST)
        return NULL;
    char *text = malloc((size_t)file.st_size);
    ssize_t n = text ? pread(fd, text, (size_t)file.st_size, 0) : -1;
    if (n > 0)
        state = json_loadb(text, (size_t)n, 0, NULL);
    free(text);
    return state;
}

static json_t *describe_worker(const struct worker *worker)
{
    json_t *object = json_pack("{s:i, s:s, s:f}", "pid", (int)worker->pid, "stage", worker_stages[worker->stage],
                               "seconds", (double)(clock_ms() - worker->since_ms) / 1000);
    json_t *state = worker->told >= 0 && !worker->asked ? read_state(worker->told) : NULL;
    if (state)
        json_object_set_new(object, "state", state);
    return object;
}

/* Of its files, those in quarantine. The name is gone where the file is not in quarantine any more. */
static json_t *describe_quarantine(const struct generation *generation, const struct quarantine *quarantine)
{
    json_t *list = json_array();
    for (size_t i = 0; i < generation->bundle.count; i++) {
        const struct plugin_file *file = &generation->bundle.all[i];
        const struct quarantined *entry = file->quarantine ? quarantine_find(quarantine, file) : NULL;
        if (file->quarantine)
            json_array_append_new(list, json_pack("{s:o*, s:o, s:o}", "plugin", entry ? words(entry->name) : NULL,
                                                  "file", words(file->path), "why", words(file->quarantine)));
    }
    return list;
}

static json_t *describe_generation(const struct generation *generation, const struct quarantine *quarantine)
{
    json_t *workers = json_array(), *listen = json_array();
    for (const struct worker *worker = generation->workers; worker; worker = worker->next)
        json_array_append_new(workers, describe_worker(worker));
    for (size_t i = 0; i < generation->listeners.count; i++)
        json_array_append_new(listen, words(generation->listeners.all[i].url));
    return json_pack("{s:i, s:s, s:f, s:i, s:o, s:o*, s:o, s:o, s:o}", "number", (int)generation->number, "stage",
                     generation->failed ? "failed" : generation_stages[generation->stage], "seconds",
                     (double)(clock_ms() - generation->since_ms) / 1000, "plugins", (int)generation->bundle.count,
                     "directory", words(generation->settings->plugins), "why",
                     generation->why ? words(generation->why) : NULL, "listen", listen, "quarantine",
                     describe_quarantine(generation, quarantine), "workers", workers);
}

static json_t *describe_events(const struct succession *succession)
{
    json_t *events = json_array();
    unsigned first = succession->event_count > SUCCESSION_EVENTS ? succession->event_count - SUCCESSION_EVENTS : 0;
    for (unsigned i = first; i < succession->event_count; i++) {
        const struct event *event = &succession->events[i % SUCCESSION_EVENTS];
        json_array_append_new(events,
                              json_pack("{s:I, s:o}", "time", (json_int_t)event->when, "text", words(event->text)));
    }
    return events;
}

static char *dump(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* ---------------------------------------------------------------------------------------------------------- */

void status_ask(struct succession *succession)
{
    for (struct generation *generation = succession->generations; generation; generation = generation->next)
        for (struct worker *worker = generation->workers; worker; worker = worker->next) {
            if (worker->asked || worker->channel < 0 || worker->stage == WORKER_LOADS)
                continue;
            if (worker->told >= 0)
                close(worker->told);
            worker->told = memfd_create("state", MFD_CLOEXEC);
            worker->asked = worker->told >= 0 && channel_send(worker->channel, MESSAGE_TELL, NULL, worker->told) == 0;
        }
}

bool status_is_complete(const struct succession *succession)
{
    for (const struct generation *generation = succession->generations; generation; generation = generation->next)
        for (const struct worker *worker = generation->workers; worker; worker = worker->next)
            if (worker->asked)
                return false;
    return true;
}

char *status_compose(const struct succession *succession)
{
    json_t *generations = json_array();
    for (const struct generation *generation = succession->generations; generation; generation = generation->next)
        json_array_append_new(generations, describe_generation(generation, &succession->quarantine));
    return dump(json_pack("{s:s, s:i, s:b, s:o, s:o}", "version", PACKAGE_VERSION, "pid", (int)getpid(), "stopping",
                          succession->stopping, "generations", generations, "events", describe_events(succession)));
}

char *status_of_reload(const struct succession *succession, unsigned number)
{
    const struct generation *generation = succession->generations;
    while (generation && generation->number != number)
        generation = generation->next;
    const bool failed = succession->failed == number;
    if (generation && !generation->failed &&
        (generation->stage < GENERATION_SERVES || (generation->stage == GENERATION_SERVES && !generation->announced)))
        return NULL;
    if (generation && (generation->stage == GENERATION_SERVES || generation->announced))
        return dump(json_pack("{s:b, s:i}", "ok", 1, "generation", (int)number));
    return dump(json_pack("{s:b, s:i, s:o}", "ok", 0, "generation", (int)number, "why",
                          words(failed                 ? succession->failed_why
                                : succession->stopping ? "the gateway is stopping"
                                                       : "it gave way to a later one")));
}

char *status_refused(const struct succession *succession)
{
    return dump(json_pack("{s:b, s:o}", "ok", 0, "why", words(succession->refused_why)));
}
