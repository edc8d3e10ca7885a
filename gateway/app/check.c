#include "app/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "app/arguments.h"
#include "base/log.h"
#include "conf/settings_warn.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "plugin/registry.h"
#include "proc/sandbox.h"
#include "proc/trial.h"

enum { TRIAL_MS = 30 * 1000 };

/* --- in the throwaway process --------------------------------------------------------------------------------- */

/* What it writes, a line each: 'S' the step it begins, 'E' a mistake, 'N' the plugin's name, 'M' its mount point. */

struct attempt {
    const struct plugin_file *file;
    const struct settings *settings;
};

/* A plugin's words may have line ends in them. */
static const char *one_line(char *text)
{
    for (char *end = text; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    return text;
}

static void try_thread(struct plugin *plugin, int fd, struct report *report)
{
    ngi_error err = { 0 };
    dprintf(fd, "Sin thread_init\n");
    int rc = call_thread_init(plugin, &err);
    if (rc < 0)
        report_add(report, "%s: plugin %s: thread_init failed: %s", plugin->module->path, plugin->name,
                   err.text[0] ? err.text : ngi_strerror(rc));
    dprintf(fd, "Sin thread_fini\n");
    call_thread_end();
}

static void try_plugin(void *arg, int fd)
{
    const struct attempt *attempt = arg;
    struct report report = { 0 };
    host_set_run_flags(NGI_RUN_ONCE);
    dprintf(fd, "Swhile it was linked (static constructors) or in its entry function\n");
    struct plugin *plugin = plugin_load(attempt->file, NULL, attempt->settings, &report);
    if (plugin) {
        dprintf(fd, "N%s\nM%s\nSin init\n", plugin->name, plugin->mount);
        if (plugin_start(plugin, &report)) {
            try_thread(plugin, fd, &report);
            dprintf(fd, "Sin fini\n");
            plugin_stop(plugin);
        }
    }
    for (size_t i = 0; i < report.count; i++)
        dprintf(fd, "E%s\n", one_line(report.lines[i]));
    report_free(&report);
    plugin_free(plugin);
}

/* --- in ours --------------------------------------------------------------------------------------------------- */

struct finding {
    const char *name, *mount, *step;
    bool mistaken;
};

static void read_output(char *output, struct finding *finding, struct report *report)
{
    char *rest = output;
    for (char *line; rest && (line = strsep(&rest, "\n")) != NULL;)
        switch (*line) {
        case 'S': finding->step = line + 1; break;
        case 'N': finding->name = line + 1; break;
        case 'M': finding->mount = line + 1; break;
        case 'E':
            report_add(report, "%s", line + 1);
            finding->mistaken = true;
            break;
        }
}

/* Whether this machine can do what the plugin's block asks for. It is tried without. */
static bool check_sandbox(const char *path, const struct plugin_settings *block, struct report *report)
{
    struct sandbox sandbox;
    ngi_error err = { 0 };
    if (!block || !settings_confines(block))
        return true;
    sandbox_from_settings(&sandbox, block->name, block);
    int rc = sandbox_prepare(&sandbox, &err);
    sandbox_release(&sandbox);
    if (rc != NGI_OK)
        report_add(report, "%s: %s", path, err.text);
    return rc == NGI_OK;
}

/* Tries one plugin; what is wrong with it goes to the report. */
static bool check_plugin(const struct plugin_file *file, const struct settings *settings, struct claims *claims,
                         struct report *report)
{
    struct attempt attempt = { file, settings };
    const char *path = file->path;
    struct finding finding = { .step = "before it was opened" };
    struct trial trial;
    trial_run(&trial, try_plugin, &attempt, TRIAL_MS);
    int error = errno;
    read_output(trial.output, &finding, report);
    bool good = trial.end == TRIAL_DONE && !finding.mistaken;
    switch (trial.end) {
    case TRIAL_DONE: break;
    case TRIAL_CRASHED:
        report_add(report, "%s: crashed %s: %s; gdb --args postern call %s GET / shows where", path, finding.step,
                   strsignal(WTERMSIG(trial.status)), path);
        break;
    case TRIAL_EXITED:
        report_add(report, "%s: called exit(%d) %s: a plugin must not end the process it runs in", path,
                   WEXITSTATUS(trial.status), finding.step);
        break;
    case TRIAL_HUNG:
        report_add(report, "%s: did not return within %d s %s; postern serve would wait for it", path,
                   TRIAL_MS / 1000, finding.step);
        break;
    case TRIAL_FAILED: report_add(report, "%s: no process to try it in: %s", path, strerror(error)); break;
    }
    if (good)
        good = check_sandbox(path, settings_plugin(settings, finding.name), report) &&
               claims_add(claims, path, finding.name, finding.mount, report);
    free(trial.output);
    return good;
}

static int check(const struct settings *settings)
{
    struct report report = { 0 };
    struct claims claims = { 0 };
    struct bundle bundle = { 0 };
    bool good = bundle_add_directory(&bundle, settings->plugins, &report);
    settings_warn(settings);
    for (size_t i = 0; i < bundle.count; i++)
        good &= check_plugin(&bundle.all[i], settings, &claims, &report);
    if (good)
        good = claims_match(&claims, settings, &report);
    report_log(&report);
    if (good)
        printf("%zu plugin%s in %s: good\n", bundle.count, bundle.count == 1 ? "" : "s", settings->plugins);
    bundle_free(&bundle);
    claims_free(&claims);
    report_free(&report);
    return good ? 0 : EXIT_REFUSED;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_check(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct settings *settings = NULL;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 0, 0))
        status = arguments.status;
    else if ((settings = arguments_settings(&arguments, NULL)) == NULL)
        status = EXIT_REFUSED;
    else if (arguments_has(&arguments, "--print"))
        status = settings_print(settings, stdout) == NGI_OK ? 0 : EXIT_REFUSED;
    else
        status = check(settings);
    settings_free(settings);
    arguments_free(&arguments);
    return status;
}
