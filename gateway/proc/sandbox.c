#include "proc/sandbox_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conf/settings_table.h"

int sandbox_refuse(const struct sandbox *sandbox, const char *key, int code, ngi_error *err, const char *fmt, ...)
{
    char words[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    return ngi_error_set(err, code, "plugin.%s.%s: %s", sandbox->plugin, key, words);
}

int sandbox_fail(const struct sandbox *sandbox, const char *what, ngi_error *err)
{
    /* strerror may lock and allocate for a translation */
    const char *words = strerrordesc_np(errno);
    return ngi_error_set(err, NGI_EPERM, "plugin %s: its sandbox: %s: %s", sandbox->plugin, what,
                         words ? words : "unknown error");
}

static int forbid_new_privileges(const struct sandbox *sandbox, ngi_error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return sandbox_fail(sandbox, "PR_SET_NO_NEW_PRIVS", err);
    return NGI_OK;
}

static void describe_size(const char *name, int64_t bytes, struct buffer *out)
{
    char size[32];
    setting_format_size(bytes, size, sizeof size);
    buffer_printf(out, ", %s %s", name, size);
}

static void describe_files(const struct sandbox *sandbox, struct buffer *out)
{
    if (sandbox->chroot)
        buffer_printf(out, ", root directory %s", sandbox->chroot);
    if (!sandbox->readonly)
        return;
    buffer_printf(out, ", files read-only");
    for (size_t i = 0; i < sandbox->writable_count; i++)
        buffer_printf(out, "%s%s", i ? ", " : " but ", sandbox->writable[i]);
    if (sandbox->mounts)
        buffer_printf(out, " (mount%s namespace)", sandbox->user_namespace ? " and user" : "");
    else
        buffer_printf(out, " (Landlock %d)", sandbox->landlock_abi);
}

/* ---------------------------------------------------------------------------------------------------------- */

void sandbox_from_settings(struct sandbox *sandbox, const char *plugin, const struct plugin_settings *settings)
{
    *sandbox = (struct sandbox){
        .plugin = plugin,
        .memory_limit = -1,
        .cpu_limit = -1,
        .files_limit = -1,
        .processes_limit = -1,
        .file_size_limit = -1,
        .rules = -1,
    };
    if (!settings)
        return;
    sandbox->user = settings->user;
    sandbox->group = settings->group;
    sandbox->chroot = settings->chroot;
    sandbox->readonly = settings->filesystem == FILESYSTEM_READONLY;
    sandbox->writable = settings->writable;
    sandbox->writable_count = settings->writable_count;
    sandbox->no_network = settings->network == 0;
    sandbox->restricted = settings->syscalls == SYSCALLS_RESTRICTED;
    sandbox->memory_limit = settings->memory_limit;
    sandbox->cpu_limit = settings->cpu_limit;
    sandbox->files_limit = settings->files_limit;
    sandbox->processes_limit = settings->processes_limit;
    sandbox->file_size_limit = settings->file_size_limit;
}

int sandbox_prepare(struct sandbox *sandbox, ngi_error *err)
{
    if (sandbox->parent == 0)
        sandbox->parent = getpid();
    sandbox->changes_ids = sandbox->mounts = sandbox->user_namespace = false;
    sandbox_process_prepare(sandbox);
    int rc = sandbox_ids_prepare(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_limits_prepare(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_files_prepare(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_filter_prepare(sandbox, err);
    return rc;
}

/* The order, and why:
 *  1. Of the process: /proc/self/oom_score_adj is root's once the user has changed, and /dev/null may be out of reach
 *     in a chroot.
 *  2. The mount namespace and the chroot need capabilities that the user will not have.
 *  3. The user, the groups first: without CAP_SETUID there is no CAP_SETGID either. Then what capabilities are left.
 *  4. The signal for the parent's end, which the kernel forgets when the user or the group changes (PR_SET_PDEATHSIG in
 *     prctl(2)), and with it whether memory may be dumped, which changes then, too.
 *  5. No new privileges: Landlock and seccomp want it of whoever is not root. Not earlier, as it must not be in the way
 *     of anything above.
 *  6. Landlock, which forbids mounting: after 2.
 *  7. Descriptors: the ruleset's is the last of ours that was needed, and a directory's would lead out of 2.
 *  8. Limits: after all that opens files.
 *  9. The filter, which denies most of the system calls above. */
int sandbox_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err)
{
    assert(sandbox->parent != 0 && sandbox->parent != getpid());
    int rc = sandbox_process_enter(sandbox, keep, count, err);
    if (rc == NGI_OK && sandbox->mounts)
        rc = sandbox_mounts_enter(sandbox, err);
    if (rc == NGI_OK && sandbox->chroot)
        rc = sandbox_chroot_enter(sandbox, err);
    if (rc == NGI_OK && sandbox->changes_ids)
        rc = sandbox_ids_enter(sandbox, err);
    if (rc == NGI_OK && sandbox->drops_capabilities)
        rc = sandbox_capabilities_enter(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_core_enter(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_end_with_parent(sandbox->parent, err);
    if (rc == NGI_OK)
        rc = forbid_new_privileges(sandbox, err);
    if (rc == NGI_OK && sandbox->rules >= 0)
        rc = sandbox_landlock_enter(sandbox, err);
    if (rc == NGI_OK)
        rc = sandbox_descriptors_enter(sandbox, keep, count, err);
    if (rc == NGI_OK)
        rc = sandbox_limits_enter(sandbox, err);
    if (rc == NGI_OK && sandbox->deny.filter)
        rc = sandbox_filter_enter(sandbox, err);
    return rc;
}

int sandbox_describe(const struct sandbox *sandbox, struct buffer *out)
{
    buffer_printf(out, "user %u, group %u", sandbox->uid, sandbox->gid);
    if (sandbox->uid == 0)
        buffer_printf(out, " (root%s)", sandbox->drops_capabilities ? ", without capabilities" : "");
    describe_files(sandbox, out);
    if (sandbox->no_network)
        buffer_printf(out, ", no network");
    if (sandbox->restricted)
        buffer_printf(out, ", system calls restricted");
    if (sandbox->memory_limit >= 0)
        describe_size("memory", sandbox->memory_limit, out);
    if (sandbox->cpu_limit >= 0)
        buffer_printf(out, ", CPU %lld s", (long long)sandbox->cpu_limit);
    if (sandbox->files_limit >= 0)
        buffer_printf(out, ", descriptors %lld", (long long)sandbox->files_limit);
    if (sandbox->processes_limit >= 0)
        buffer_printf(out, ", processes of the user %lld", (long long)sandbox->processes_limit);
    if (sandbox->file_size_limit >= 0)
        describe_size("file size", sandbox->file_size_limit, out);
    if (sandbox->rules >= 0 && sandbox->landlock_abi >= 6)
        buffer_printf(out, ", no signals to others");
    return buffer_printf(out, ", no new privileges%s", sandbox->oom_first ? ", first when memory runs out" : "");
}

void sandbox_release(struct sandbox *sandbox)
{
    if (sandbox->rules >= 0)
        close(sandbox->rules);
    free(sandbox->groups);
    free(sandbox->deny.filter);
    sandbox->rules = -1;
    sandbox->groups = NULL;
    sandbox->deny.filter = NULL;
}
