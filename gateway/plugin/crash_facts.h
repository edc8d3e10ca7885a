/* What is known of a crash, gathered in its signal handler from memory that the crash may have spoilt: all of it is
 * copied by base/peek before it is looked at, and the strings are for base/scribe and http/transcript, which do the
 * same. */
#ifndef PLUGIN_CRASH_FACTS_H
#define PLUGIN_CRASH_FACTS_H

#include <signal.h>

#include "http/transcript.h"
#include "plugin/call.h"

struct crash_facts {
    struct transcript_facts facts;
    const struct request *request; /* a copy; NULL: none */
};

/* `info`: of the signal; NULL: the plugin called exit. In static storage: for one thread, once. */
const struct crash_facts *crash_facts_gather(const struct call_site *site, const siginfo_t *info);

#endif
