#include "proc/keep_crashes.h"

#include <string.h>

#include "base/log.h"
#include "conf/settings_table.h"
#include "plugin/crash_file.h"

/* Nobody has asked for the standard directory: where it is not there, there is nothing to say. */
void keep_crashes(const struct settings *settings, bool warns)
{
    const char *directory = settings->crash_dir;
    ngi_error err = { 0 };
    if (strcmp(directory, "off") == 0)
        return;
    int rc = crash_file_start(directory, settings->crash_keep, settings->crash_body, &err);
    if (warns && rc != NGI_OK &&
        (rc != NGI_ENOENT || strcmp(directory, setting_find(SECTION_ROOT, "crash_dir")->standard) != 0))
        log_line(NGI_LOG_WARNING, "crash_dir = %s: %s; requests that crash a plugin are not kept", directory, err.text);
}
