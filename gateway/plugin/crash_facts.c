#include "plugin/crash_facts.h"

#include <string.h>
#include <time.h>

#include "base/peek.h"
#include "base/scribe.h"
#include "http/date.h"
#include "http/peer.h"

/* On no stack: that of the handler is small. */
static struct {
    struct crash_facts known;
    struct request request;
    struct plugin plugin;
    struct module module;
    struct facts facts;
    struct plugin_route route;
    ngi_route spec;
    struct peer peer;
    char when[COMPACT_DATE_SIZE], address[24], mount[256], scheme[16];
} seen;

/* Whether the whole of *from could be copied to `to`, one of the above. */
#define SEEN(to, from) (peek(&seen.to, (from), sizeof seen.to) == sizeof seen.to)

static const char *name_of(int signal)
{
    switch (signal) {
    case SIGSEGV: return "SIGSEGV (bad memory access)";
    case SIGBUS: return "SIGBUS (bad memory access)";
    case SIGILL: return "SIGILL (bad instruction)";
    case SIGFPE: return "SIGFPE (division by zero or overflow)";
    case SIGABRT: return "SIGABRT (abort)";
    default: return "a signal";
    }
}

static void gather_signal(struct transcript_facts *facts, const siginfo_t *info)
{
    struct scribe address = { seen.address, sizeof seen.address - 1, 0 };
    facts->signal = name_of(info->si_signo);
    /* There is none where kill(2) has sent it, or where the address is none that the processor knows (SI_KERNEL). */
    if ((info->si_signo != SIGSEGV && info->si_signo != SIGBUS) || info->si_code <= 0 || info->si_code == SI_KERNEL)
        return;
    scribe_hex(&address, (uintptr_t)info->si_addr);
    facts->address = seen.address;
}

static void gather_plugin(struct transcript_facts *facts, const struct call_site *site)
{
    facts->file = site->path;
    facts->phase = site->phase;
    if (!site->plugin || !SEEN(plugin, site->plugin) || !seen.plugin.name)
        return;
    facts->plugin = seen.plugin.name;
    if (seen.plugin.mount) {
        peek_string(seen.mount, sizeof seen.mount, seen.plugin.mount);
        facts->mount = seen.mount;
    }
    if (!SEEN(module, seen.plugin.module))
        return;
    facts->file = seen.module.path;
    facts->version = seen.module.self.version;
    if (SEEN(facts, seen.module.facts))
        facts->build_id = seen.facts.build_id;
}

/* Part of a file's name: what is none, becomes "" and so is made. */
static void repair_id(char id[REQUEST_ID_SIZE])
{
    id[REQUEST_ID_SIZE - 1] = '\0';
    if (strspn(id, "0123456789abcdef") != REQUEST_ID_SIZE - 1)
        id[0] = '\0';
}

static void gather_request(struct crash_facts *known, const struct call_site *site)
{
    struct transcript_facts *facts = &known->facts;
    /* Between a plugin's clean-ups and the next request, the object is empty: nothing is in it to tell. */
    if (!site->request || !SEEN(request, site->request) || !seen.request.route)
        return;
    known->request = &seen.request;
    if (SEEN(route, seen.request.route) && SEEN(spec, seen.route.spec))
        facts->route = seen.spec.pattern;
    if (SEEN(peer, seen.request.peer)) {
        facts->remote = seen.peer.remote_addr;
        peek_string(seen.scheme, sizeof seen.scheme, seen.peer.scheme);
        facts->scheme = seen.scheme;
    }
    repair_id(seen.request.id);
    facts->incident = request_id(&seen.request); /* system calls and atomics, at most; the copy may be written to */
}

/* ---------------------------------------------------------------------------------------------------------- */

const struct crash_facts *crash_facts_gather(const struct call_site *site, const siginfo_t *info)
{
    struct timespec now = { 0 };
    struct crash_facts *known = &seen.known;
    clock_gettime(CLOCK_REALTIME, &now);
    compact_date_format(now.tv_sec, seen.when);
    known->facts.when = seen.when;
    if (info)
        gather_signal(&known->facts, info);
    gather_plugin(&known->facts, site);
    gather_request(known, site);
    return known;
}
