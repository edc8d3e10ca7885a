/* What an operator may ask for: another user, a view of the file system, no network, fewer system calls. */
#include "proc/sandbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"
#include "tests/unit/sandbox_fixture.h"
#include "tests/unit/suites.h"

/* --- users --- */

static int look_at_ids(void)
{
    uid_t user[3];
    gid_t group[3], groups[64];
    if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0)
        return errno;
    for (int i = 0; i < 3; i++)
        if (user[i] != NOBODY_ID || group[i] != NOBODY_ID)
            return 1;
    if (getgroups(64, groups) != 1 || groups[0] != NOBODY_ID)
        return 2;
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 || setegid(0) == 0)
        return 3;
    return setgroups(0, NULL) == 0 ? 4 : 0;
}

static int look_for_capabilities(void)
{
    for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (sandbox_has_capability(capability))
            return EPERM;
    return 0;
}

START_TEST(another_user_for_good)
{
    be_nobody();
    ck_assert_int_eq(TRY(look_at_ids), 0);
    ck_assert_int_eq(TRY(look_for_capabilities), 0);
}
END_TEST

static int look_at_the_end_signal(void)
{
    int signal_number = 0;
    return prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGKILL ? 0 : EPERM;
}

START_TEST(another_user_still_ends_with_the_parent)
{
    be_nobody();
    ck_assert_int_eq(TRY(look_at_the_end_signal), 0);
}
END_TEST

static gid_t expected[256];
static int expected_count;

static int look_at_groups(void)
{
    gid_t groups[256];
    int count = getgroups(256, groups);
    for (int i = 0; i < expected_count; i++) {
        bool found = false;
        for (int j = 0; j < count; j++)
            found |= groups[j] == expected[i];
        if (!found)
            return EPERM;
    }
    return count == expected_count && getegid() == getpwuid(getuid())->pw_gid ? 0 : ERANGE;
}

START_TEST(a_user_comes_with_its_groups)
{
    struct passwd *daemon = getpwnam("daemon");
    ck_assert_ptr_nonnull(daemon);
    expected_count = 256;
    ck_assert_int_gt(getgrouplist("daemon", daemon->pw_gid, expected, &expected_count), 0);
    sandbox.user = "daemon";
    ck_assert_int_eq(TRY(look_at_groups), 0);
}
END_TEST

static int look_at_the_group(void)
{
    gid_t groups[64];
    return getuid() == 0 && getgid() == NOBODY_ID && getgroups(64, groups) == 1 && groups[0] == NOBODY_ID ? 0 : EPERM;
}

START_TEST(another_group_alone)
{
    sandbox.group = NOBODY;
    ck_assert_int_eq(TRY(look_at_the_group), 0);
}
END_TEST

static int is_dumpable(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static int is_dumpable_with_core(void)
{
    struct rlimit core = { 4096, 4096 };
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &core), 0);
    return TRY(is_dumpable);
}

static int is_dumpable_without_core(void)
{
    struct rlimit core = { 0, 0 };
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &core), 0);
    return TRY(is_dumpable);
}

START_TEST(another_user_dumps_core_as_the_operator_has_it)
{
    be_nobody();
    ck_assert_int_ne(try_free(is_dumpable_without_core), 1);
    ck_assert_int_eq(try_free(is_dumpable_with_core), 1);
}
END_TEST

START_TEST(accounts_that_are_not_there)
{
    sandbox.user = "no-such-one";
    assert_refused(NGI_ENOENT, "plugin.p.user: there is no user \"no-such-one\" on this machine: getent passwd lists "
                               "those there are");
    sandbox.user = NOBODY;
    assert_refused(NGI_EINVAL, "plugin.p.user: number 54321 is no user with a name, so it has no group of its own: set "
                               "plugin.p.group");
    sandbox.user = NULL;
    sandbox.group = "no-such-one";
    assert_refused(NGI_ENOENT, "plugin.p.group: there is no group \"no-such-one\" on this machine: getent group lists "
                               "those there are");
}
END_TEST

static int ask_for_another_user(void)
{
    drop_root();
    char words[256];
    snprintf(words, sizeof words,
             "plugin.p.user: the gateway runs as user %u and may not become another (CAP_SETUID, CAP_SETGID): start it "
             "as root, or leave it out",
             geteuid());
    sandbox.user = "root";
    return sandbox_prepare(&sandbox, &err) == NGI_EPERM && strcmp(err.text, words) == 0 ? 0 : 1;
}

START_TEST(another_user_without_the_right_to_become_it)
{
    ck_assert_int_eq(try_free(ask_for_another_user), 0);
}
END_TEST

static int ask_for_the_same_user(void)
{
    char number[16], group[16];
    drop_root();
    if (getgroups(0, NULL) > 1)
        return 0; /* its own groups are more than a number can ask for */
    snprintf(number, sizeof number, "%u", geteuid());
    snprintf(group, sizeof group, "%u", getegid());
    sandbox.user = number;
    sandbox.group = group;
    return sandbox_prepare(&sandbox, &err) == NGI_OK && !sandbox.changes_ids ? 0 : 1;
}

START_TEST(the_same_user_needs_no_right)
{
    ck_assert_int_eq(try_free(ask_for_the_same_user), 0);
}
END_TEST

/* --- files --- */

static char *writable[1];
static char below[96], old_name[96], new_name[96], sub[2][96];

/* The fixture's directory with a writable one in it, which has two of its own. */
static void ask_readonly(enum sandbox_means means)
{
    snprintf(below, sizeof below, "%s/w", dir);
    for (int i = 0; i < 2; i++)
        snprintf(sub[i], sizeof sub[i], "%s/w/%d", dir, i);
    snprintf(old_name, sizeof old_name, "%s/w/0/old", dir);
    snprintf(new_name, sizeof new_name, "%s/w/1/new", dir);
    ck_assert(mkdir(below, 0777) == 0 && mkdir(sub[0], 0777) == 0 && mkdir(sub[1], 0777) == 0);
    ck_assert(chmod(below, 0777) == 0 && chmod(sub[0], 0777) == 0 && chmod(sub[1], 0777) == 0);
    writable[0] = below;
    sandbox.readonly = true;
    sandbox.means = means;
    sandbox.writable = writable;
    sandbox.writable_count = 1;
}

static bool is_forbidden(bool good)
{
    return !good && (errno == EACCES || errno == EROFS || errno == EXDEV || errno == EPERM);
}

/* The number of the line of the first thing that works and should not. */
#define FORBIDDEN(call)                                                                                                \
    do {                                                                                                               \
        if (!is_forbidden(call))                                                                                       \
            return fprintf(stderr, "line %d: %s\n", __LINE__, strerror(errno)), 1;                                     \
    } while (0)
#define ALLOWED(call)                                                                                                  \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            return fprintf(stderr, "line %d: %s\n", __LINE__, strerror(errno)), 1;                                     \
    } while (0)

static int change_files(void)
{
    char name[96], other[96];
    snprintf(name, sizeof name, "%s/new", dir);
    snprintf(other, sizeof other, "%s/w/file", dir);
    FORBIDDEN(open(file, O_WRONLY) >= 0);
    FORBIDDEN(open(file, O_RDWR) >= 0);
    FORBIDDEN(open(file, O_RDONLY | O_TRUNC) >= 0);
    FORBIDDEN(truncate(file, 1) == 0);
    FORBIDDEN(open(name, O_WRONLY | O_CREAT, 0600) >= 0);
    FORBIDDEN(open(dir, O_WRONLY | O_TMPFILE, 0600) >= 0);
    FORBIDDEN(mkdir(name, 0700) == 0);
    FORBIDDEN(mkfifo(name, 0600) == 0);
    FORBIDDEN(symlink("x", name) == 0);
    FORBIDDEN(link(file, name) == 0);
    FORBIDDEN(unlink(file) == 0);
    FORBIDDEN(rename(file, name) == 0);
    FORBIDDEN(rename(file, other) == 0);
    FORBIDDEN(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    return 0;
}

static int use_files(void)
{
    ALLOWED(open(file, O_RDONLY) >= 0);
    ALLOWED(open("/dev/null", O_RDWR) >= 0);
    ALLOWED(open("/etc/passwd", O_RDONLY) >= 0);
    int fd = open(old_name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ALLOWED(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && fchmod(fd, 0644) == 0);
    ALLOWED(rename(old_name, new_name) == 0);
    ALLOWED(unlink(new_name) == 0);
    ALLOWED(rmdir(sub[1]) == 0 && mkdir(sub[1], 0777) == 0);
    ALLOWED(system("exit 0") == 0);
    return 0;
}

static int change_the_mode(void)
{
    return chmod(file, 0666) == 0 ? 0 : errno;
}

START_TEST(a_read_only_file_system_by_landlock)
{
    ask_readonly(SANDBOX_LANDLOCK);
    ck_assert_int_eq(TRY(change_files), 0);
    ck_assert_int_eq(TRY(use_files), 0);
    ck_assert_int_eq(TRY(change_the_mode), 0); /* what Landlock does not cover: doc/THREATS.md says so */
}
END_TEST

START_TEST(a_read_only_file_system_by_mounts)
{
    ask_readonly(SANDBOX_MOUNTS);
    ck_assert_int_eq(TRY(change_files), 0);
    ck_assert_int_eq(TRY(use_files), 0);
    ck_assert_int_eq(TRY(change_the_mode), EROFS);
    ck_assert_int_eq(TRY(look_for_capabilities), 0);
}
END_TEST

static int mounts_without_privilege(void)
{
    drop_root();
    return TRY(change_files) || TRY(use_files) || TRY(look_for_capabilities) || !TRY(change_the_mode);
}

START_TEST(a_read_only_file_system_by_mounts_without_privilege)
{
    ask_readonly(SANDBOX_MOUNTS);
    ck_assert_int_eq(try_free(mounts_without_privilege), 0);
}
END_TEST

START_TEST(a_read_only_file_system_for_another_user)
{
    ask_readonly(SANDBOX_BEST);
    be_nobody();
    ck_assert_int_eq(TRY(change_files), 0);
    ck_assert_int_eq(TRY(use_files), 0);
}
END_TEST

/* As on a machine that has neither Landlock nor namespaces. */
static int readonly_on_a_poorer_machine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0) != 0 ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) != 0 || seccomp_load(filter) != 0)
        return 255;
    seccomp_release(filter);
    bool privileged = sandbox_has_capability(CAP_SYS_ADMIN);
    char words[512];
    snprintf(words, sizeof words,
             "plugin.p.filesystem: readonly needs Landlock of Linux 6.2 or later (CONFIG_SECURITY_LANDLOCK, "
             "lsm=landlock), and this kernel has none; or mount namespaces, and here they fail (Operation not "
             "permitted%s): allow one of them, or leave it out",
             privileged ? "" : "; sysctl user.max_user_namespaces");
    sandbox.readonly = true;
    int rc = sandbox_prepare(&sandbox, &err);
    fprintf(stderr, "%s", strcmp(err.text, words) == 0 ? "" : err.text);
    return rc == NGI_ENOSYS && strcmp(err.text, words) == 0 ? 0 : 1;
}

START_TEST(a_read_only_file_system_that_cannot_be_had_is_refused)
{
    ck_assert_int_eq(try_free(readonly_on_a_poorer_machine), 0);
}
END_TEST

START_TEST(writable_directories_that_make_no_sense)
{
    char words[256];
    writable[0] = dir;
    sandbox.writable = writable;
    sandbox.writable_count = 1;
    assert_refused(NGI_EINVAL, "plugin.p.writable: every directory is writable where the file system is not read-only: "
                               "set plugin.p.filesystem = readonly, or leave it out");
    sandbox.readonly = true;
    writable[0] = file;
    snprintf(words, sizeof words, "plugin.p.writable: %s: Not a directory: make it, or leave it out", file);
    assert_refused(NGI_ENOENT, words);
    sandbox.writable_count = SANDBOX_WRITABLE_MAX + 1;
    assert_refused(NGI_ETOOBIG, "plugin.p.writable: 65 directories are too many: right are 64 at most");
}
END_TEST

static int look_at_the_root(void)
{
    struct stat up, root;
    char where[64];
    ALLOWED(open("/file", O_RDWR) >= 0);
    ALLOWED(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
    ALLOWED(open("../../../../etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
    ALLOWED(stat("/..", &up) == 0 && stat("/", &root) == 0 && up.st_ino == root.st_ino);
    ALLOWED(getcwd(where, sizeof where) && strcmp(where, "/") == 0);
    ALLOWED(chroot("/") != 0 && errno == EPERM);
    return 0;
}

START_TEST(another_root_directory)
{
    sandbox.chroot = dir;
    be_nobody();
    ck_assert_int_eq(TRY(look_at_the_root), 0);
}
END_TEST

static bool has_null;

/* Its own /dev/null is writable, unlike a file by the name of another device. */
static void make_devices(void)
{
    char name[96];
    snprintf(name, sizeof name, "%s/dev", dir);
    ck_assert(mkdir(name, 0755) == 0);
    snprintf(name, sizeof name, "%s/dev/null", dir);
    has_null = mknod(name, S_IFCHR | 0666, makedev(1, 3)) == 0 && chmod(name, 0666) == 0 && access(name, W_OK) == 0;
    if (!has_null || open(name, O_WRONLY | O_CLOEXEC) < 0) {
        fprintf(stderr, "skipped: devices in another root directory: %s takes none\n", dir);
        has_null = false;
    }
    snprintf(name, sizeof name, "%s/dev/zero", dir);
    int fd = open(name, O_WRONLY | O_CREAT, 0666);
    ck_assert(fd >= 0 && fchmod(fd, 0666) == 0 && close(fd) == 0);
}

static int change_files_below_the_root(void)
{
    ALLOWED(!has_null || open("/dev/null", O_RDWR) >= 0);
    FORBIDDEN(open("/dev/zero", O_RDWR) >= 0);
    ALLOWED(open("/file", O_RDONLY) >= 0);
    FORBIDDEN(open("/file", O_RDWR) >= 0);
    ALLOWED(open("/w/new", O_WRONLY | O_CREAT, 0600) >= 0);
    return 0;
}

START_TEST(another_root_directory_that_is_read_only)
{
    char link[96];
    static const enum sandbox_means means[] = { SANDBOX_BEST, SANDBOX_MOUNTS };
    ask_readonly(SANDBOX_BEST);
    snprintf(link, sizeof link, "%s/link", dir);
    ck_assert_int_eq(symlink("/w", link), 0);
    writable[0] = (char *)"/link"; /* inside: not the /w of the machine */
    sandbox.chroot = dir;
    make_devices();
    be_nobody();
    for (size_t i = 0; i < 2; i++) {
        sandbox.means = means[i];
        ck_assert_int_eq(TRY(change_files_below_the_root), 0);
        snprintf(link, sizeof link, "%s/w/new", dir);
        ck_assert_int_eq(unlink(link), 0);
    }
}
END_TEST

START_TEST(another_root_directory_for_root_is_refused)
{
    sandbox.chroot = dir;
    assert_refused(NGI_EPERM, "plugin.p.chroot: the host processes would run as root, who can leave it: set "
                              "plugin.p.user");
    sandbox.chroot = "/no/such/one";
    assert_refused(NGI_ENOENT, "plugin.p.chroot: /no/such/one: No such file or directory");
    sandbox.chroot = file;
    char words[256];
    snprintf(words, sizeof words, "plugin.p.chroot: %s: Not a directory", file);
    assert_refused(NGI_ENOENT, words);
}
END_TEST

static int ask_for_another_root(void)
{
    drop_root();
    char words[256];
    snprintf(words, sizeof words,
             "plugin.p.chroot: user %u may not change the root directory (CAP_SYS_CHROOT): start the gateway as root, "
             "or leave it out",
             geteuid());
    sandbox.chroot = dir;
    return sandbox_prepare(&sandbox, &err) == NGI_EPERM && strcmp(err.text, words) == 0 ? 0 : 1;
}

START_TEST(another_root_directory_without_the_right_to_it_is_refused)
{
    ck_assert_int_eq(try_free(ask_for_another_root), 0);
}
END_TEST

/* --- network --- */

static int open_sockets(void)
{
    static const int families[] = { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH };
    int pair[2];
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (socket(families[i], SOCK_STREAM, 0) >= 0 || errno != EPERM)
            return families[i];
    if (syscall(SYS_socket, (1UL << 32) | AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 254;
    if (syscall(SYS_io_uring_setup, 8, NULL) >= 0 || errno != EPERM)
        return 253;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
        return 252;
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 251;
    return 0;
}

static int connect_inside(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : 0;
}

START_TEST(no_network)
{
    ck_assert_int_eq(TRY(connect_inside), 0);
    sandbox.no_network = true;
    ck_assert_int_eq(TRY(open_sockets), 0);
    ck_assert_int_eq(TRY(look_for_capabilities), 0);
}
END_TEST

static struct sockaddr_un abstract = { .sun_family = AF_UNIX };
static socklen_t abstract_length;

static int connect_abstract(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&abstract, abstract_length) == 0 ? 0 : errno;
}

START_TEST(no_network_is_no_abstract_socket_either)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(abstract.sun_path + 1, sizeof abstract.sun_path - 1, "postern-sandbox-%d", getpid());
    abstract_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract.sun_path + 1));
    ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&abstract, abstract_length) == 0 && listen(fd, 8) == 0);
    ck_assert_int_eq(TRY(connect_abstract), 0);
    sandbox.no_network = true;
    ck_assert_int_eq(TRY(connect_abstract), EPERM);
    close(fd);
}
END_TEST

/* --- system calls --- */

struct call {
    const char *name;
    long number, arguments[4];
    int error;
};

/* With arguments that are harmless, or nonsense, where the call is not denied. */
static const struct call calls[] = {
    { "mount", SYS_mount, { 0, 0, 0, 0 }, EPERM },
    { "umount2", SYS_umount2, { 0, 0, 0, 0 }, EPERM },
    { "pivot_root", SYS_pivot_root, { 0, 0, 0, 0 }, EPERM },
    { "chroot", SYS_chroot, { 0, 0, 0, 0 }, EPERM },
    { "open_tree", SYS_open_tree, { -1, 0, 0, 0 }, EPERM },
    { "fsopen", SYS_fsopen, { 0, 0, 0, 0 }, EPERM },
    { "mount_setattr", 442, { -1, 0, 0, 0 }, EPERM },
    { "open_by_handle_at", SYS_open_by_handle_at, { -1, 0, 0, 0 }, EPERM },
    { "ptrace", SYS_ptrace, { PTRACE_TRACEME, 0, 0, 0 }, EPERM },
    { "process_vm_readv", SYS_process_vm_readv, { 0, 0, 0, 0 }, EPERM },
    { "process_vm_writev", SYS_process_vm_writev, { 0, 0, 0, 0 }, EPERM },
    { "pidfd_getfd", SYS_pidfd_getfd, { -1, 0, 0, 0 }, EPERM },
    { "prlimit64 of process 1", SYS_prlimit64, { 1, RLIMIT_CORE, 0, 0 }, EPERM },
    { "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0 }, EPERM },
    { "kcmp", SYS_kcmp, { 0, 0, 0, 0 }, EPERM },
    { "kexec_load", SYS_kexec_load, { 0, 0, 0, -1 }, EPERM },
    { "init_module", SYS_init_module, { 0, 0, 0, 0 }, EPERM },
    { "finit_module", SYS_finit_module, { -1, 0, 0, 0 }, EPERM },
    { "delete_module", SYS_delete_module, { 0, 0, 0, 0 }, EPERM },
    { "bpf", SYS_bpf, { -1, 0, 0, 0 }, EPERM },
    { "keyctl", SYS_keyctl, { -1, 0, 0, 0 }, EPERM },
    { "add_key", SYS_add_key, { 0, 0, 0, 0 }, EPERM },
    { "request_key", SYS_request_key, { 0, 0, 0, 0 }, EPERM },
    { "userfaultfd", SYS_userfaultfd, { -1, 0, 0, 0 }, EPERM },
    { "ioctl TIOCSTI", SYS_ioctl, { -1, TIOCSTI, 0, 0 }, EPERM },
    { "ioctl TIOCSTI and bits above", SYS_ioctl, { -1, TIOCSTI | 1L << 40, 0, 0 }, EPERM },
    { "unshare", SYS_unshare, { CLONE_NEWUSER, 0, 0, 0 }, EPERM },
    { "setns", SYS_setns, { -1, 0, 0, 0 }, EPERM },
#ifndef __s390__
    { "clone of a user namespace", SYS_clone, { CLONE_NEWUSER | CLONE_THREAD, 0, 0, 0 }, EPERM },
    { "clone of a mount namespace", SYS_clone, { CLONE_NEWNS | CLONE_FS, 0, 0, 0 }, EPERM },
#endif
    { "clone3", SYS_clone3, { 0, 0, 0, 0 }, ENOSYS },
    { "reboot", SYS_reboot, { 0, 0, 0, 0 }, EPERM },
    { "swapon", SYS_swapon, { 0, 0, 0, 0 }, EPERM },
    { "swapoff", SYS_swapoff, { 0, 0, 0, 0 }, EPERM },
    { "quotactl", SYS_quotactl, { -1, 0, 0, 0 }, EPERM },
    { "settimeofday", SYS_settimeofday, { 1, 1, 0, 0 }, EPERM },
    { "clock_settime", SYS_clock_settime, { -1, 1, 0, 0 }, EPERM },
    { "sethostname", SYS_sethostname, { 0, -1, 0, 0 }, EPERM },
    { "syslog", SYS_syslog, { -1, 0, 0, 0 }, EPERM },
    { "fanotify_init", SYS_fanotify_init, { -1, -1, 0, 0 }, EPERM },
    { "io_uring_setup", SYS_io_uring_setup, { 8, 0, 0, 0 }, EPERM },
    { "io_uring_enter", SYS_io_uring_enter, { -1, 0, 0, 0 }, EPERM },
    { "io_uring_register", SYS_io_uring_register, { -1, 0, 0, 0 }, EPERM },
};

static int make_calls(void)
{
    int wrong = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *a = calls[i].arguments;
        errno = 0;
        if (syscall(calls[i].number, a[0], a[1], a[2], a[3]) != -1 || errno != calls[i].error) {
            fprintf(stderr, "%s: %s\n", calls[i].name, strerror(errno));
            wrong = 1;
        }
    }
    return wrong;
}

/* The filter alone, as whoever this is: what is denied then is denied by it. */
static int make_calls_with_privileges(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return sandbox_filter_enter(&sandbox, &err) == NGI_OK ? make_calls() : 255;
}

START_TEST(what_restricted_system_calls_are)
{
    sandbox.restricted = true;
    ck_assert_int_eq(TRY(make_calls), 0);
    ck_assert_int_eq(TRY(look_for_capabilities), 0);
    ck_assert_int_eq(sandbox_prepare(&sandbox, &err), NGI_OK);
    ck_assert_int_eq(try_free(make_calls_with_privileges), 0);
}
END_TEST

#if defined(__x86_64__) && defined(__LP64__)
/* The same kernel by other doors: x32's numbers, and i386's. */
static int call_as_x32(void)
{
    enum { X32 = 0x40000000 };
    return syscall(X32 + SYS_socket, AF_INET, SOCK_STREAM, 0) == -1 ? errno : 0;
}

static int call_as_i386(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); /* getpid */
    return result < 0 ? (int)-result : 0;
}

START_TEST(system_calls_of_other_architectures_are_denied)
{
    sandbox.no_network = true;
    ck_assert_int_eq(TRY(call_as_x32), EPERM);
    int end = TRY(call_as_i386);
    ck_assert_msg(end == EPERM || end == -SIGSEGV, "%d", end); /* a kernel without them ends the process */
}
END_TEST
#endif

static void *run_thread(void *arg)
{
    return arg;
}

static int work(void)
{
    pthread_t thread;
    void *result = NULL;
    struct rlimit files;
    int status = 1, ends[2];
    ALLOWED(pthread_create(&thread, NULL, run_thread, &files) == 0 && pthread_join(thread, &result) == 0 &&
            result == &files);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    ALLOWED(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    ALLOWED(system("exit 7") == 7 << 8);
    ALLOWED(socket(AF_INET, SOCK_STREAM, 0) >= 0 && pipe(ends) == 0 && open(file, O_RDWR) >= 0);
    ALLOWED(getrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0);
    ALLOWED(ioctl(ends[0], FIONREAD, &status) == 0);
    return 0;
}

START_TEST(what_works_all_the_same)
{
    sandbox.restricted = true;
    ck_assert_int_eq(TRY(work), 0);
}
END_TEST

static int sandboxed_on_a_poorer_machine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) != 0 || seccomp_load(filter) != 0)
        return 255;
    seccomp_release(filter);
    sandbox.no_network = true;
    return sandbox_prepare(&sandbox, &err) == NGI_ENOSYS &&
                   strcmp(err.text, "plugin.p.network: this kernel has no seccomp filters (Function not implemented), "
                                    "which are of Linux 4.14 with CONFIG_SECCOMP_FILTER, or a container forbids them: "
                                    "allow them, or leave it out") == 0
             ? 0
             : 1;
}

START_TEST(a_filter_that_cannot_be_had_is_refused)
{
    ck_assert_int_eq(try_free(sandboxed_on_a_poorer_machine), 0);
}
END_TEST

/* --- all together --- */

static int live_with_everything(void)
{
    return look_at_ids() || look_for_capabilities() || look_at_the_end_signal() || change_files_below_the_root() ||
           make_calls() || open_sockets();
}

START_TEST(everything_at_once)
{
    ask_readonly(SANDBOX_BEST);
    writable[0] = (char *)"/w";
    sandbox.chroot = dir;
    make_devices();
    be_nobody();
    sandbox.no_network = sandbox.restricted = true;
    sandbox.cpu_limit = 10;
    sandbox.files_limit = 32;
    sandbox.processes_limit = 16;
    sandbox.file_size_limit = 4096;
    if (!lacks_address_space())
        sandbox.memory_limit = 512 << 20;
    ck_assert_int_eq(TRY(live_with_everything), 0);
}
END_TEST

Suite *sandbox_options_suite(void)
{
    Suite *suite = suite_create("sandbox_options");
    TCase *tests = tcase_create("sandbox_options");
    const char *lacks_readonly = lacks_landlock() ? lacks_mounts() : NULL;
    const char *lacks_both = lacks_root() ? lacks_root() : lacks_readonly;
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, sandbox_set_up, sandbox_tear_down);
    ADD_UNLESS(lacks_root(), tests, another_user_for_good);
    ADD_UNLESS(lacks_root(), tests, another_user_still_ends_with_the_parent);
    ADD_UNLESS(lacks_root(), tests, a_user_comes_with_its_groups);
    ADD_UNLESS(lacks_root(), tests, another_group_alone);
    ADD_UNLESS(lacks_root(), tests, another_user_dumps_core_as_the_operator_has_it);
    tcase_add_test(tests, accounts_that_are_not_there);
    tcase_add_test(tests, another_user_without_the_right_to_become_it);
    tcase_add_test(tests, the_same_user_needs_no_right);

    ADD_UNLESS(lacks_landlock(), tests, a_read_only_file_system_by_landlock);
    ADD_UNLESS(lacks_mounts(), tests, a_read_only_file_system_by_mounts);
    ADD_UNLESS(lacks_user_namespaces(), tests, a_read_only_file_system_by_mounts_without_privilege);
    ADD_UNLESS(lacks_both, tests, a_read_only_file_system_for_another_user);
    tcase_add_test(tests, a_read_only_file_system_that_cannot_be_had_is_refused);
    tcase_add_test(tests, writable_directories_that_make_no_sense);
    ADD_UNLESS(lacks_root(), tests, another_root_directory);
    ADD_UNLESS(lacks_both ? lacks_both : lacks_mounts(), tests, another_root_directory_that_is_read_only);
    ADD_UNLESS(lacks_root(), tests, another_root_directory_for_root_is_refused);
    tcase_add_test(tests, another_root_directory_without_the_right_to_it_is_refused);

    tcase_add_test(tests, no_network);
    ADD_UNLESS(lacks_scopes(), tests, no_network_is_no_abstract_socket_either);
    tcase_add_test(tests, what_restricted_system_calls_are);
#if defined(__x86_64__) && defined(__LP64__)
    tcase_add_test(tests, system_calls_of_other_architectures_are_denied);
#endif
    tcase_add_test(tests, what_works_all_the_same);
    tcase_add_test(tests, a_filter_that_cannot_be_had_is_refused);
    ADD_UNLESS(lacks_both, tests, everything_at_once);
    suite_add_tcase(suite, tests);
    return suite;
}
