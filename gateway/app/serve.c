#include "app/command.h"

#include <stdio.h>

#include "app/arguments.h"
#include "app/ready_fd.h"
#include "proc/supervisor.h"
#include "proc/takeover.h"

static struct settings *read_settings(void *arguments, struct report *report)
{
    return arguments_load(arguments, NULL, report);
}

static bool collect(void *unused, const struct settings *settings, struct bundle *bundle, struct report *report)
{
    (void)unused;
    return bundle_add_directory(bundle, settings->plugins, report);
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_serve(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int ready_fd = -1;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 0, 0)) {
        status = arguments.status;
    } else if (arguments_has(&arguments, "--settings")) {
        settings_describe(stdout);
        status = 0;
    } else if (!ready_fd_parse(arguments_get(&arguments, "--ready-fd"), &ready_fd)) {
        status = EXIT_USAGE;
    } else if (takeover_is_check()) {
        status = takeover_check() ? 0 : EXIT_REFUSED;
    } else {
        const struct recipe recipe = { read_settings,
                                       collect,
                                       &arguments,
                                       true,
                                       arguments_get(&arguments, "--config"),
                                       "nothing is served until that is mended "
                                       "(postern check tries configuration and plugins)" };
        status = supervisor_run(&recipe, ready_fd);
    }
    arguments_free(&arguments);
    return status;
}
