/* Who may have put code here. A plugin runs with all the rights of the gateway, so a file or directory that somebody
 * else can change is refused. */
#ifndef PLUGIN_TRUST_H
#define PLUGIN_TRUST_H

#include "sdk/ngi.h"

/* `fd` is open on `path`: a plugin's file, or the directory it lies in. NGI_OK; NGI_EPERM with who or what is wrong and
 * the command that mends it (the text does not begin with the path); NGI_EIO. */
int trust_check(int fd, const char *path, ngi_error *err);

#endif
