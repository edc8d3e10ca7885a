#include "conf/settings_trust.h"

#include <string.h>

#include "base/network.h"

const char *const forwarded_names[] = { "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", NULL };

void settings_compare_trust(const struct settings *settings, struct report *report)
{
    if (settings->forwarded_count > 0 && settings->trusted_count == 0)
        report_add(report, "forwarded: says which fields of trusted proxies count, and trusted names none; right is "
                           "a trusted beside it, or neither");
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
