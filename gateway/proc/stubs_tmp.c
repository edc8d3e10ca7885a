/* TEMPORARY: lets this branch link without run/hosts.c, run/reactor.c, proc/zygote.c and plugin/description.c, which
 * are written elsewhere. Weak; to be dropped when they are merged. No host process is made with these. */
#include <stdlib.h>

#include "plugin/description.h"
#include "proc/zygote.h"
#include "run/hosts.h"
#include "run/reactor.h"

#define WEAK __attribute__((weak))

WEAK void description_free(struct description *description)
{
    (void)description;
}

WEAK struct hosts *hosts_new(const struct hosts_limits *limits, const struct hosts_source *source, void *arg)
{
    (void)limits, (void)source, (void)arg;
    return NULL;
}

WEAK void hosts_start(struct hosts *hosts)
{
    (void)hosts;
}

WEAK void hosts_stop(struct hosts *hosts)
{
    (void)hosts;
}

WEAK void hosts_free(struct hosts *hosts)
{
    (void)hosts;
}

WEAK void hosts_look(struct hosts *hosts, struct hosts_state *ret)
{
    (void)hosts;
    *ret = (struct hosts_state){ .circuit = "closed" };
}

WEAK bool hosts_are_idle(struct hosts *hosts)
{
    (void)hosts;
    return true;
}

WEAK int reactor_start(ngi_error *err)
{
    return ngi_error_set(err, NGI_ENOSYS, "no reactor in this build");
}

WEAK void reactor_stop(void)
{
}

static int make_none(void *arg, uint64_t number, int fd, ngi_error *err)
{
    (void)arg, (void)number, (void)fd;
    return ngi_error_set(err, NGI_ENOSYS, "no zygote in this build");
}

WEAK const struct hosts_source zygote_source = { make_none };

WEAK struct zygote *zygote_new(const struct zygote_brief *brief, struct report *report)
{
    report_add(report, "%s: no host processes in this build", brief->file->path);
    return NULL;
}

WEAK bool zygote_await_loaded(struct zygote *zygote, struct description *ret, struct report *report)
{
    (void)zygote, (void)ret, (void)report;
    return false;
}

WEAK void zygote_begin_init(struct zygote *zygote)
{
    (void)zygote;
}

WEAK bool zygote_await_init(struct zygote *zygote, struct report *report)
{
    (void)zygote, (void)report;
    return false;
}

WEAK int zygote_serve(struct zygote *zygote, struct hosts *hosts, ngi_error *err)
{
    (void)zygote, (void)hosts;
    return ngi_error_set(err, NGI_ENOSYS, "no zygote in this build");
}

WEAK int zygote_pid(const struct zygote *zygote)
{
    (void)zygote;
    return 0;
}

WEAK void zygote_free(struct zygote *zygote, int grace_ms)
{
    (void)zygote, (void)grace_ms;
}
