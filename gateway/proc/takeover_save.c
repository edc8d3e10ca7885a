#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proc/takeover_state.h"

/* A string, or {"hex": …} where it is no UTF-8, as a path need not be. NULL if out of memory, as all of these. */
static json_t *save_bytes(const char *text, size_t length)
{
    json_t *json = json_stringn(text, length);
    if (json)
        return json;
    char *hex = malloc(2 * length + 1);
    for (size_t i = 0; hex && i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)text[i]);
    json = hex ? json_pack("{s:s#}", "hex", hex, (int)(2 * length)) : NULL;
    free(hex);
    return json;
}

static json_t *save_text(const char *text)
{
    return save_bytes(text, strlen(text));
}

/* Where one item cannot be saved, nothing is: the array is gone. */
static json_t *append(json_t *array, json_t *item)
{
    if (array && json_array_append_new(array, item) == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* Text that load_settings reads back. */
static json_t *save_settings(const struct settings *settings)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    bool good = file && settings_print(settings, file) == NGI_OK;
    if (file)
        good &= fclose(file) == 0;
    json_t *json = good ? save_bytes(text, length) : NULL;
    free(text);
    return json;
}

static json_t *save_bundle(const struct bundle *bundle)
{
    json_t *files = json_array();
    for (size_t i = 0; i < bundle->count && files; i++)
        files =
            append(files, json_pack("{s:o, s:i, s:o}", "path", save_text(bundle->all[i].path), "fd",
                                    bundle->all[i].copy, "quarantine",
                                    bundle->all[i].quarantine ? save_text(bundle->all[i].quarantine) : json_null()));
    return files;
}

static json_t *save_listeners(const struct listeners *listeners)
{
    json_t *list = json_array();
    for (size_t i = 0; i < listeners->count && list; i++)
        list = append(list, json_integer(listeners->all[i].fd));
    return list;
}

static json_t *save_workers(const struct generation *generation)
{
    json_t *workers = json_array();
    for (const struct worker *worker = generation->workers; worker && workers; worker = worker->next)
        workers = append(workers,
                         json_pack("{s:i, s:i, s:i, s:I, s:b, s:b, s:b, s:b}", "pid", (int)worker->pid, "channel",
                                   worker->channel, "stage", (int)worker->stage, "since_ms",
                                   (json_int_t)worker->since_ms, "takes", (int)worker->takes, "excused",
                                   (int)worker->excused, "served", (int)worker->served, "stale", (int)worker->stale));
    return workers;
}

/* Times are those of CLOCK_MONOTONIC, which goes on. That it has announced itself is not saved: it does so anew, to
 * who reads the log, and has the control socket opened. */
static json_t *save_generation(const struct generation *generation)
{
    return json_pack("{s:i, s:i, s:b, s:b, s:i, s:i, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "number",
                     (int)generation->number, "stage", (int)generation->stage, "failed", (int)generation->failed,
                     "at_root", (int)generation->bundle.at_root, "want", (int)generation->want, "deaths",
                     (int)generation->deaths, "next_start_ms", (json_int_t)generation->next_start_ms, "kill_ms",
                     (json_int_t)generation->kill_ms, "since_ms", (json_int_t)generation->since_ms, "settings",
                     save_settings(generation->settings), "files", save_bundle(&generation->bundle), "listen",
                     save_listeners(&generation->listeners), "workers", save_workers(generation));
}

static json_t *save_sockets(const struct sockets *sockets)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sockets->count && list; i++) {
        const struct held *held = &sockets->all[i];
        list = append(list, json_pack("{s:o, s:o, s:o, s:i}", "where", save_text(held->where), "url",
                                      save_text(held->listener.url), "path", save_text(held->listener.path), "fd",
                                      held->listener.fd));
    }
    return list;
}

static json_t *save_generations(const struct succession *succession)
{
    json_t *list = json_array();
    for (const struct generation *generation = succession->generations; generation && list;
         generation = generation->next)
        list = append(list, save_generation(generation));
    return list;
}

static json_t *save_quarantine(const struct quarantine *quarantine)
{
    json_t *list = json_array();
    for (size_t i = 0; i < quarantine->count && list; i++) {
        const struct quarantined *entry = &quarantine->all[i];
        list = append(list, json_pack("{s:o, s:o, s:o, s:i, s:i}", "name", save_text(entry->name), "path",
                                      save_text(entry->path), "why", save_text(entry->why), "fd", entry->copy,
                                      "released", (int)entry->released));
    }
    return list;
}

static json_t *append_descriptor(json_t *list, int fd)
{
    return fd >= 0 && list ? append(list, json_integer(fd)) : list;
}

static json_t *save_descriptors(const struct succession *succession)
{
    json_t *list = json_array();
    for (size_t i = 0; i < succession->sockets.count; i++)
        list = append_descriptor(list, succession->sockets.all[i].listener.fd);
    for (size_t i = 0; i < succession->quarantine.count; i++)
        list = append_descriptor(list, succession->quarantine.all[i].copy);
    for (const struct generation *generation = succession->generations; generation; generation = generation->next) {
        for (size_t i = 0; i < generation->bundle.count; i++)
            list = append_descriptor(list, generation->bundle.all[i].copy);
        for (const struct worker *worker = generation->workers; worker; worker = worker->next)
            list = append_descriptor(list, worker->channel);
    }
    return list;
}

/* ---------------------------------------------------------------------------------------------------------- */

json_t *takeover_save_state(const struct succession *succession)
{
    return json_pack("{s:i, s:o, s:i, s:i, s:b, s:o, s:o, s:o}", "format", TAKEOVER_FORMAT, "descriptors",
                     save_descriptors(succession), "made", (int)succession->made, "log_level", log_level(), "forced",
                     (int)succession->forced, "sockets", save_sockets(&succession->sockets), "quarantine",
                     save_quarantine(&succession->quarantine), "generations", save_generations(succession));
}
