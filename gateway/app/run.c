#include "app/command.h"

#include <stdbool.h>

#include "app/arguments.h"
#include "app/compile.h"
#include "app/ready_fd.h"
#include "base/log.h"
#include "base/text.h"
#include "plugin/crash.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "proc/worker.h"

/* Loads what there is to serve, compiling it first if need be. What was compiled is removed as soon as it is loaded:
 * the gateway runs from a copy in memory, and a crash must not leave files behind. */
static bool load(struct registry *registry, const char *path, const struct settings *settings, struct report *report)
{
    struct compiled compiled;
    if (!text_has_suffix(path, ".c"))
        return registry_add(registry, path, "", settings, report);
    if (compile_plugin(path, &compiled) < 0)
        return false;
    bool good = registry_add(registry, compiled.path, "", settings, report);
    compile_remove(&compiled);
    return good;
}

static int run(const char *path, const struct settings *settings, int ready_fd)
{
    struct report report = { 0 };
    struct registry *registry = registry_new();
    int status = EXIT_REFUSED;
    crash_watch(autopsy_request); /* static constructors run while a plugin is loaded */
    if (!registry)
        log_line(NGI_LOG_ERROR, "out of memory");
    else if (load(registry, path, settings, &report))
        status = worker_run(settings, registry, ready_fd);
    report_log(&report);
    registry_free(registry);
    report_free(&report);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct settings *settings = NULL;
    int ready_fd = -1;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 1, 1)) {
        status = arguments.status;
    } else if (!ready_fd_parse(arguments_get(&arguments, "--ready-fd"), &ready_fd)) {
        status = EXIT_USAGE;
    } else {
        settings = arguments_settings(&arguments, "debug=on");
        if (settings) {
            log_set_level(NGI_LOG_DEBUG);
            status = run(arguments.rest[0], settings, ready_fd);
        }
    }
    settings_free(settings);
    arguments_free(&arguments);
    return status;
}
