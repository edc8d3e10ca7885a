#include "app/command.h"

#include "app/arguments.h"
#include "app/compile.h"
#include "app/ready_fd.h"
#include "base/log.h"
#include "base/text.h"
#include "plugin/registry.h"
#include "proc/worker.h"

static int serve_one(const char *path, const struct settings *settings, int ready_fd)
{
    struct report report = { 0 };
    struct registry *registry = registry_new();
    int status = EXIT_REFUSED;
    if (!registry)
        log_line(NGI_LOG_ERROR, "out of memory");
    else if (!registry_add(registry, path, "", settings, &report))
        report_log(&report);
    else
        status = worker_run(settings, registry, ready_fd);
    registry_free(registry);
    report_free(&report);
    return status;
}

static int run(const char *path, const struct settings *settings, int ready_fd)
{
    struct compiled compiled;
    if (!text_has_suffix(path, ".c"))
        return serve_one(path, settings, ready_fd);
    if (compile_plugin(path, &compiled) < 0)
        return EXIT_REFUSED;
    int status = serve_one(compiled.path, settings, ready_fd);
    compile_remove(&compiled);
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
