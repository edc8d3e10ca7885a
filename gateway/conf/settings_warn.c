#include "conf/settings_warn.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

/* A proxy may pass fields on as they came. */
static void warn_of_trust(const struct settings *settings)
{
    if (settings->trusted_count > 0 && settings->forwarded_count == 0)
        log_line(NGI_LOG_WARNING, "trusted names proxies, and forwarded does not say which fields are theirs: "
                                  "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded all count, and "
                                  "one that a proxy passes on is its client's word; name in forwarded those that your "
                                  "proxies set or remove");
}

static int64_t largest_body(const struct settings *settings)
{
    int64_t most = settings->max_body;
    for (size_t i = 0; i < settings->plugin_count; i++) {
        const struct plugin_settings *plugin = &settings->plugin[i];
        most = plugin->max_body > most ? plugin->max_body : most;
        for (size_t j = 0; j < plugin->route_count; j++)
            most = plugin->routes[j].max_body > most ? plugin->routes[j].max_body : most;
    }
    return most;
}

/* Without it, the first to learn would be the client of the first large body. */
static void warn_of_spool(const struct settings *settings)
{
    if (largest_body(settings) <= settings->body_memory)
        return;
    int fd = file_unlinked(settings->spool);
    if (fd >= 0)
        close(fd);
    else
        log_line(NGI_LOG_WARNING,
                 "spool = %s: no file can be made there: %s; request bodies of more than body_memory, %" PRId64
                 " bytes, will be answered 503; right is a directory that this user may write to",
                 settings->spool, strerror(-fd), settings->body_memory);
}

/* ---------------------------------------------------------------------------------------------------------- */

void settings_warn(const struct settings *settings)
{
    warn_of_trust(settings);
    warn_of_spool(settings);
}
