#include "proc/nursery.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "plugin/description.h"
#include "plugin/facts.h"
#include "plugin/rung.h"
#include "proc/zygote.h"
#include "run/hosts.h"
#include "run/reactor.h"

/* A file of the bundle that has a zygote, or may need one. */
struct nursling {
    struct zygote_brief brief;
    char *name; /* what the brief has */
    struct zygote *zygote;
    struct plugin *plugin; /* the registry's */
    struct hosts *hosts;
    bool serves;
};

struct nursery {
    const struct settings *settings;
    struct nursling *all; /* by the index in the bundle; most have no zygote */
    size_t count;
    bool reactor; /* it has been started */
};

static int grace_ms(const struct settings *settings)
{
    return (int)(settings->grace * 1000);
}

/* --- loading ------------------------------------------------------------------------------------------------- */

/* Begins a zygote, of a plugin that goes by `name`. False with the reason in `report`. */
static bool begin(struct nursling *nursling, const struct settings *settings, const struct bundle *bundle,
                  const struct plugin_file *file, const char *name, struct report *report)
{
    nursling->name = strdup(name);
    if (!nursling->name) {
        report_add(report, "%s: out of memory", file->path);
        return false;
    }
    nursling->brief = (struct zygote_brief){
        .settings = settings,
        .name = nursling->name,
        .file = file,
        .mount = bundle->at_root ? "" : NULL,
    };
    nursling->zygote = zygote_new(&nursling->brief, report);
    return nursling->zygote != NULL;
}

static void let_go(struct nursling *nursling, const struct settings *settings)
{
    zygote_free(nursling->zygote, grace_ms(settings));
    free(nursling->name);
    *nursling = (struct nursling){ 0 };
}

/* What can be known of the files without running any of their code. */
struct known {
    struct facts **all; /* by the index in the bundle; NULL: the file cannot be read */
    size_t count;
    bool named; /* all files tell a name */
};

static bool is_named(const struct known *known, const char *name)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->all[i] && known->all[i]->name && strcmp(known->all[i]->name, name) == 0)
            return true;
    return false;
}

static void known_free(struct known *known)
{
    for (size_t i = 0; i < known->count; i++)
        facts_free(known->all[i]);
    free(known->all);
}

/* Whether the settings have calls of a file that has no name run in host processes: of every plugin, or of one whose
 * name no file has. */
static bool may_be_meant(const struct settings *settings, const struct known *known)
{
    bool may = settings->run == RUN_PROCESS;
    for (size_t i = 0; i < settings->plugin_count; i++)
        may |= rung_says_process(&settings->plugin[i]) && !is_named(known, settings->plugin[i].name);
    return may;
}

/* Begins a zygote for a file that needs one. A file that cannot be read is left to who loads it here, and says why. */
static bool begin_expected(struct nursling *nursling, const struct settings *settings, const struct bundle *bundle,
                           size_t index, const struct known *known, struct report *report)
{
    const struct plugin_file *file = &bundle->all[index];
    const struct facts *facts = known->all[index];
    if (!facts || !facts->has_entry || rung_expect_hosts(settings, facts, file->quarantine) == HOSTS_FOR_NONE)
        return true;
    if (facts->name)
        return begin(nursling, settings, bundle, file, facts->name, report);
    if (!may_be_meant(settings, known))
        return true;
    report_add(report,
               "%s: it does not say its name but by running its code, and where that is to run depends on the name: "
               "build it with NGI_PLUGIN or NGI_PLUGIN_FULL",
               file->path);
    return false;
}

/* Reads what the files tell. Where all tell a name, a block for none of them is found out before any code has run: it
 * may be there to confine a plugin that has changed its name. */
static bool read_files(struct known *known, const struct settings *settings, const struct bundle *bundle,
                       struct report *report)
{
    bool good = true;
    *known = (struct known){ .named = true };
    known->all = calloc(bundle->count + 1, sizeof *known->all);
    if (!known->all) {
        report_add(report, "out of memory");
        return false;
    }
    for (; known->count < bundle->count; known->count++) {
        struct facts **facts = &known->all[known->count];
        ngi_error err = { 0 };
        if (bundle->all[known->count].copy >= 0)
            (void)facts_read(bundle->all[known->count].copy, facts, &err); /* untouched if it cannot */
        known->named &= *facts && (*facts)->name;
    }
    for (size_t i = 0; known->named && i < settings->plugin_count; i++)
        if (!is_named(known, settings->plugin[i].name)) {
            claims_refuse_block(&settings->plugin[i], settings, report);
            good = false;
        }
    return good;
}

/* What a zygote tells becomes a plugin: all of it, or beside one that is loaded here for the routes that run here. */
static bool finish(struct nursling *nursling, struct registry *registry, const struct settings *settings,
                   const struct bundle *bundle, const struct plugin_file *file, struct report *report)
{
    const char *mount = bundle->at_root ? "" : NULL;
    struct description description = { 0 };
    if (!zygote_await_loaded(nursling->zygote, &description, report))
        return false;
    struct plugin *plugin = plugin_load_described(file, &description, mount, settings, report);
    description_free(&description);
    if (!plugin)
        return false;
    bool wants = plugin_wants_hosts(plugin), only = plugin_is_hosts_only(plugin);
    if (!wants)
        let_go(nursling, settings);
    if (only && !registry_take(registry, plugin, report))
        return false;
    if (!only) {
        plugin_free(plugin);
        if (!registry_add(registry, file, mount, settings, report))
            return false;
        plugin = registry->plugins[registry->count - 1];
    }
    if (!wants)
        return true;
    nursling->plugin = plugin;
    return true;
}

/* A file that has no zygote. Quarantine cannot move one that does not say its name, and must not end what serves. */
static bool load_here(struct registry *registry, const struct settings *settings, const struct bundle *bundle,
                      const struct plugin_file *file, struct report *report)
{
    struct plugin_file here = *file;
    if (here.quarantine)
        log_line(NGI_LOG_WARNING,
                 "%s: in quarantine, but in the gateway itself: it does not say its name but by running its code; "
                 "build it with NGI_PLUGIN or NGI_PLUGIN_FULL",
                 file->path);
    here.quarantine = NULL;
    return registry_add(registry, &here, bundle->at_root ? "" : NULL, settings, report);
}

/* --- serving ------------------------------------------------------------------------------------------------- */

static struct hosts *make_hosts(const struct nursling *nursling, const struct settings *settings)
{
    const struct plugin *plugin = nursling->plugin;
    const struct plugin_settings *block = plugin->settings;
/* -1 is "not set here". */
#define SETTLED(member) (block && block->member >= 0 ? block->member : settings->member)
    struct hosts_limits limits = {
        .plugin = plugin->name,
        .most = plugin->hosts_most,
        .spare = (unsigned)SETTLED(spare_hosts),
        .max_requests = (uint64_t)SETTLED(max_requests),
        .max_rss = (uint64_t)SETTLED(max_rss),
        .kill_after_us = (int64_t)(SETTLED(kill_after) * 1e6),
        .grace_us = (int64_t)(settings->grace * 1e6),
    };
#undef SETTLED
    /* One queue for all: as long as the longest that its routes may have. */
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].run == RUN_PROCESS && plugin->routes[i].queue > limits.queue)
            limits.queue = plugin->routes[i].queue;
    return hosts_new(&limits, &zygote_source, nursling->zygote);
}

/* Before the lanes of its routes, which look for them. */
static bool give_hosts(struct nursery *nursery, struct report *report)
{
    for (size_t i = 0; i < nursery->count; i++) {
        struct nursling *nursling = &nursery->all[i];
        if (!nursling->zygote)
            continue;
        nursling->hosts = nursling->plugin->hosts = make_hosts(nursling, nursery->settings);
        if (!nursling->hosts) {
            report_add(report, "plugin %s: out of memory", nursling->plugin->name);
            return false;
        }
    }
    return true;
}

static bool has_zygotes(const struct nursery *nursery)
{
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->all[i].zygote)
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct nursery *nursery_new(const struct settings *settings)
{
    struct nursery *nursery = calloc(1, sizeof *nursery);
    if (nursery)
        nursery->settings = settings;
    return nursery;
}

bool nursery_load(struct nursery *nursery, struct registry *registry, const struct bundle *bundle,
                  struct report *report)
{
    const struct settings *settings = nursery->settings;
    bool good = true;
    nursery->all = calloc(bundle->count + 1, sizeof *nursery->all);
    if (!nursery->all) {
        report_add(report, "out of memory");
        return false;
    }
    nursery->count = bundle->count;
    struct known known;
    good = read_files(&known, settings, bundle, report);
    for (size_t i = 0; good && i < bundle->count; i++)
        good &= begin_expected(&nursery->all[i], settings, bundle, i, &known, report);
    known_free(&known);
    if (!good) /* nothing has been loaded yet, and nothing need be */
        return false;
    /* In the order of the bundle, so that of two that are in each other's way it is always the same that is refused. */
    for (size_t i = 0; i < bundle->count; i++)
        if (nursery->all[i].zygote)
            good &= finish(&nursery->all[i], registry, settings, bundle, &bundle->all[i], report);
        else
            good &= load_here(registry, settings, bundle, &bundle->all[i], report);
    /* A block for a plugin that was refused above is not a second mistake. */
    return good && claims_match(&registry->claims, settings, report) && give_hosts(nursery, report);
}

void nursery_begin_init(struct nursery *nursery)
{
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->all[i].zygote)
            zygote_begin_init(nursery->all[i].zygote);
}

bool nursery_await_init(struct nursery *nursery, struct report *report)
{
    bool good = true;
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->all[i].zygote)
            good &= zygote_await_init(nursery->all[i].zygote, report);
    return good;
}

bool nursery_serve(struct nursery *nursery, struct report *report)
{
    ngi_error err = { 0 };
    if (!has_zygotes(nursery))
        return true;
    if (reactor_start(&err) != NGI_OK) {
        report_add(report, "%s", err.text);
        return false;
    }
    nursery->reactor = true;
    for (size_t i = 0; i < nursery->count; i++) {
        struct nursling *nursling = &nursery->all[i];
        if (!nursling->zygote)
            continue;
        if (zygote_serve(nursling->zygote, nursling->hosts, &err) != NGI_OK) {
            report_add(report, "plugin %s: %s", nursling->plugin->name, err.text);
            return false;
        }
        hosts_start(nursling->hosts);
        nursling->serves = true;
    }
    return true;
}

bool nursery_is_idle(const struct nursery *nursery)
{
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->all[i].serves && !hosts_are_idle(nursery->all[i].hosts))
            return false;
    return true;
}

void nursery_stop(struct nursery *nursery)
{
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->all[i].serves)
            hosts_begin_stop(nursery->all[i].hosts);
    for (size_t i = 0; i < nursery->count; i++) {
        if (nursery->all[i].serves)
            hosts_stop(nursery->all[i].hosts);
        nursery->all[i].serves = false;
    }
}

void nursery_free(struct nursery *nursery)
{
    if (!nursery)
        return;
    for (size_t i = nursery->count; i-- > 0;)
        zygote_free(nursery->all[i].zygote, grace_ms(nursery->settings));
    /* A process that would not end is known to the reactor still. */
    if (nursery->reactor)
        reactor_stop();
    for (size_t i = nursery->count; i-- > 0;) {
        struct nursling *nursling = &nursery->all[i];
        if (nursling->hosts)
            hosts_free(nursling->hosts);
        if (nursling->plugin)
            nursling->plugin->hosts = NULL;
        free(nursling->name);
    }
    free(nursery->all);
    free(nursery);
}
