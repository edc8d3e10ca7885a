#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/ready_fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "net/listener.h"
#include "plugin/crash.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "proc/crew.h"
#include "proc/host.h"
#include "proc/ready.h"
#include "proc/sandbox.h"
#include "proc/signals.h"

enum { PROCESSES_MOST = 1024 };

/* What parent and children are to do. */
struct hosting {
    const struct settings *settings;
    struct plugin_file file;             /* the same code for every process, also for one that is started later */
    const char *mount;                   /* "" for the root, "/x"; NULL: not said on the command line */
    const struct plugin_settings *block; /* the plugin's; NULL: it has none, or its file does not tell its name */
    struct sandbox sandbox;              /* of the processes that run it */
    struct listeners listeners;
    unsigned processes;
    int ready_fd;
};

/* --- the socket ---------------------------------------------------------------------------------------------- */

/* Descriptor 0, as spawn-fcgi, lighttpd and FastCGI 1.0 section 2.2 hand it over. */
static int take_standard_input(struct listener *listener, ngi_error *err)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening)
        return ngi_error_set(err, NGI_EINVAL,
                             "--fastcgi -: standard input is no listening socket; start it by spawn-fcgi, or name "
                             "ADDR:PORT or a path");
    listener->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (listener->fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        fcntl(listener->fd, F_SETFL, fcntl(listener->fd, F_GETFL) | O_NONBLOCK) < 0)
        return ngi_error_set(err, NGI_EIO, "--fastcgi -: %s", strerror(errno));
    close(null);
    strcpy(listener->url, "descriptor 0");
    return NGI_OK;
}

/* Everything that is no ADDR:PORT is a path. */
static bool is_path(const char *where)
{
    return strchr(where, '/') || !strchr(where, ':');
}

static int open_socket(struct listener *listener, const char *where, int backlog, ngi_error *err)
{
    char address[256];
    *listener = (struct listener){ .fd = -1 };
    if (strcmp(where, "-") == 0)
        return take_standard_input(listener, err);
    bool prefixed = !text_has_prefix(where, "unix:") && is_path(where);
    if (snprintf(address, sizeof address, "%s%s", prefixed ? "unix:" : "", where) >= (int)sizeof address)
        return ngi_error_set(err, NGI_EINVAL, "--fastcgi: the path of a socket is shorter than that");
    int rc = listener_open(listener, address, backlog, err);
    if (rc == NGI_OK && text_has_prefix(listener->url, "http"))
        memcpy(listener->url, "fcgi", 4);
    return rc;
}

/* --- processes ----------------------------------------------------------------------------------------------- */

/* A path, as the settings have it: without a slash at its end, and "" for the root. NULL: it is none. */
static char *parse_mount(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    bool good = *text == '/' && !strstr(text, "//") && !strpbrk(text, "?#%");
    if (!good)
        log_line(NGI_LOG_ERROR, "--mount %s: write a path that begins with '/', as /app", text);
    return good ? strndup(text, n) : NULL;
}

/* Loads the plugin. Where nobody has said where it is mounted, it is the root, and the web server may say more. */
static bool load(struct registry *registry, const struct hosting *hosting, bool *ret_mounted, struct report *report)
{
    const char *mount = hosting->mount;
    *ret_mounted = mount || (hosting->block && hosting->block->mount);
    if (!mount && !*ret_mounted)
        mount = "";
    return registry_add(registry, &hosting->file, mount, hosting->settings, report);
}

static void announce(const struct registry *registry, bool mounted)
{
    const struct plugin *plugin = registry->plugins[0];
    log_line(NGI_LOG_INFO, "plugin %s %s at %s: %zu route%s", plugin->name,
             plugin->module->self.version ? plugin->module->self.version : "-",
             *plugin->mount ? plugin->mount
             : mounted      ? "/"
                            : "/, or where the web server says",
             plugin->route_count, plugin->route_count == 1 ? "" : "s");
}

/* The plugin's block, by the name that its file tells. A file that cannot be read is for the loader to refuse. */
static const struct plugin_settings *find_block(const struct hosting *hosting)
{
    struct facts *facts = NULL;
    const struct plugin_settings *block = NULL;
    ngi_error err;
    if (hosting->file.copy >= 0 && facts_read(hosting->file.copy, &facts, &err) == NGI_OK && facts->name)
        block = settings_plugin(hosting->settings, facts->name);
    facts_free(facts);
    return block;
}

/* What the plugin's processes may do is found out, and told, before there is one. */
static bool prepare_sandbox(struct hosting *hosting)
{
    struct buffer words;
    ngi_error err = { 0 };
    sandbox_from_settings(&hosting->sandbox, hosting->block ? hosting->block->name : "NAME", hosting->block);
    if (sandbox_prepare(&hosting->sandbox, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", err.text);
        return false;
    }
    buffer_init(&words, SIZE_MAX);
    if (sandbox_describe(&hosting->sandbox, &words) == NGI_OK)
        log_line(NGI_LOG_INFO, "its processes: %.*s", (int)words.length, words.data);
    buffer_free(&words);
    return true;
}

/* In the child, before any code of the plugin. */
static bool enter_sandbox(const struct hosting *hosting, int ready_fd)
{
    const int keep[] = { STDOUT_FILENO, STDERR_FILENO, hosting->listeners.all[0].fd, hosting->file.copy, ready_fd };
    ngi_error err = { 0 };
    if (sandbox_enter(&hosting->sandbox, keep, sizeof keep / sizeof *keep, &err) == NGI_OK)
        return true;
    log_line(NGI_LOG_ERROR, "%s", err.text);
    return false;
}

static int be_host(void *arg, int ready_fd, bool first)
{
    const struct hosting *hosting = arg;
    struct report report = { 0 };
    struct registry *registry = registry_new();
    struct host_config config = { .settings = hosting->settings, .processes = hosting->processes };
    struct host *host = NULL;
    signals_leave_children();
    crash_watch(autopsy_request); /* static constructors run while a plugin is loaded */
    if (!registry)
        log_line(NGI_LOG_ERROR, "out of memory");
    else if (enter_sandbox(hosting, ready_fd) && load(registry, hosting, &config.mounted, &report))
        host = host_start(registry, &config);
    report_log(&report);
    if (host) {
        if (first)
            announce(registry, config.mounted);
        log_set_stamp(true);
        (void)file_write_all(ready_fd, "", 1);
        close(ready_fd);
        host_accept(host, hosting->listeners.all[0].fd);
        host_end(host);
    }
    registry_free(registry);
    report_free(&report);
    return host ? 0 : EXIT_REFUSED;
}

static void tell_ready(void *arg)
{
    struct hosting *hosting = arg;
    ngi_error err = { 0 };
    log_line(NGI_LOG_INFO, "listening on %s, %u process%s", hosting->listeners.all[0].url, hosting->processes,
             hosting->processes == 1 ? "" : "es");
    log_set_stamp(true);
    if (ready_tell(hosting->ready_fd, &hosting->listeners, &err) != NGI_OK)
        log_line(NGI_LOG_WARNING, "%s", err.text);
    hosting->ready_fd = -1; /* closed; its number may be another's by the time a child is replaced */
}

static int host(struct hosting *hosting, const char *where)
{
    struct listener listener;
    ngi_error err = { 0 };
    signals_block();
    if (open_socket(&listener, where, (int)hosting->settings->backlog, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", err.text);
        return EXIT_REFUSED;
    }
    hosting->listeners = (struct listeners){ &listener, 1 };
    hosting->block = find_block(hosting);
    const struct crew crew = { hosting->processes, be_host, tell_ready, hosting, hosting->settings->grace };
    int status = prepare_sandbox(hosting) ? crew_run(&crew) : EXIT_REFUSED;
    sandbox_release(&hosting->sandbox);
    listener_close(&listener);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

static bool parse_processes(const char *text, unsigned *ret)
{
    uint64_t number = 1;
    bool good = !text || (text_to_uint64(text, &number) && number >= 1 && number <= PROCESSES_MOST);
    if (!good)
        log_line(NGI_LOG_ERROR, "--processes %s: write a number from 1 to %d", text, PROCESSES_MOST);
    *ret = (unsigned)number;
    return good;
}

int command_host(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct settings *settings = NULL;
    struct hosting hosting = { .ready_fd = -1, .file.copy = -1 };
    char *mount = NULL;
    int status = EXIT_USAGE;
    if (!arguments_parse(&arguments, command, argc, argv, 1, 1)) {
        status = arguments.status;
    } else if (!arguments_get(&arguments, "--fastcgi")) {
        log_line(NGI_LOG_ERROR, "host: --fastcgi SOCKET is missing: ADDR:PORT, a path, or - for descriptor 0");
        command_usage(command, true);
    } else if (parse_processes(arguments_get(&arguments, "--processes"), &hosting.processes) &&
               ready_fd_parse(arguments_get(&arguments, "--ready-fd"), &hosting.ready_fd) &&
               (!arguments_get(&arguments, "--mount") ||
                (mount = parse_mount(arguments_get(&arguments, "--mount"))) != NULL)) {
        status = EXIT_REFUSED;
        /* On a thread of its own a handler can be told that the web server has given up. */
        settings = arguments_settings(&arguments, "run=thread");
        if (settings)
            settings_run_here(settings);
        hosting.settings = settings;
        hosting.mount = mount;
        if (settings && !plugin_file_take(&hosting.file, arguments.rest[0]))
            log_line(NGI_LOG_ERROR, "out of memory");
        else if (settings)
            status = host(&hosting, arguments_get(&arguments, "--fastcgi"));
    }
    plugin_file_release(&hosting.file);
    free(mount);
    settings_free(settings);
    arguments_free(&arguments);
    return status;
}
