/* Who claims which name and which mount point: what has to be unique among plugins, and match the configuration. */
#ifndef PLUGIN_CLAIMS_H
#define PLUGIN_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"
#include "conf/settings.h"

struct claim {
    char *path, *name, *mount;
};

/* A zeroed struct claims is an empty list. */
struct claims {
    struct claim *all;
    size_t count;
};

/* Notes a plugin. False, with the two culprits in `report`, if its name or mount point is taken. */
bool claims_add(struct claims *claims, const char *path, const char *name, const char *mount, struct report *report);

/* Says of a block that there is no plugin for it. */
void claims_refuse_block(const struct plugin_settings *block, const struct settings *settings, struct report *report);
/* Whether every plugin block of the configuration is about a plugin that is there; if not, says so in `report`. */
bool claims_match(const struct claims *claims, const struct settings *settings, struct report *report);

void claims_free(struct claims *claims);

#endif
