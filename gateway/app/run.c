#include "app/command.h"

#include <stdbool.h>

#include "app/arguments.h"
#include "app/compile.h"
#include "app/ready_fd.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/supervisor.h"
#include "proc/takeover.h"

static struct settings *read_settings(void *arguments, struct report *report)
{
    static const char *const presets[] = { "debug=on", "watch=on", NULL };
    struct settings *settings = arguments_load(arguments, presets, report);
    log_set_level(NGI_LOG_DEBUG);
    return settings;
}

/* What there is to serve, compiled first if need be. What was compiled is removed as soon as it is copied: a crash must
 * not leave files behind. */
static bool collect(void *arg, const struct settings *settings, struct bundle *bundle, struct report *report)
{
    (void)settings;
    const struct arguments *arguments = arg;
    const char *path = arguments->rest[0];
    struct compiled compiled;
    bundle->at_root = true;
    if (!text_has_suffix(path, ".c"))
        return bundle_add(bundle, path, report);
    if (compile_plugin(path, &compiled, report) < 0)
        return false;
    bool good = bundle_add(bundle, compiled.path, report);
    compile_remove(&compiled);
    return good;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int ready_fd = -1;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 1, 1)) {
        status = arguments.status;
    } else if (!ready_fd_parse(arguments_get(&arguments, "--ready-fd"), &ready_fd)) {
        status = EXIT_USAGE;
    } else if (takeover_is_check()) {
        status = takeover_check() ? 0 : EXIT_REFUSED;
    } else {
        const struct recipe recipe = { read_settings, collect, &arguments, false, arguments.rest[0], NULL };
        status = supervisor_run(&recipe, ready_fd);
    }
    arguments_free(&arguments);
    return status;
}
