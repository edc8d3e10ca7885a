/* What a plugin says of itself once its code has been entered, for a process that has not loaded it: a zygote tells its
 * gateway. As JSON on the way, of which every byte may lie. */
#ifndef PLUGIN_DESCRIPTION_H
#define PLUGIN_DESCRIPTION_H

#include "plugin/module.h"

struct description {
    char *name, *version; /* version may be NULL */
    uint32_t flags;
    ngi_route *routes; /* as in ngi_plugin, ended by { 0 }; patterns owned, handlers NULL */
    size_t route_count;
};

/* NULL if out of memory; malloc'ed. */
char *description_write(const struct module *module);
/* NGI_OK (then description_free), NGI_EPARSE for what description_write does not write, NGI_ENOMEM. */
int description_read(const char *text, size_t n, struct description *ret);
void description_free(struct description *description);

#endif
