/* Building a struct settings: the blocks that a configuration file and overrides add to. */
#ifndef CONF_SETTINGS_TREE_H
#define CONF_SETTINGS_TREE_H

#include "conf/settings.h"

/* All defaults, no blocks; NULL if out of memory. */
struct settings *settings_new(void);

/* Each returns the new block, with its defaults, or NULL if out of memory. Pointers to blocks of the same kind become
 * invalid. Texts are copied. */
struct plugin_settings *settings_add_plugin(struct settings *settings, const char *name, const char *where);
struct route_settings *plugin_add_route(struct plugin_settings *plugin, const char *pattern, const char *where);

/* Sets or replaces an option. NGI_OK, NGI_ENOMEM. */
int plugin_set_option(struct plugin_settings *plugin, const char *name, const char *value, const char *where);

#endif
