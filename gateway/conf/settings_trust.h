/* What settings about proxies in front mean together. */
#ifndef CONF_SETTINGS_TRUST_H
#define CONF_SETTINGS_TRUST_H

#include "base/report.h"
#include "conf/settings.h"

/* Names in `report` what nothing would obey. */
void settings_compare_trust(const struct settings *settings, struct report *report);

#endif
