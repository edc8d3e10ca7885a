#include "plugin/claims.h"

#include <stdlib.h>
#include <string.h>

static const struct claim *find_name(const struct claims *claims, const char *name)
{
    for (size_t i = 0; i < claims->count; i++)
        if (strcmp(claims->all[i].name, name) == 0)
            return &claims->all[i];
    return NULL;
}

static const struct claim *find_mount(const struct claims *claims, const char *mount)
{
    for (size_t i = 0; i < claims->count; i++)
        if (strcmp(claims->all[i].mount, mount) == 0)
            return &claims->all[i];
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool claims_add(struct claims *claims, const char *path, const char *name, const char *mount, struct report *report)
{
    const struct claim *same = find_name(claims, name);
    if (same) {
        report_add(report, "%s: duplicate name: %s is called \"%s\" too; take one of them away", path, same->path,
                   name);
        return false;
    }
    same = find_mount(claims, mount);
    if (same) {
        report_add(report,
                   "%s: duplicate mount: %s is mounted at \"%s\" too; give one of them another: plugin %s "
                   "{ mount = … }",
                   path, same->path, *mount ? mount : "/", name);
        return false;
    }
    struct claim *all = realloc(claims->all, (claims->count + 1) * sizeof *all);
    if (all)
        claims->all = all;
    struct claim claim = { strdup(path), strdup(name), strdup(mount) };
    if (!all || !claim.path || !claim.name || !claim.mount) {
        free(claim.path);
        free(claim.name);
        free(claim.mount);
        report_add(report, "%s: out of memory", path);
        return false;
    }
    claims->all[claims->count++] = claim;
    return true;
}

void claims_refuse_block(const struct plugin_settings *block, const struct settings *settings, struct report *report)
{
    report_add(report, "%s: plugin %s: there is no plugin of that name in %s", block->where, block->name,
               settings->plugins);
}

bool claims_match(const struct claims *claims, const struct settings *settings, struct report *report)
{
    bool good = true;
    for (size_t i = 0; i < settings->plugin_count; i++) {
        const struct plugin_settings *block = &settings->plugin[i];
        if (find_name(claims, block->name))
            continue;
        claims_refuse_block(block, settings, report);
        good = false;
    }
    return good;
}

void claims_free(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++) {
        free(claims->all[i].path);
        free(claims->all[i].name);
        free(claims->all[i].mount);
    }
    free(claims->all);
    *claims = (struct claims){ 0 };
}
