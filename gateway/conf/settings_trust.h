/* What settings about proxies in front mean together. */
#ifndef CONF_SETTINGS_TRUST_H
#define CONF_SETTINGS_TRUST_H

#include "base/report.h"
#include "conf/settings.h"

/* Names in `report` what nothing would obey. */
void settings_compare_trust(const struct settings *settings, struct report *report);
/* Logs a warning where fields count that the operator has not named: a proxy may pass them on as they came. */
void settings_warn_of_trust(const struct settings *settings);

#endif
