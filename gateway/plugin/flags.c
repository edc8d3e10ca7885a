#include "plugin/flags.h"

#include <stdio.h>

#include "sdk/ngi.h"

static const struct {
    uint32_t bit;
    const char *name;
} table[] = {
    { NGI_MAY_BLOCK, "NGI_MAY_BLOCK" }, { NGI_NEVER_BLOCKS, "NGI_NEVER_BLOCKS" }, { NGI_SERIAL, "NGI_SERIAL" },
    { NGI_ISOLATE, "NGI_ISOLATE" },     { NGI_STREAM_BODY, "NGI_STREAM_BODY" },
};

/* ---------------------------------------------------------------------------------------------------------- */

/* All five names and the unknown bits are 85 bytes, so that nothing here is ever cut. */
void flags_list(uint32_t flags, char out[FLAGS_TEXT_SIZE])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!(flags & table[i].bit))
            continue;
        n += (size_t)snprintf(out + n, FLAGS_TEXT_SIZE - n, "%s%s", n ? ", " : "", table[i].name);
        flags &= ~table[i].bit;
    }
    if (flags)
        snprintf(out + n, FLAGS_TEXT_SIZE - n, "%s0x%x", n ? ", " : "", flags);
}
