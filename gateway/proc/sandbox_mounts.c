/* A read-only file system where Landlock is not to be had: mounts of its own. With CAP_SYS_ADMIN a mount namespace is
 * enough; without, a user namespace around it gives the right to make one, mount_namespaces(7) and user_namespaces(7).
 * mount_setattr is of Linux 5.12. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return good;
}

/* The ids stay what they are: one of each is mapped, to itself. */
static bool map_ids(uid_t user, gid_t group)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "%u %u 1", user, user);
    snprintf(groups, sizeof groups, "%u %u 1", group, group);
    return write_file("/proc/self/uid_map", users) && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/gid_map", groups);
}

static bool enter_namespaces(const struct sandbox *sandbox)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWNS | (sandbox->user_namespace ? CLONE_NEWUSER : 0)) != 0)
        return false;
    return !sandbox->user_namespace || map_ids(user, group);
}

/* The writable trees are taken while they are as they were, and put over their own places once all is read-only: so
 * what was read-only in them stays that way. */
static bool make_readonly(const struct sandbox *sandbox)
{
    int trees[SANDBOX_WRITABLE_MAX];
    struct mount_attr private = { .propagation = MS_PRIVATE }, readonly = { .attr_set = MOUNT_ATTR_RDONLY };
    if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof private) != 0)
        return false;
    for (size_t i = 0; i < sandbox->writable_count; i++) {
        int place = sandbox_open_inside(sandbox, sandbox->writable[i], O_PATH | O_DIRECTORY);
        trees[i] =
            place < 0 ? -1 : open_tree(place, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (trees[i] < 0)
            return false;
        close(place);
    }
    if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &readonly, sizeof readonly) != 0)
        return false;
    for (size_t i = 0; i < sandbox->writable_count; i++) {
        int place = sandbox_open_inside(sandbox, sandbox->writable[i], O_PATH | O_DIRECTORY);
        if (place < 0 || move_mount(trees[i], "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
            return false;
        close(place);
        close(trees[i]);
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

/* It is tried in a child: nothing else tells what policies, sysctls and containers allow. */
int sandbox_mounts_probe(struct sandbox *sandbox)
{
    int status = 0;
    sandbox->user_namespace = !sandbox_has_capability(CAP_SYS_ADMIN);
    /* Only one user is mapped, so there is no other to become; and there is no CAP_SYS_CHROOT to lose. */
    if (sandbox->user_namespace && sandbox->changes_ids)
        return EPERM;
    if (sandbox->user_namespace)
        sandbox->drops_capabilities = true;
    pid_t child = fork();
    if (child == 0)
        _exit(enter_namespaces(sandbox) && make_readonly(sandbox) ? 0 : errno);
    if (child < 0)
        return errno;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

int sandbox_mounts_enter(const struct sandbox *sandbox, ngi_error *err)
{
    if (!enter_namespaces(sandbox) || !make_readonly(sandbox))
        return sandbox_fail(sandbox, "mount namespace", err);
    return NGI_OK;
}
