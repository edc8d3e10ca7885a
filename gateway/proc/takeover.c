#include "proc/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "proc/trial.h"

enum { TRY_MS = 10 * 1000, FORMAT = 1 };

static const char variable[] = "POSTERN_TAKEOVER"; /* the number of the file's descriptor */

static struct {
    char path[PATH_MAX];
    char **argv;
} self;

/* --- what goes along ------------------------------------------------------------------------------------------ */

/* Text that settings_load reads back; NULL if out of memory. */
static json_t *save_settings(const struct settings *settings)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    bool good = file && settings_print(settings, file) == NGI_OK;
    if (file)
        good &= fclose(file) == 0;
    json_t *json = good ? json_stringn(text, length) : NULL;
    free(text);
    return json;
}

static json_t *save_bundle(const struct bundle *bundle)
{
    json_t *files = json_array();
    for (size_t i = 0; i < bundle->count; i++)
        json_array_append_new(files, json_pack("{s:s, s:i}", "path", bundle->all[i].path, "fd", bundle->all[i].copy));
    return files;
}

static json_t *save_workers(const struct generation *generation)
{
    json_t *workers = json_array();
    for (const struct worker *worker = generation->workers; worker; worker = worker->next)
        json_array_append_new(workers,
                              json_pack("{s:i, s:i, s:i, s:I}", "pid", (int)worker->pid, "channel", worker->channel,
                                        "stage", (int)worker->stage, "since_ms", (json_int_t)worker->since_ms));
    return workers;
}

static json_t *save_generation(const struct generation *generation)
{
    json_t *listen = json_array();
    for (size_t i = 0; i < generation->listeners.count; i++)
        json_array_append_new(listen, json_integer(generation->listeners.all[i].fd));
    return json_pack("{s:i, s:i, s:b, s:b, s:I, s:o, s:o, s:o, s:o}", "number", (int)generation->number, "stage",
                     (int)generation->stage, "failed", generation->failed, "at_root", generation->bundle.at_root,
                     "since_ms", (json_int_t)generation->since_ms, "settings", save_settings(generation->settings),
                     "files", save_bundle(&generation->bundle), "listen", listen, "workers", save_workers(generation));
}

static json_t *save(const struct succession *succession)
{
    json_t *sockets = json_array(), *generations = json_array();
    for (size_t i = 0; i < succession->sockets.count; i++) {
        const struct held *held = &succession->sockets.all[i];
        json_array_append_new(sockets,
                              json_pack("{s:s, s:s, s:s, s:i}", "where", held->where, "url", held->listener.url, "path",
                                        held->listener.path, "fd", held->listener.fd));
    }
    for (const struct generation *generation = succession->generations; generation; generation = generation->next)
        json_array_append_new(generations, save_generation(generation));
    return json_pack("{s:i, s:i, s:o, s:o}", "format", FORMAT, "made", (int)succession->made, "sockets", sockets,
                     "generations", generations);
}

/* Every descriptor that the file names outlives the execve, or again does not. */
static void keep_open(const json_t *json, bool keep)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_array(json))
        json_array_foreach((json_t *)json, i, value) keep_open(value, keep);
    json_object_foreach((json_t *)json, key, value)
    {
        if (json_is_integer(value) && (strcmp(key, "fd") == 0 || strcmp(key, "channel") == 0))
            (void)fcntl((int)json_integer_value(value), F_SETFD, keep ? 0 : FD_CLOEXEC);
        keep_open(value, keep);
    }
}

/* --- the other binary ------------------------------------------------------------------------------------------ */

static void run_version(void *unused, int fd)
{
    (void)unused;
    if (dup2(fd, STDOUT_FILENO) >= 0)
        execl(self.path, self.path, "--version", (char *)NULL);
    dprintf(STDOUT_FILENO, "%s", strerror(errno));
    _exit(127);
}

static int try_binary(ngi_error *err)
{
    struct trial trial;
    trial_run(&trial, run_version, NULL, TRY_MS);
    const char *said = trial.output ? trial.output : "";
    bool good = trial.end == TRIAL_EXITED && trial.code == 0 && text_has_prefix(said, "postern ");
    if (!good)
        ngi_error_set(err, NGI_EFAIL, "%s --version does not run: %.*s", self.path,
                      *said ? (int)strcspn(said, "\n") : 100, *said ? said : "see above");
    free(trial.output);
    return good ? NGI_OK : NGI_EFAIL;
}

/* --- taking over ------------------------------------------------------------------------------------------------ */

static int int_of(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
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
        struct held *held = &sockets->all[sockets->count];
        held->where = strdup(text_of(item, "where"));
        if (!held->where)
            return false;
        held->listener.fd = int_of(item, "fd");
        snprintf(held->listener.url, sizeof held->listener.url, "%s", text_of(item, "url"));
        snprintf(held->listener.path, sizeof held->listener.path, "%s", text_of(item, "path"));
        sockets->count++;
    }
    return true;
}

/* What it was served with. A release that no longer reads it can let it serve on, but makes no new workers for it. */
static struct settings *load_settings(const char *text, bool *ret_known)
{
    struct report report = { 0 };
    struct settings *settings = NULL;
    char path[64];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    if (fd >= 0 && file_write_all(fd, text, strlen(text)) == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        (void)settings_load(path, NULL, 0, &settings, &report);
    }
    if (fd >= 0)
        close(fd);
    *ret_known = settings != NULL;
    if (!settings)
        (void)settings_load(NULL, NULL, 0, &settings, &report);
    report_free(&report);
    return settings;
}

static bool load_bundle(struct bundle *bundle, const json_t *object)
{
    const json_t *files = json_object_get(object, "files"), *item;
    size_t i;
    bundle->at_root = json_is_true(json_object_get(object, "at_root"));
    bundle->all = calloc(json_array_size(files) + 1, sizeof *bundle->all);
    if (!bundle->all)
        return false;
    json_array_foreach(files, i, item)
    {
        struct plugin_file *file = &bundle->all[bundle->count];
        *file = (struct plugin_file){ .path = strdup(text_of(item, "path")), .copy = int_of(item, "fd") };
        if (!file->path)
            return false;
        if (file->copy < 0)
            ngi_error_set(&file->why, NGI_EIO, "it was refused before the binary changed");
        bundle->count++;
    }
    return true;
}

static bool load_listeners(struct listeners *listeners, const struct sockets *sockets, const json_t *list)
{
    const json_t *item;
    size_t i;
    listeners->all = calloc(json_array_size(list) + 1, sizeof *listeners->all);
    if (!listeners->all)
        return false;
    json_array_foreach(list, i, item) for (size_t j = 0; j < sockets->count;
                                           j++) if (sockets->all[j].listener.fd == (int)json_integer_value(item))
        listeners->all[listeners->count++] = sockets->all[j].listener;
    return true;
}

static bool load_workers(struct generation *generation, const json_t *list)
{
    struct worker **at = &generation->workers;
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        struct worker *worker = malloc(sizeof *worker);
        if (!worker)
            return false;
        *worker = (struct worker){ .pid = int_of(item, "pid"),
                                   .channel = int_of(item, "channel"),
                                   .stage = (enum worker_stage)int_of(item, "stage"),
                                   .since_ms = json_integer_value(json_object_get(item, "since_ms")),
                                   .told = -1,
                                   .kill_ms = INT64_MAX };
        *at = worker;
        at = &worker->next;
    }
    return true;
}

static struct generation *load_generation(const struct sockets *sockets, const json_t *object)
{
    struct bundle bundle = { 0 };
    bool known, good = load_bundle(&bundle, object);
    struct settings *settings = load_settings(text_of(object, "settings"), &known);
    struct generation *generation =
        good && settings ? generation_new((unsigned)int_of(object, "number"), settings, &bundle) : NULL;
    if (!generation) {
        bundle_free(&bundle);
        settings_free(settings);
        return NULL;
    }
    generation->stage = (enum generation_stage)int_of(object, "stage");
    generation->failed = json_is_true(json_object_get(object, "failed"));
    generation->since_ms = json_integer_value(json_object_get(object, "since_ms"));
    if (!known)
        generation->want = 0;
    if (generation->stage == GENERATION_ENDS)
        generation->kill_ms = clock_ms() + (int64_t)(settings->grace * 1000);
    if (load_listeners(&generation->listeners, sockets, json_object_get(object, "listen")) &&
        load_workers(generation, json_object_get(object, "workers")))
        return generation;
    generation_free(generation);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- */

void takeover_remember(char **argv)
{
    ssize_t n = readlink("/proc/self/exe", self.path, sizeof self.path - 1);
    self.path[n > 0 ? n : 0] = '\0';
    self.argv = argv;
}

bool takeover_happened(void)
{
    return getenv(variable) != NULL;
}

int takeover_exec(const struct succession *succession, ngi_error *err)
{
    char number[16];
    if (try_binary(err) != NGI_OK)
        return err->code;
    json_t *state = save(succession);
    int fd = state ? memfd_create("takeover", 0) : -1;
    snprintf(number, sizeof number, "%d", fd);
    if (fd >= 0 && json_dumpfd(state, fd, 0) == 0 && setenv(variable, number, 1) == 0) {
        keep_open(state, true);
        execv(self.path, self.argv);
        keep_open(state, false);
    }
    ngi_error_set(err, NGI_EFAIL, "%s: %s", self.path, strerror(errno));
    unsetenv(variable);
    if (fd >= 0)
        close(fd);
    json_decref(state);
    return NGI_EFAIL;
}

int takeover_load(struct succession *succession, ngi_error *err)
{
    uint64_t fd = 0;
    json_error_t error = { .text = "no descriptor" };
    const json_t *item;
    json_t *state = NULL;
    size_t i;
    if (text_to_uint64(getenv(variable), &fd) && fd <= INT_MAX && lseek((int)fd, 0, SEEK_SET) == 0) {
        state = json_loadfd((int)fd, 0, &error);
        close((int)fd);
    }
    unsetenv(variable);
    if (!state || int_of(state, "format") != FORMAT) {
        ngi_error_set(err, NGI_EPARSE, "what the binary before has left cannot be read: %s", error.text);
        json_decref(state);
        return NGI_EPARSE;
    }
    keep_open(state, false);
    bool good = load_sockets(&succession->sockets, json_object_get(state, "sockets"));
    struct generation **at = &succession->generations;
    json_array_foreach(json_object_get(state, "generations"), i, item)
    {
        struct generation *generation = good ? load_generation(&succession->sockets, item) : NULL;
        good = generation != NULL;
        if (!good)
            break;
        *at = generation;
        at = &generation->next;
    }
    succession->made = (unsigned)int_of(state, "made");
    succession->ready = true;
    json_decref(state);
    return good ? NGI_OK : ngi_error_set(err, NGI_ENOMEM, "out of memory");
}
