/* Settings on their way into another process: what one plugin needs of them, without the secrets of others. */
#ifndef CONF_SETTINGS_EXTRACT_H
#define CONF_SETTINGS_EXTRACT_H

#include "conf/settings.h"

/* Writes the gateway's settings and the block of `plugin` (NULL: all blocks) into a new memfd, with where in the
 * configuration each block, option and route was said, so that a mistake is told as if it were found here. The
 * descriptor, or -errno. */
int settings_extract(const struct settings *settings, const char *plugin);

/* Reads that back; `fd` stays the caller's. As settings_load. */
int settings_read_extract(int fd, struct settings **ret, struct report *report);

#endif
