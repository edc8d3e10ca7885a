#include "conf/settings_trust.h"

#include <string.h>

#include "base/log.h"
#include "base/network.h"

const char *const forwarded_names[] = { "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", NULL };

void settings_compare_trust(const struct settings *settings, struct report *report)
{
    if (settings->forwarded_count > 0 && settings->trusted_count == 0)
        report_add(report, "forwarded: says which fields of trusted proxies count, and trusted names none; right is "
                           "a trusted beside it, or neither");
}

void settings_warn_of_trust(const struct settings *settings)
{
    if (settings->trusted_count > 0 && settings->forwarded_count == 0)
        log_line(NGI_LOG_WARNING, "trusted names proxies, and forwarded does not say which fields are theirs: "
                                  "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded all count, and "
                                  "one that a proxy passes on is its client's word; name in forwarded those that your "
                                  "proxies set or remove");
}

int settings_trusted(const struct settings *settings, struct networks *ret)
{
    return networks_new(ret, (const char *const *)settings->trusted, settings->trusted_count);
}

unsigned settings_forwarded(const struct settings *settings)
{
    unsigned fields = 0;
    if (settings->forwarded_count == 0)
        return FORWARDED_ALL;
    for (size_t i = 0; i < settings->forwarded_count; i++)
        for (unsigned bit = 0; forwarded_names[bit]; bit++)
            if (strcmp(settings->forwarded[i], forwarded_names[bit]) == 0)
                fields |= 1u << bit;
    return fields;
}
