#include "app/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/arguments.h"
#include "app/replay.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "http/head.h"
#include "plugin/call.h"
#include "plugin/crash.h"
#include "plugin/host.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "run/dispatch.h"
#include "run/lane.h"
#include "run/runner.h"
#include "run/solo.h"
#include "run/stream.h"
#include "run/task.h"

enum { BLOCK = 32 * 1024, DATA_MOST = 1024 * 1024 * 1024 };

/* --- the request ----------------------------------------------------------------------------------------------- */

/* The argument of --data: text, or a file after '@'. */
static bool read_data(const char *argument, char **ret_data, size_t *ret_length)
{
    if (*argument != '@') {
        *ret_data = strdup(argument);
        *ret_length = strlen(argument);
        return *ret_data != NULL;
    }
    int rc = file_read(argument + 1, DATA_MOST, ret_data, ret_length);
    if (rc < 0)
        log_line(NGI_LOG_ERROR, "--data %s: %s", argument, strerror(-rc));
    return rc == 0;
}

/* 'Name: value' into a request header. */
static bool add_header(struct request *request, const char *line)
{
    size_t name = strcspn(line, ":");
    const char *value = line + name + (line[name] == ':');
    value += strspn(value, " \t");
    if (!line[name] || !field_is_token(line, name) || !field_is_value(value, strlen(value))) {
        log_line(NGI_LOG_ERROR, "-H \"%s\": write 'Name: value'", line);
        return false;
    }
    char *own = arena_copy(&request->arena, line, name);
    if (own)
        request_add_header(request, own, name, value, strlen(value));
    return own != NULL;
}

static bool add_headers(struct request *request, const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->given_count; i++)
        if (strcmp(arguments->given[i].option->name, "--header") == 0 &&
            !add_header(request, arguments->given[i].value))
            return false;
    return true;
}

/* Puts the request together from the command line. 0, or an exit status. */
static int make_request(struct request *request, const struct arguments *arguments, const struct settings *settings)
{
    static const struct peer peer = { "127.0.0.1", "127.0.0.1", 0, 0, "http" };
    const char *why = "out of memory", *data = arguments_get(arguments, "--data");
    char *bytes = NULL;
    size_t length = 0;
    int rc = request_begin(request, &peer, arguments->rest[1], arguments->rest[2], "HTTP/1.1", &why);
    if (!field_is_token(arguments->rest[1], strlen(arguments->rest[1])))
        why = "the method is no token", rc = NGI_EINVAL;
    if (rc != NGI_OK) {
        log_line(NGI_LOG_ERROR, "call: %s %s: %s", arguments->rest[1], arguments->rest[2], why);
        return EXIT_USAGE;
    }
    if (!add_headers(request, arguments))
        return EXIT_USAGE;
    if (!request_header(request, "Host"))
        (void)add_header(request, "Host: localhost");
    if (!data)
        return 0;
    if (!read_data(data, &bytes, &length))
        return EXIT_REFUSED;
    const struct body_limits limits = { SIZE_MAX / 2, (size_t)settings->body_memory, settings->spool };
    rc = body_append(&request->body, &limits, bytes, length);
    free(bytes);
    char line[64];
    snprintf(line, sizeof line, "Content-Length: %zu", length);
    char *own = rc == NGI_OK ? arena_string(&request->arena, line) : NULL;
    if (!own || !add_header(request, own))
        return EXIT_REFUSED;
    /* As curl does. */
    if (!request_header(request, "Content-Type"))
        (void)add_header(request, "Content-Type: application/x-www-form-urlencoded");
    return 0;
}

/* --- the response ---------------------------------------------------------------------------------------------- */

static bool print_head(const struct request *request)
{
    struct buffer head;
    buffer_init(&head, SIZE_MAX);
    bool good = head_write(&head, "HTTP/1.1", request) == NGI_OK;
    if (good)
        good = fwrite(head.data, 1, head.length, stdout) == head.length;
    buffer_free(&head);
    return fflush(stdout) == 0 && good;
}

static bool print_file(struct response *response, char *block)
{
    int64_t left = response->length;
    while (left > 0) {
        ssize_t n = pread(response->fd, block, left < BLOCK ? (size_t)left : BLOCK,
                          (off_t)(response->offset + response->length - left));
        if (n <= 0)
            return false;
        fwrite(block, 1, (size_t)n, stdout);
        left -= n;
    }
    return true;
}

/* Waits where net/ would suspend the connection. */
static bool print_stream(struct task *task, char *block)
{
    int64_t n;
    while ((n = stream_take(task, block, BLOCK)) != STREAM_END) {
        if (n == STREAM_CUT)
            return false;
        if (n == STREAM_LATER) {
            solo_wait(task->client_arg);
            continue;
        }
        fwrite(block, 1, (size_t)n, stdout);
        fflush(stdout); /* as it comes */
    }
    return true;
}

static bool print_response(struct task *task)
{
    struct request *request = task->request;
    struct response *response = &request->response;
    char block[BLOCK];
    bool good = print_head(request);
    if (head_stands_alone(request))
        return good;
    switch (response->kind) {
    case RESPONSE_TEXT:
        if (response->text.length > 0) /* fwrite takes no NULL, not even of length 0 */
            good &= fwrite(response->text.data, 1, response->text.length, stdout) == response->text.length;
        break;
    case RESPONSE_FILE: good &= print_file(response, block); break;
    case RESPONSE_STREAM: good &= print_stream(task, block); break;
    }
    return fflush(stdout) == 0 && good;
}

/* --------------------------------------------------------------------------------------------------------------- */

/* Where to mount the plugin: at /NAME if the path is there, as under serve (NULL); else at /, as under run. A file that
 * cannot be read, or does not tell its name, is for the loader to refuse. */
static const char *choose_mount(const char *file, const char *path)
{
    struct facts *facts = NULL;
    ngi_error err;
    bool under = false;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && facts_read(fd, &facts, &err) == NGI_OK && facts->name) {
        size_t n = strlen(facts->name);
        under = *path == '/' && strncmp(path + 1, facts->name, n) == 0 && strchr("/?", path[n + 1]) != NULL;
    }
    facts_free(facts);
    if (fd >= 0)
        close(fd);
    return under ? NULL : "";
}

static int call(const struct arguments *arguments, const struct settings *settings, const struct registry *registry,
                const struct transcript *replay)
{
    struct peer peer;
    struct dispatch dispatch = dispatch_for(registry, settings);
    struct task *task = task_take(dispatch.max_response);
    struct solo solo = { -1 };
    ngi_error err = { 0 };
    if (!task || solo_open(&solo, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", task ? err.text : "out of memory");
        if (task)
            task_end(task);
        return EXIT_REFUSED;
    }
    dispatch.debug = true;
    solo_attach(&solo, task);
    struct request *request = task->request;
    int status = 0;
    if (!replay)
        status = make_request(request, arguments, settings);
    else if (!replay_fill(request, replay, &peer, arguments, settings))
        status = EXIT_REFUSED;
    else if (!add_headers(request, arguments))
        status = EXIT_USAGE;
    if (status == 0) {
        if (dispatch_route(&dispatch, request) == 0)
            solo_run(&solo, task, &dispatch); /* nobody cancels it */
        bool printed = print_response(task);
        status = printed && request->route && request->response.status < 500 ? 0 : EXIT_REFUSED;
    }
    task_end(task);
    lanes_stop(registry); /* waits for what goes on in the background */
    task_thread_end();
    solo_close(&solo);
    return status;
}

/* Where --replay finds the plugin mounted as it was, the request finds its route. */
static const char *mount_for(const struct arguments *arguments, const struct transcript *replay)
{
    if (!replay)
        return choose_mount(arguments->rest[0], arguments->rest[2]);
    return replay->facts.mount ? replay->facts.mount : choose_mount(arguments->rest[0], replay->target);
}

/* `replay`: the request; NULL: it is in the arguments. */
static int load_and_call(const struct arguments *arguments, const struct settings *settings,
                         const struct transcript *replay)
{
    struct report report = { 0 };
    struct registry *registry = registry_new();
    int status = EXIT_REFUSED;
    struct plugin_file file;
    ngi_error err = { 0 };
    host_set_run_flags(NGI_RUN_ONCE);
    host_set_runner(&task_runner);
    crash_watch(autopsy_request);
    if (!plugin_file_take(&file, arguments->rest[0]) || !registry)
        log_line(NGI_LOG_ERROR, "out of memory");
    else if (registry_add(registry, &file, mount_for(arguments, replay), settings, &report) &&
             registry_start(registry, &report)) {
        if (lanes_start(registry, settings, &err) == NGI_OK)
            status = call(arguments, settings, registry, replay);
        else
            log_line(NGI_LOG_ERROR, "%s", err.text);
        lanes_stop(registry);
    }
    report_log(&report);
    call_thread_end();
    if (registry)
        registry_stop(registry);
    registry_free(registry);
    plugin_file_release(&file);
    report_free(&report);
    return status;
}

/* A request is given once: by METHOD, PATH and --data, or by --replay. */
static bool is_whole(const struct arguments *arguments)
{
    bool replay = arguments_has(arguments, "--replay");
    if (!replay && arguments->rest_count < 3)
        log_line(NGI_LOG_ERROR, "call: an argument is missing");
    else if (replay && arguments->rest_count > 1)
        log_line(NGI_LOG_ERROR, "call: one argument too many: %s; the request is in the file of --replay",
                 arguments->rest[1]);
    else if (replay && arguments_has(arguments, "--data"))
        log_line(NGI_LOG_ERROR, "call: --data: the body is in the file of --replay");
    else
        return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_call(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct settings *settings = NULL;
    struct transcript *replay = NULL;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 1, 3)) {
        status = arguments.status;
    } else if (!is_whole(&arguments)) {
        command_usage(command, true);
        status = EXIT_USAGE;
    } else if ((settings = arguments_settings(&arguments, "timeout=0")) != NULL) {
        settings_run_here(settings);
        const char *file = arguments_get(&arguments, "--replay");
        if (file)
            replay = replay_load(file, arguments.rest[0], &arguments);
        if (!file || replay)
            status = load_and_call(&arguments, settings, replay);
    }
    transcript_free(replay);
    settings_free(settings);
    arguments_free(&arguments);
    return status;
}
