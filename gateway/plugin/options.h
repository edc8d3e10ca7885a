/* A plugin's options: the operator's text checked against the plugin's own table. */
#ifndef PLUGIN_OPTIONS_H
#define PLUGIN_OPTIONS_H

#include <stddef.h>

#include "base/report.h"
#include "conf/settings.h"
#include "sdk/ngi.h"

struct option_value {
    const char *name; /* the plugin's */
    char *text;       /* as ngi_option gives it */
};

struct options {
    struct option_value *values;
    size_t count;
};

/* Fills in what the operator set (`set`, may be NULL) and the defaults. NGI_OK, or NGI_EINVAL with every mistake in
 * `report`, each beginning with where it was set or with `plugin`; NGI_ENOMEM. */
int options_fill(struct options *options, const char *plugin, const ngi_option_spec *table,
                 const struct plugin_settings *set, struct report *report);
const char *options_get(const struct options *options, const char *name);
void options_free(struct options *options);

#endif
