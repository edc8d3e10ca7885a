#include "proc/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "proc/trial.h"

/* What goes along is a JSON object. Whatever the release, "format" tells how to read it, and "descriptors" lists all
 * that came with it; the rest is the format's. */
enum { FORMAT = 3, CHECK_MS = 10 * 1000, LEFT_BEHIND_MS = 5 * 1000, REASON_MOST = 300 };

static const char variable[] = "POSTERN_TAKEOVER"; /* the number of the file's descriptor */
static const char check_command[] = "takeover-check";
static const char consent[] = "takes over\n"; /* the end of what a check that succeeds says */

static struct {
    char path[PATH_MAX];
    char **argv;
    int checked; /* the file that this process only checks; 0: it is no check */
} self;

/* --- what goes along ------------------------------------------------------------------------------------------ */

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

static json_t *save(const struct succession *succession)
{
    return json_pack("{s:i, s:o, s:i, s:i, s:b, s:o, s:o, s:o}", "format", FORMAT, "descriptors",
                     save_descriptors(succession), "made", (int)succession->made, "log_level", log_level(), "forced",
                     (int)succession->forced, "sockets", save_sockets(&succession->sockets), "quarantine",
                     save_quarantine(&succession->quarantine), "generations", save_generations(succession));
}

/* Does something to every descriptor that is listed. The standard ones never are. */
static void each_descriptor(const json_t *state, void (*fn)(int fd))
{
    const json_t *list = json_object_get(state, "descriptors"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        json_int_t fd = json_integer_value(item);
        if (fd > STDERR_FILENO && fd <= INT_MAX)
            fn((int)fd);
    }
}

static void keep_open(int fd)
{
    (void)fcntl(fd, F_SETFD, 0);
}

static void keep_private(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void drop(int fd)
{
    close(fd);
}

/* The state as a sealed file; -errno. */
static int write_state(const json_t *state)
{
    char *text = json_dumps(state, JSON_COMPACT);
    int fd = text ? memfd_create("takeover", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    int rc = !text ? -ENOMEM : fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0)
        close(fd);
    free(text);
    return rc < 0 ? rc : fd;
}

/* --- the other binary ------------------------------------------------------------------------------------------ */

/* In a child: PATH takeover-check FD ARGV… */
static void run_check(void *arg, int fd)
{
    enum { BEFORE = 3 };
    const int *file = arg;
    char number[16];
    size_t count = 0;
    while (self.argv[count])
        count++;
    char **argv = calloc(BEFORE + count + 1, sizeof *argv);
    snprintf(number, sizeof number, "%d", *file);
    if (argv && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0) {
        argv[0] = self.path;
        argv[1] = (char *)check_command;
        argv[2] = number;
        memcpy(argv + BEFORE, self.argv, count * sizeof *argv);
        keep_open(*file);
        execv(self.path, argv);
    }
    dprintf(STDOUT_FILENO, "%s", strerror(errno));
    _exit(127);
}

/* Has the binary at our path read the arguments and the file, in a process of its own. */
static int try_binary(int fd, ngi_error *err)
{
    static const char ours[] = "postern: ";
    struct trial trial;
    trial_run(&trial, run_check, &fd, CHECK_MS);
    const char *said = trial.output ? trial.output : "";
    bool good = trial.end == TRIAL_EXITED && trial.code == 0 && text_has_suffix(said, consent);
    if (text_has_prefix(said, ours))
        said += strlen(ours);
    int length = (int)strcspn(said, "\n");
    length = length < REASON_MOST ? length : REASON_MOST;
    if (good)
        (void)0;
    else if (trial.end == TRIAL_FAILED)
        ngi_error_set(err, NGI_EFAIL, "no process can be made to try it");
    else if (trial.end == TRIAL_HUNG)
        ngi_error_set(err, NGI_EFAIL, "%s does not answer within %d s", self.path, CHECK_MS / 1000);
    else if (trial.end == TRIAL_CRASHED)
        ngi_error_set(err, NGI_EFAIL, "%s was ended by SIG%s", self.path, sigabbrev_np(trial.code));
    else if (length > 0)
        ngi_error_set(err, NGI_EFAIL, "%s: %.*s", self.path, length, said);
    else
        ngi_error_set(err, NGI_EFAIL, "%s does not know %s", self.path, check_command);
    free(trial.output);
    return good ? NGI_OK : NGI_EFAIL;
}

/* --- taking over ------------------------------------------------------------------------------------------------ */

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

static void forget(struct succession *succession)
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

/* NULL with the reason. */
static json_t *read_state(int fd, ngi_error *err)
{
    struct stat file;
    json_error_t error;
    json_t *state = NULL;
    if (fstat(fd, &file) < 0 || file.st_size <= 0) {
        ngi_error_set(err, NGI_EPARSE, "no file has come along");
        return NULL;
    }
    char *text = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED) {
        ngi_error_set(err, NGI_EPARSE, "%s", strerror(errno));
        return NULL;
    }
    state = json_loadb(text, (size_t)file.st_size, 0, &error);
    if (!state)
        ngi_error_set(err, NGI_EPARSE, "%s", error.text);
    munmap(text, (size_t)file.st_size);
    return state;
}

/* False, with the reason and perhaps a half of it in `succession`. */
static bool load(struct succession *succession, const json_t *state, bool checks, ngi_error *err)
{
    struct generation **at = &succession->generations;
    const json_t *item;
    size_t i;
    int format = int_of(state, "format");
    if (format != FORMAT) {
        ngi_error_set(err, NGI_EPARSE, "it is of format %d, and this release reads format %d", format, FORMAT);
        return false;
    }
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

/* The workers that could not be taken over hear that their channels close, and end. They have the ports until then, so
 * it is waited for; not for ever. */
static void await_left_behind(void)
{
    int64_t until = clock_ms() + LEFT_BEHIND_MS, left;
    sigset_t ended;
    pid_t pid;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    for (;;) {
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        left = until - clock_ms();
        if (pid < 0 || left <= 0)
            return;
        (void)sigtimedwait(&ended, NULL, &(struct timespec){ left / 1000, left % 1000 * 1000000 });
    }
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
    return takeover_is_check() || getenv(variable) != NULL;
}

int takeover_exec(const struct succession *succession, ngi_error *err)
{
    char number[16];
    if (!succession->ready)
        return ngi_error_set(err, NGI_EFAIL, "no generation serves yet");
    json_t *state = save(succession);
    int fd = state ? write_state(state) : -ENOMEM;
    if (fd < 0) {
        ngi_error_set(err, NGI_EFAIL, "what it knows cannot be saved: %s", strerror(-fd));
    } else if (try_binary(fd, err) == NGI_OK) {
        snprintf(number, sizeof number, "%d", fd);
        each_descriptor(state, keep_open);
        keep_open(fd);
        if (setenv(variable, number, 1) == 0)
            execv(self.path, self.argv);
        ngi_error_set(err, NGI_EFAIL, "%s: %s", self.path, strerror(errno));
        unsetenv(variable);
        each_descriptor(state, keep_private);
    }
    if (fd >= 0)
        close(fd);
    json_decref(state);
    return NGI_EFAIL;
}

int takeover_load(struct succession *succession, ngi_error *err)
{
    ngi_error why = { 0 };
    uint64_t fd = 0;
    json_t *state = NULL;
    if (!text_to_uint64(getenv(variable), &fd) || fd <= STDERR_FILENO || fd > INT_MAX) {
        ngi_error_set(&why, NGI_EPARSE, "%s names no descriptor", variable);
    } else {
        state = read_state((int)fd, &why);
        close((int)fd);
    }
    unsetenv(variable);
    if (!state || !load(succession, state, false, &why)) {
        forget(succession);
        each_descriptor(state, drop);
        json_decref(state);
        await_left_behind();
        return ngi_error_set(err, why.code,
                             "what the binary before has left cannot be read: %s; its workers end, and all begins anew",
                             why.text);
    }
    each_descriptor(state, keep_private);
    log_set_level(int_of(state, "log_level"));
    succession->made = (unsigned)int_of(state, "made");
    succession->forced = is_set(state, "forced");
    succession->ready = true;
    json_decref(state);
    const struct generation *serving = succession_find(succession, GENERATION_SERVES);
    if (serving) /* a reload that is refused does not change what is watched */
        succession->prepare(succession->arg, serving->settings);
    return NGI_OK;
}

bool takeover_begin_check(const char *number)
{
    uint64_t fd;
    if (!text_to_uint64(number, &fd) || fd <= STDERR_FILENO || fd > INT_MAX)
        return false;
    self.checked = (int)fd;
    return true;
}

bool takeover_is_check(void)
{
    return self.checked != 0;
}

bool takeover_check(void)
{
    struct succession succession = { 0 };
    ngi_error err = { 0 };
    json_t *state = read_state(self.checked, &err);
    bool good = state && load(&succession, state, true, &err);
    forget(&succession);
    json_decref(state);
    if (good)
        good = printf("postern %s %s", PACKAGE_VERSION, consent) > 0 && fflush(stdout) == 0;
    else
        log_line(NGI_LOG_ERROR, "what the running binary knows cannot be read: %s", err.text);
    return good;
}
