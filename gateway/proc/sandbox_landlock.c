/* Landlock, landlock(7): a process gives up rights, without privilege and for good. The C library has no calls for it,
 * and the headers of Debian 12 are older than its kernel may be, so newer rights are spelled out here. What it cannot
 * take away: chmod, chown, utime, setxattr, flock and ioctl on what one may open for reading. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

/* struct landlock_ruleset_attr as it is from ABI 6 on. The kernel takes a larger one than it knows if the rest is 0. */
struct ruleset {
    uint64_t fs, net, scoped;
};

enum { ABI_TRUNCATE = 3, ABI_SCOPED = 6 }; /* Linux 6.2 and 6.12 */

#define FS_TRUNCATE (UINT64_C(1) << 14)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* All that changes a file or a directory. Reading and executing stay as they are. REFER, moving between directories, is
 * forbidden wherever any right is handled, and has to be handled to be allowed below the writable ones. */
#define FS_WRITING                                                                                                     \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                  \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                        \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                     \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define FS_OF_A_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* Opened for writing by shells and libraries, and harmless. */
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full" };

static int allow(const struct sandbox *sandbox, int fd, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    int rc = (int)syscall(SYS_landlock_add_rule, sandbox->rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0), error = errno;
    close(fd);
    errno = error;
    return rc;
}

static int allow_writing(const struct sandbox *sandbox, ngi_error *err)
{
    for (size_t i = 0; i < sandbox->writable_count; i++) {
        int fd = sandbox_open_inside(sandbox, sandbox->writable[i], O_PATH | O_DIRECTORY);
        if (fd < 0 || allow(sandbox, fd, FS_WRITING) != 0)
            return sandbox_refuse(sandbox, "writable", NGI_EIO, err, "%s: %s", sandbox->writable[i], strerror(errno));
    }
    /* A chroot may have them, or not, or files by these names. */
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct stat status;
        int fd = sandbox_open_inside(sandbox, devices[i], O_PATH);
        if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode)))
            close(fd);
        else if (fd >= 0 && allow(sandbox, fd, FS_OF_A_FILE) != 0)
            return sandbox_refuse(sandbox, "filesystem", NGI_EIO, err, "%s: %s", devices[i], strerror(errno));
    }
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

void sandbox_landlock_probe(struct sandbox *sandbox)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    sandbox->landlock_abi = abi > 0 ? (int)abi : 0;
}

bool sandbox_landlock_can(const struct sandbox *sandbox)
{
    return sandbox->landlock_abi >= ABI_TRUNCATE;
}

/* Beside the file system, where the kernel can: no signals to processes outside, which costs a plugin nothing, and
 * protects a gateway of the same user. Tracing them is forbidden with any ruleset. */
int sandbox_landlock_prepare(struct sandbox *sandbox, ngi_error *err)
{
    struct ruleset ruleset = { 0, 0, 0 };
    if (sandbox->readonly && !sandbox->mounts)
        ruleset.fs = FS_WRITING;
    if (sandbox->landlock_abi >= ABI_SCOPED)
        ruleset.scoped = SCOPE_SIGNAL | (sandbox->no_network ? SCOPE_ABSTRACT_UNIX_SOCKET : 0);
    if (!ruleset.fs && !ruleset.scoped)
        return NGI_OK;
    sandbox->rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (sandbox->rules < 0)
        return ngi_error_set(err, NGI_EIO, "plugin %s: Landlock %d takes no ruleset: %s", sandbox->plugin,
                             sandbox->landlock_abi, strerror(errno));
    return ruleset.fs ? allow_writing(sandbox, err) : NGI_OK;
}

int sandbox_landlock_enter(const struct sandbox *sandbox, ngi_error *err)
{
    if (syscall(SYS_landlock_restrict_self, sandbox->rules, 0) != 0)
        return sandbox_fail(sandbox, "landlock_restrict_self", err);
    return NGI_OK;
}
