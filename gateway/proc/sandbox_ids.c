/* Whom a host process runs as. Names are looked up in the parent: NSS may lock, allocate, and talk to daemons. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "proc/sandbox_parts.h"

enum { LOOKUP_BYTES = 1024 * 1024 }; /* a group's members are in it, too */

static int no_account(const struct sandbox *sandbox, const char *key, const char *text, int error, ngi_error *err)
{
    if (error == 0)
        return sandbox_refuse(sandbox, key, NGI_ENOENT, err,
                              "there is no %s \"%s\" on this machine: getent %s lists those there are", key, text,
                              strcmp(key, "user") == 0 ? "passwd" : "group");
    return sandbox_refuse(sandbox, key, NGI_EIO, err, "\"%s\" cannot be looked up: %s", text, strerror(error));
}

/* A number that is no name stands for itself: no entry is needed. -1 is setresuid's "as it is". */
static bool is_number(const char *text, uint32_t *ret)
{
    uint64_t number;
    if (!text_to_uint64(text, &number) || number >= UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

/* The user, the user's group, and its name for getgrouplist ("" without an entry). */
static int find_user(struct sandbox *sandbox, char *room, const char **ret_name, bool *ret_has_group, ngi_error *err)
{
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(sandbox->user, &entry, room, LOOKUP_BYTES, &found);
    if (!found && is_number(sandbox->user, &sandbox->uid))
        error = getpwuid_r(sandbox->uid, &entry, room, LOOKUP_BYTES, &found);
    else if (!found)
        return no_account(sandbox, "user", sandbox->user, error, err);
    *ret_has_group = found != NULL;
    *ret_name = "";
    if (found) {
        sandbox->uid = found->pw_uid;
        sandbox->gid = found->pw_gid;
        *ret_name = found->pw_name;
    }
    return NGI_OK;
}

static int find_group(struct sandbox *sandbox, char *room, ngi_error *err)
{
    struct group entry, *found = NULL;
    int error = getgrnam_r(sandbox->group, &entry, room, LOOKUP_BYTES, &found);
    if (found)
        sandbox->gid = found->gr_gid;
    else if (!is_number(sandbox->group, &sandbox->gid))
        return no_account(sandbox, "group", sandbox->group, error, err);
    return NGI_OK;
}

/* The supplementary groups: the user's, and the group. */
static int find_groups(struct sandbox *sandbox, const char *name)
{
    int room = 1, had;
    do {
        had = room;
        gid_t *groups = realloc(sandbox->groups, (size_t)room * sizeof *groups);
        if (!groups)
            return NGI_ENOMEM;
        sandbox->groups = groups;
        groups[0] = sandbox->gid;
    } while (*name && getgrouplist(name, sandbox->gid, sandbox->groups, &room) < 0 && room > had);
    sandbox->group_count = (size_t)room;
    return NGI_OK;
}

static bool has_group(const gid_t *groups, size_t count, gid_t group)
{
    for (size_t i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* Whether this process has these ids already, whatever the order of the groups. */
static bool has_ids(const struct sandbox *sandbox)
{
    enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX of the kernel */
    static gid_t groups[GROUPS_MAX];
    uid_t user[3];
    gid_t group[3];
    int count = getgroups(GROUPS_MAX, groups);
    if (count < 0 || getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (user[i] != sandbox->uid || group[i] != sandbox->gid)
            return false;
    for (int i = 0; i < count; i++)
        if (!has_group(sandbox->groups, sandbox->group_count, groups[i]))
            return false;
    for (size_t i = 0; i < sandbox->group_count; i++)
        if (sandbox->groups[i] != sandbox->gid && !has_group(groups, (size_t)count, sandbox->groups[i]))
            return false;
    return true;
}

static int find_ids(struct sandbox *sandbox, char *room, ngi_error *err)
{
    const char *name = "";
    bool has_own_group = true;
    int rc = sandbox->user ? find_user(sandbox, room, &name, &has_own_group, err) : NGI_OK;
    if (rc == NGI_OK && !has_own_group && !sandbox->group)
        return sandbox_refuse(sandbox, "user", NGI_EINVAL, err,
                              "number %s is no user with a name, so it has no group of its own: set plugin.%s.group",
                              sandbox->user, sandbox->plugin);
    char *room_of_group = room + LOOKUP_BYTES; /* `name` lies in the other half */
    if (rc == NGI_OK && sandbox->group)
        rc = find_group(sandbox, room_of_group, err);
    if (rc == NGI_OK && find_groups(sandbox, name) != NGI_OK)
        rc = ngi_error_set(err, NGI_ENOMEM, "out of memory");
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool sandbox_has_capability(unsigned capability)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets) != 0)
        return false;
    return sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

int sandbox_ids_prepare(struct sandbox *sandbox, ngi_error *err)
{
    sandbox->uid = geteuid();
    sandbox->gid = getegid();
    if (sandbox->user || sandbox->group) {
        char *room = malloc(2 * (size_t)LOOKUP_BYTES);
        int rc = room ? find_ids(sandbox, room, err) : ngi_error_set(err, NGI_ENOMEM, "out of memory");
        free(room);
        if (rc != NGI_OK)
            return rc;
        sandbox->changes_ids = !has_ids(sandbox);
    }
    if (sandbox->changes_ids && !(sandbox_has_capability(CAP_SETUID) && sandbox_has_capability(CAP_SETGID)))
        return sandbox_refuse(sandbox, sandbox->user ? "user" : "group", NGI_EPERM, err,
                              "the gateway runs as user %u and may not become another (CAP_SETUID, CAP_SETGID): start "
                              "it as root, or leave it out",
                              geteuid());
    sandbox->drops_capabilities = sandbox->uid != 0 || sandbox->readonly || sandbox->no_network || sandbox->restricted;
    return NGI_OK;
}

/* The C library makes other threads follow; there is none. That it returned 0 is not taken for it to have worked. */
int sandbox_ids_enter(const struct sandbox *sandbox, ngi_error *err)
{
    if (setgroups(sandbox->group_count, sandbox->groups) != 0)
        return sandbox_fail(sandbox, "setgroups", err);
    if (setresgid(sandbox->gid, sandbox->gid, sandbox->gid) != 0)
        return sandbox_fail(sandbox, "setresgid", err);
    if (setresuid(sandbox->uid, sandbox->uid, sandbox->uid) != 0)
        return sandbox_fail(sandbox, "setresuid", err);
    errno = EPERM;
    if (!has_ids(sandbox))
        return sandbox_fail(sandbox, "the user or the groups have not changed", err);
    return NGI_OK;
}

/* What a change of user leaves: ambient capabilities that a service manager gave (the gateway's, to bind a port), those
 * of a new user namespace, and root's, where root stays. Without any, nothing leads back. */
int sandbox_capabilities_enter(const struct sandbox *sandbox, ngi_error *err)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) /* before Linux 4.3 */
        return sandbox_fail(sandbox, "PR_CAP_AMBIENT_CLEAR_ALL", err);
    if (syscall(SYS_capset, &header, sets) != 0)
        return sandbox_fail(sandbox, "capset", err);
    if (sandbox->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
        errno = EPERM;
        return sandbox_fail(sandbox, "root could be had back", err);
    }
    return NGI_OK;
}
