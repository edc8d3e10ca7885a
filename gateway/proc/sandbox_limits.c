/* Resource limits, setrlimit(2). Without one, a host has the gateway's. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "proc/sandbox_parts.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A limit that is tighter already stays: what was asked for holds all the same. `grace` parts the soft from the hard
 * limit. -1: not asked for. */
static int limit(const struct sandbox *sandbox, int resource, const char *name, int64_t value, rlim_t grace,
                 ngi_error *err)
{
    struct rlimit now;
    if (value < 0)
        return NGI_OK;
    if (getrlimit(resource, &now) != 0)
        return sandbox_fail(sandbox, name, err);
    rlim_t soft = (rlim_t)value, hard = soft + grace;
    if (now.rlim_cur < soft) /* RLIM_INFINITY is the largest of all */
        soft = now.rlim_cur;
    if (now.rlim_max < hard)
        hard = now.rlim_max;
    struct rlimit wanted = { soft, hard };
    return setrlimit(resource, &wanted) == 0 ? NGI_OK : sandbox_fail(sandbox, name, err);
}

/* What a parent has mapped, stacks of its threads and arenas included, is counted in the child. Better told here than
 * by the first allocation of the plugin. */
static int limit_memory(const struct sandbox *sandbox, ngi_error *err)
{
    enum { SOME = 1024 * 1024 };
    int rc = limit(sandbox, RLIMIT_AS, "memory_limit", sandbox->memory_limit, 0, err);
    if (rc != NGI_OK || sandbox->memory_limit < 0)
        return rc;
    void *some = mmap(NULL, SOME, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (some == MAP_FAILED)
        return sandbox_refuse(sandbox, "memory_limit", NGI_ENOMEM, err,
                              "more is mapped already, before the plugin is loaded: set a higher one");
    munmap(some, SOME);
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int sandbox_limits_prepare(const struct sandbox *sandbox, ngi_error *err)
{
    if (SANITIZED && sandbox->memory_limit >= 0)
        return sandbox_refuse(sandbox, "memory_limit", NGI_ENOSYS, err,
                              "this gateway is built with a sanitizer, which maps terabytes of address space: leave it "
                              "out, or use an ordinary build");
    /* copy_process() in kernel/fork.c lets user 0 pass, and whoever has CAP_SYS_RESOURCE or CAP_SYS_ADMIN. */
    if (sandbox->processes_limit >= 0 && sandbox->uid == 0)
        return sandbox_refuse(sandbox, "processes_limit", NGI_EPERM, err,
                              "the host processes would run as root, whom the kernel does not hold to it: set "
                              "plugin.%s.user, or limit the gateway's service (TasksMax= of systemd)",
                              sandbox->plugin);
    return NGI_OK;
}

int sandbox_limits_enter(const struct sandbox *sandbox, ngi_error *err)
{
    int rc = limit_memory(sandbox, err);
    /* SIGXCPU first, which can be told from other ends; whoever catches it gets SIGKILL a second later. */
    if (rc == NGI_OK)
        rc = limit(sandbox, RLIMIT_CPU, "cpu_limit", sandbox->cpu_limit, 1, err);
    if (rc == NGI_OK)
        rc = limit(sandbox, RLIMIT_NOFILE, "files_limit", sandbox->files_limit, 0, err);
    if (rc == NGI_OK)
        rc = limit(sandbox, RLIMIT_NPROC, "processes_limit", sandbox->processes_limit, 0, err);
    if (rc == NGI_OK)
        rc = limit(sandbox, RLIMIT_FSIZE, "file_size_limit", sandbox->file_size_limit, 0, err);
    /* Writing too much is to fail (EFBIG), not to end the process: a handler can say so. */
    if (rc == NGI_OK && sandbox->file_size_limit >= 0 && signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return sandbox_fail(sandbox, "SIGXFSZ", err);
    return rc;
}
