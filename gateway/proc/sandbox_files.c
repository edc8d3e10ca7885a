/* What of the file system a host process sees, and who makes it read-only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

static int check_chroot(const struct sandbox *sandbox, ngi_error *err)
{
    struct stat status;
    int error = stat(sandbox->chroot, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
    if (error)
        return sandbox_refuse(sandbox, "chroot", NGI_ENOENT, err, "%s: %s", sandbox->chroot, strerror(error));
    /* chroot(2): "a superuser can escape", with another chroot. */
    if (sandbox->uid == 0)
        return sandbox_refuse(sandbox, "chroot", NGI_EPERM, err,
                              "the host processes would run as root, who can leave it: set plugin.%s.user",
                              sandbox->plugin);
    if (!sandbox_has_capability(CAP_SYS_CHROOT))
        return sandbox_refuse(sandbox, "chroot", NGI_EPERM, err,
                              "user %u may not change the root directory (CAP_SYS_CHROOT): start the gateway as root, "
                              "or leave it out",
                              geteuid());
    return NGI_OK;
}

static int check_writable(const struct sandbox *sandbox, ngi_error *err)
{
    if (!sandbox->readonly && sandbox->writable_count > 0)
        return sandbox_refuse(sandbox, "writable", NGI_EINVAL, err,
                              "every directory is writable where the file system is not read-only: set "
                              "plugin.%s.filesystem = readonly, or leave it out",
                              sandbox->plugin);
    if (sandbox->writable_count > SANDBOX_WRITABLE_MAX)
        return sandbox_refuse(sandbox, "writable", NGI_ETOOBIG, err,
                              "%zu directories are too many: right are %d at most", sandbox->writable_count,
                              SANDBOX_WRITABLE_MAX);
    for (size_t i = 0; i < sandbox->writable_count; i++) {
        int fd = sandbox_open_inside(sandbox, sandbox->writable[i], O_PATH | O_DIRECTORY);
        if (fd < 0)
            return sandbox_refuse(sandbox, "writable", NGI_ENOENT, err, "%s%s%s: %s: make it, or leave it out",
                                  sandbox->writable[i], sandbox->chroot ? " in " : "",
                                  sandbox->chroot ? sandbox->chroot : "", strerror(errno));
        close(fd);
    }
    return NGI_OK;
}

/* What was tried, and why it will not do. */
static int refuse_readonly(const struct sandbox *sandbox, int error, ngi_error *err)
{
    char mounts[160];
    snprintf(mounts, sizeof mounts, "mount namespaces, and here they fail (%s%s)", strerror(error),
             sandbox->user_namespace ? "; sysctl user.max_user_namespaces" : "");
    if (sandbox->means == SANDBOX_MOUNTS)
        return sandbox_refuse(sandbox, "filesystem", NGI_ENOSYS, err, "readonly needs %s: allow them, or leave it out",
                              mounts);
    return sandbox_refuse(sandbox, "filesystem", NGI_ENOSYS, err,
                          "readonly needs Landlock of Linux 6.2 or later (CONFIG_SECURITY_LANDLOCK, lsm=landlock), and "
                          "this kernel has %s; or %s: allow one of them, or leave it out",
                          sandbox->landlock_abi ? "one that lets files be truncated" : "none", mounts);
}

/* ---------------------------------------------------------------------------------------------------------- */

int sandbox_open_inside(const struct sandbox *sandbox, const char *path, int flags)
{
    if (!sandbox->chroot)
        return open(path, flags | O_CLOEXEC);
    int root = open(sandbox->chroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    /* A link inside that begins with / means the chroot's root, as it will for the host process. */
    struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how), error = errno;
    close(root);
    errno = error;
    return fd;
}

int sandbox_files_prepare(struct sandbox *sandbox, ngi_error *err)
{
    int rc = sandbox->chroot ? check_chroot(sandbox, err) : NGI_OK;
    if (rc == NGI_OK)
        rc = check_writable(sandbox, err);
    if (rc != NGI_OK)
        return rc;
    sandbox_landlock_probe(sandbox);
    if (sandbox->readonly && (sandbox->means == SANDBOX_MOUNTS || !sandbox_landlock_can(sandbox))) {
        int error = sandbox->means == SANDBOX_LANDLOCK ? ENOSYS : sandbox_mounts_probe(sandbox);
        if (error)
            return refuse_readonly(sandbox, error, err);
        sandbox->mounts = true;
    }
    return sandbox_landlock_prepare(sandbox, err);
}

int sandbox_chroot_enter(const struct sandbox *sandbox, ngi_error *err)
{
    if (chroot(sandbox->chroot) != 0 || chdir("/") != 0)
        return sandbox_fail(sandbox, "chroot", err);
    return NGI_OK;
}
