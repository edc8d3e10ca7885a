#include "app/command.h"

#include <stdio.h>

#include "app/arguments.h"
#include "app/ready_fd.h"
#include "base/log.h"
#include "plugin/crash.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "proc/worker.h"

static int serve(const struct settings *settings, int ready_fd)
{
    struct report report = { 0 };
    struct registry *registry = registry_new();
    int status = EXIT_REFUSED;
    crash_watch(autopsy_request); /* static constructors run while a plugin is loaded */
    if (!registry) {
        log_line(NGI_LOG_ERROR, "out of memory");
    } else if (!registry_load(registry, settings, &report)) {
        report_log(&report);
        log_line(NGI_LOG_ERROR, "nothing is served until that is mended (postern check tells the same)");
    } else {
        if (registry->count == 0)
            log_line(NGI_LOG_WARNING, "%s holds no plugin (*.so): every request will be a 404", settings->plugins);
        status = worker_run(settings, registry, ready_fd);
    }
    registry_free(registry);
    report_free(&report);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_serve(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct settings *settings = NULL;
    int ready_fd = -1;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 0, 0)) {
        status = arguments.status;
    } else if (arguments_has(&arguments, "--settings")) {
        settings_describe(stdout);
        status = 0;
    } else if (!ready_fd_parse(arguments_get(&arguments, "--ready-fd"), &ready_fd)) {
        status = EXIT_USAGE;
    } else {
        settings = arguments_settings(&arguments, NULL);
        if (settings)
            status = serve(settings, ready_fd);
    }
    settings_free(settings);
    arguments_free(&arguments);
    return status;
}
