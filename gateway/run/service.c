#include "run/service.h"

#include "obs/access.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "run/lane.h"
#include "run/runner.h"
#include "run/task.h"
#include "run/watch.h"

/* ---------------------------------------------------------------------------------------------------------- */

bool service_start(struct registry *registry, const struct settings *settings, uint32_t run_flags,
                   struct report *report)
{
    ngi_error err = { 0 };
    host_set_run_flags(run_flags);
    host_set_runner(&task_runner);
    if (!registry_start(registry, report))
        return false;
    if (lanes_start(registry, settings, &err) == NGI_OK &&
        watch_start(registry_least_timeout(registry), &err) == NGI_OK &&
        access_open(settings->access_log, settings->access_log_format, &err) == NGI_OK)
        return true;
    report_add(report, "%s", err.text);
    return false;
}

void service_stop(struct registry *registry)
{
    lanes_stop(registry);
    watch_stop();
    task_thread_end();
    call_thread_end();
    registry_stop(registry);
    access_close();
}
