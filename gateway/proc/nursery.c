#include "proc/nursery.h"

#include <stdlib.h>
#include <string.h>

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

/* Begins a zygote, of a plugin that goes by `name`, as far as is known. False with the reason in `report`. */
static bool begin(struct nursling *nursling, const struct settings *settings, const struct bundle *bundle,
                  const struct plugin_file *file, const char *name, struct report *report)
{
    if (name && !(nursling->name = strdup(name))) {
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

/* Begins a zygote for a file that may need one, as far as can be told without running any of it. A file that cannot be
 * read is left to who loads it here, and says why. */
static bool begin_expected(struct nursling *nursling, const struct settings *settings, const struct bundle *bundle,
                           const struct plugin_file *file, struct report *report)
{
    struct facts *facts = NULL;
    ngi_error err = { 0 };
    enum rung_expectation hosts = HOSTS_FOR_NONE;
    if (file->copy >= 0 && facts_read(file->copy, &facts, &err) == NGI_OK && facts->has_entry)
        hosts = rung_expect_hosts(settings, facts, file->quarantine);
    bool good = hosts == HOSTS_FOR_NONE ||
                begin(nursling, settings, bundle, file, facts->name, report);
    facts_free(facts);
    return good;
}

/* Of a plugin that had no name, the zygote has all blocks, with the options of others: it gives way to one that has its
 * own alone, as any that takes its place later. */
static bool begin_named(struct nursling *nursling, const struct settings *settings, const struct bundle *bundle,
                        const struct plugin_file *file, struct report *report)
{
    struct description again = { 0 };
    char *name = strdup(nursling->plugin->name);
    bool good = name != NULL;
    if (!good)
        report_add(report, "%s: out of memory", file->path);
    struct plugin *plugin = nursling->plugin;
    let_go(nursling, settings);
    nursling->plugin = plugin;
    good = good && begin(nursling, settings, bundle, file, name, report) &&
           zygote_await_loaded(nursling->zygote, &again, report);
    if (good && (!again.name || strcmp(again.name, name) != 0)) {
        report_add(report, "%s: its code says another name each time it is loaded: \"%s\", then \"%s\"", file->path,
                   name, again.name ? again.name : "");
        good = false;
    }
    description_free(&again);
    free(name);
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
    return nursling->name || begin_named(nursling, settings, bundle, file, report);
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
    for (size_t i = 0; i < bundle->count; i++)
        good &= begin_expected(&nursery->all[i], settings, bundle, &bundle->all[i], report);
    if (!good) /* no process to be had: nothing has been loaded yet, and nothing need be */
        return false;
    /* In the order of the bundle, so that of two that are in each other's way it is always the same that is refused. */
    for (size_t i = 0; i < bundle->count; i++)
        if (nursery->all[i].zygote)
            good &= finish(&nursery->all[i], registry, settings, bundle, &bundle->all[i], report);
        else
            good &= registry_add(registry, &bundle->all[i], bundle->at_root ? "" : NULL, settings, report);
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
    for (size_t i = nursery->count; i-- > 0;) {
        struct nursling *nursling = &nursery->all[i];
        zygote_free(nursling->zygote, grace_ms(nursery->settings));
        if (nursling->hosts)
            hosts_free(nursling->hosts);
        if (nursling->plugin)
            nursling->plugin->hosts = NULL;
        free(nursling->name);
    }
    if (nursery->reactor)
        reactor_stop();
    free(nursery->all);
    free(nursery);
}
