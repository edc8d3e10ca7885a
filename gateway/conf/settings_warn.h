/* What is no mistake by itself, and yet hardly meant. */
#ifndef CONF_SETTINGS_WARN_H
#define CONF_SETTINGS_WARN_H

#include "conf/settings.h"

/* Logs a warning for each. Makes a file in `spool` and lets it go, as a large request body would. Any thread. */
void settings_warn(const struct settings *settings);

#endif
