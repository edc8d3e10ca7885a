/* What settings of host processes mean together. */
#ifndef CONF_SETTINGS_HOSTS_H
#define CONF_SETTINGS_HOSTS_H

#include "base/report.h"
#include "conf/settings.h"

/* Names in `report` who is to keep more of them ready than there may be. */
void settings_compare_hosts(const struct settings *settings, struct report *report);

#endif
