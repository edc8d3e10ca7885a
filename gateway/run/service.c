#include "run/service.h"

#include "obs/access.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "run/lane.h"
#include "run/runner.h"
#include "run/task.h"
#include "run/watch.h"

/* ---------------------------------------------------------------------------------------------------------- */

bool service_init(struct registry *registry, uint32_t run_flags, struct report *report)
{
    host_set_run_flags(run_flags);
    host_set_runner(&task_runner);
    return registry_start(registry, report);
}

bool service_open(struct registry *registry, const struct settings *settings, struct report *report)
{
    ngi_error err = { 0 };
    if (lanes_start(registry, settings, &err) == NGI_OK &&
        watch_start(registry_least_timeout(registry), &err) == NGI_OK &&
        access_open(settings->access_log, settings->access_log_format, &err) == NGI_OK)
        return true;
    report_add(report, "%s", err.text);
    return false;
}

void service_close(struct registry *registry)
{
    lanes_stop(registry);
    watch_stop();
    task_thread_end();
    call_thread_end();
    access_close();
}

bool service_start(struct registry *registry, const struct settings *settings, uint32_t run_flags,
                   struct report *report)
{
    return service_init(registry, run_flags, report) && service_open(registry, settings, report);
}

void service_stop(struct registry *registry)
{
    service_close(registry);
    registry_stop(registry);
}
