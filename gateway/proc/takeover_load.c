#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/takeover_state.h"

enum { REASON_MOST = 300 };

static int64_t number_of(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    return json_is_integer(number) ? json_integer_value(number) : -1;
}

/* -1 for none, and where it is not understood. */
static int int_of(const json_t *object, const char *key)
{
    int64_t number = number_of(object, key);
    return number < 0 || number > INT_MAX ? -1 : (int)number;
}

static bool is_set(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* malloc'ed; NULL if there is none, or out of memory. */
static char *text_of(const json_t *object, const char *key)
{
    const json_t *json = json_object_get(object, key);
    if (json_is_string(json))
        return strdup(json_string_value(json));
    const char *hex = json_string_value(json_object_get(json, "hex"));
    size_t length = hex ? strlen(hex) / 2 : 0;
    char *text = hex ? malloc(length + 1) : NULL;
    if (!text)
        return NULL;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(text_hex((unsigned char)hex[2 * i]) << 4 | text_hex((unsigned char)hex[2 * i + 1]));
    text[length] = '\0';
    return text;
}

static bool copy_text(char *out, size_t size, const json_t *object, const char *key)
{
    char *text = text_of(object, key);
    bool good = text && strlen(text) < size;
    if (good)
        strcpy(out, text);
    free(text);
    return good;
}

static bool load_sockets(struct sockets *sockets, const json_t *list)
{
    const json_t *item;
    size_t i;
    sockets->all = calloc(json_array_size(list) + 1, sizeof *sockets->all);
    if (!sockets->all)
        return false;
    json_array_foreach(list, i, item)
    {
        struct held *held = &sockets->all[sockets->count++];
        held->where = text_of(item, "where");
        held->listener.fd = int_of(item, "fd");
        if (!held->where || held->listener.fd < 0 ||
            !copy_text(held->listener.url, sizeof held->listener.url, item, "url") ||
            !copy_text(held->listener.path, sizeof held->listener.path, item, "path"))
            return false;
    }
    return true;
}

static bool load_quarantine(struct quarantine *quarantine, const json_t *list)
{
    const json_t *item;
    size_t i;
    quarantine->all = calloc(json_array_size(list) + 1, sizeof *quarantine->all);
    if (!quarantine->all)
        return false;
    json_array_foreach(list, i, item)
    {
        struct quarantined *entry = &quarantine->all[quarantine->count++];
        *entry = (struct quarantined){ .name = text_of(item, "name"),
                                       .path = text_of(item, "path"),
                                       .why = text_of(item, "why"),
                                       .copy = int_of(item, "fd"),
                                       .released = (unsigned)number_of(item, "released") };
        if (!entry->name || !entry->path || !entry->why || entry->copy < 0)
            return false;
    }
    return true;
}

/* What it was served with; NULL with the reason. */
static struct settings *load_settings(const json_t *object, ngi_error *err)
{
    struct report report = { 0 };
    struct settings *settings = NULL;
    char path[64], *text = text_of(object, "settings");
    int fd = text ? memfd_create("settings", MFD_CLOEXEC) : -1;
    if (fd >= 0 && file_write_all(fd, text, strlen(text)) == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        (void)settings_load(path, NULL, 0, &settings, &report);
    }
    if (!settings)
        ngi_error_set(err, NGI_EPARSE, "%.*s", REASON_MOST, report.count ? report.lines[0] : "out of memory");
    if (fd >= 0)
        close(fd);
    free(text);
    report_free(&report);
    return settings;
}

static struct settings *standard_settings(void)
{
    struct report report = { 0 };
    struct settings *settings = NULL;
    (void)settings_load(NULL, NULL, 0, &settings, &report);
    report_free(&report);
    return settings;
}

static bool load_bundle(struct bundle *bundle, const json_t *object)
{
    const json_t *files = json_object_get(object, "files"), *item;
    size_t i;
    bundle->at_root = is_set(object, "at_root");
    bundle->all = calloc(json_array_size(files) + 1, sizeof *bundle->all);
    if (!bundle->all)
        return false;
    json_array_foreach(files, i, item)
    {
        struct plugin_file *file = &bundle->all[bundle->count++];
        *file = (struct plugin_file){ .path = text_of(item, "path"), .copy = int_of(item, "fd") };
        const json_t *why = json_object_get(item, "quarantine");
        if (why && !json_is_null(why))
            file->quarantine = text_of(item, "quarantine");
        if (!file->path || (why && !json_is_null(why) && !file->quarantine))
            return false;
        if (file->copy < 0)
            ngi_error_set(&file->why, NGI_EIO, "it was refused before the binary changed");
    }
    return true;
}

static const struct listener *find_listener(const struct sockets *sockets, json_int_t fd)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->all[i].listener.fd == fd)
            return &sockets->all[i].listener;
    return NULL;
}

/* Those that have been closed are not among the sockets any more: a generation that ends may name them. */
static bool load_listeners(struct listeners *listeners, const struct sockets *sockets, const json_t *list)
{
    const json_t *item;
    size_t i;
    listeners->all = calloc(json_array_size(list) + 1, sizeof *listeners->all);
    if (!listeners->all)
        return false;
    json_array_foreach(list, i, item)
    {
        const struct listener *listener = find_listener(sockets, json_integer_value(item));
        if (listener)
            listeners->all[listeners->count++] = *listener;
    }
    return true;
}

static bool load_workers(struct generation *generation, const json_t *list, ngi_error *err)
{
    struct worker **at = &generation->workers;
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        int pid = int_of(item, "pid"), stage = int_of(item, "stage");
        if (pid <= 0 || stage < 0 || stage > WORKER_LEAVES) {
            ngi_error_set(err, NGI_EPARSE, "worker %d is at a stage %d", pid, stage);
            return false;
        }
        struct worker *worker = malloc(sizeof *worker);
        if (!worker)
            return false;
        *worker = (struct worker){ .pid = pid,
                                   .channel = int_of(item, "channel"),
                                   .stage = (enum worker_stage)stage,
                                   .since_ms = number_of(item, "since_ms"),
                                   .told = -1,
                                   .kill_ms = INT64_MAX,
                                   .takes = is_set(item, "takes"),
                                   .excused = is_set(item, "excused"),
                                   .served = is_set(item, "served"),
                                   .stale = is_set(item, "stale") };
        *at = worker;
        at = &worker->next;
    }
    return true;
}

/* Forgets it all and closes nothing. */
static void forget_generation(struct generation *generation)
{
    for (struct worker *worker = generation->workers; worker; worker = worker->next)
        worker->channel = -1;
    for (size_t i = 0; i < generation->bundle.count; i++)
        generation->bundle.all[i].copy = -1;
    generation_free(generation);
}

/* `why`: its settings cannot be read, and it has standard ones. What serves serves on as it is; what does not serve yet
 * never will. */
static void cripple(struct generation *generation, const char *why)
{
    generation->want = 0;
    if (generation->stage < GENERATION_SERVES)
        generation_fail(generation, why);
    else if (generation->stage == GENERATION_SERVES)
        log_line(NGI_LOG_ERROR,
                 "generation %u: this release cannot read its settings (%s): its workers serve on, but "
                 "are not replaced",
                 generation->number, why);
}

/* `checks`: settings that it would need and that cannot be read are a reason to refuse. */
static struct generation *load_generation(const struct sockets *sockets, const json_t *object, bool checks,
                                          ngi_error *err)
{
    const int number = int_of(object, "number"), stage = int_of(object, "stage"), want = int_of(object, "want");
    struct bundle bundle = { 0 };
    ngi_error why = { 0 };
    if (stage < 0 || stage > GENERATION_ENDS) {
        ngi_error_set(err, NGI_EPARSE, "generation %d is at a stage %d", number, stage);
        return NULL;
    }
    struct settings *settings = load_settings(object, &why);
    const bool known = settings != NULL;
    if (!known && checks && stage != GENERATION_ENDS) {
        ngi_error_set(err, NGI_EPARSE, "the settings of generation %d: %s", number, why.text);
        return NULL;
    }
    if (!known)
        settings = standard_settings();
    bool good = settings && load_bundle(&bundle, object);
    struct generation *generation = good ? generation_new((unsigned)number, settings, &bundle) : NULL;
    if (!generation) {
        for (size_t i = 0; i < bundle.count; i++)
            bundle.all[i].copy = -1;
        bundle_free(&bundle);
        settings_free(settings);
        return NULL;
    }
    generation->stage = (enum generation_stage)stage;
    generation->failed = is_set(object, "failed");
    generation->since_ms = number_of(object, "since_ms");
    generation->kill_ms = number_of(object, "kill_ms");
    generation->next_start_ms = number_of(object, "next_start_ms");
    generation->deaths = (unsigned)int_of(object, "deaths");
    if (want > 0)
        generation->want = (unsigned)want;
    if (!known)
        cripple(generation, why.text);
    if (load_listeners(&generation->listeners, sockets, json_object_get(object, "listen")) &&
        load_workers(generation, json_object_get(object, "workers"), err))
        return generation;
    forget_generation(generation);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool takeover_load_state(struct succession *succession, const json_t *state, bool checks, ngi_error *err)
{
    struct generation **at = &succession->generations;
    const json_t *item;
    size_t i;
    int format = int_of(state, "format");
    if (format != TAKEOVER_FORMAT) {
        ngi_error_set(err, NGI_EPARSE, "it is of format %d, and this release reads format %d", format, TAKEOVER_FORMAT);
        return false;
    }
    succession->made = (unsigned)int_of(state, "made");
    succession->forced = is_set(state, "forced");
    bool good = load_sockets(&succession->sockets, json_object_get(state, "sockets")) &&
                load_quarantine(&succession->quarantine, json_object_get(state, "quarantine"));
    json_array_foreach(json_object_get(state, "generations"), i, item)
    {
        struct generation *generation = good ? load_generation(&succession->sockets, item, checks, err) : NULL;
        good = generation != NULL;
        if (!good)
            break;
        *at = generation;
        at = &generation->next;
    }
    if (!good && err->code == NGI_OK)
        ngi_error_set(err, NGI_ENOMEM, "out of memory");
    return good;
}

void takeover_forget_state(struct succession *succession)
{
    while (succession->generations) {
        struct generation *generation = succession->generations;
        succession->generations = generation->next;
        forget_generation(generation);
    }
    for (size_t i = 0; i < succession->quarantine.count; i++)
        succession->quarantine.all[i].copy = -1;
    quarantine_free(&succession->quarantine);
    for (size_t i = 0; i < succession->sockets.count; i++)
        free(succession->sockets.all[i].where);
    free(succession->sockets.all);
    succession->sockets = (struct sockets){ 0 };
}
