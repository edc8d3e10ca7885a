/* A configuration's text, through libconfuse, into a struct settings. */
#ifndef CONF_SETTINGS_READ_H
#define CONF_SETTINGS_READ_H

#include "base/report.h"
#include "conf/settings.h"
#include "conf/source.h"

/* NGI_OK, perhaps with mistakes in `report`: what was right is in `settings`. NGI_ENOMEM. libconfuse's lexer is global:
 * one thread at a time in the whole process. */
int settings_read(struct settings *settings, const struct source *source, struct report *report);

#endif
