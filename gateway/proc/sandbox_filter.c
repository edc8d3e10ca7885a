/* System calls that a host process is denied, seccomp(2). A list of what is denied, not of what is allowed: a plugin
 * may be linked to anything, and has to go on working with the next C library. Denied calls fail, so that code which
 * can do without them does. libseccomp compiles the filter in the parent; the child only hands it to the kernel. */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

enum { RESTRICTED = 1, NETWORK = 2, BOTH = RESTRICTED | NETWORK };

#ifdef __s390__
enum { CLONE_FLAGS = 1 }; /* clone(2): the first two arguments are the other way round */
#else
enum { CLONE_FLAGS = 0 };
#endif

struct denial {
    const char *name;
    int number; /* the same on all but old architectures from 424 on: for a libseccomp that does not know the name */
    int error;
    unsigned when; /* with which of the options */
    struct scmp_arg_cmp argument;
    const char *reason;
};

#define WHERE(...) ((struct scmp_arg_cmp){ __VA_ARGS__ })
#define ALWAYS WHERE(0)
/* Only the lower 32 bits: the kernel looks at no others, so a test of all 64 could be passed by setting one above. */
#define LOW(index, value) WHERE(index, SCMP_CMP_MASKED_EQ, UINT32_MAX, value)
#define NOT(index, value) WHERE(index, SCMP_CMP_NE, value, 0)
#define FLAG(value) WHERE(CLONE_FLAGS, SCMP_CMP_MASKED_EQ, value, value)

static const char mounting[] = "would change what the file system looks like, and undo filesystem = readonly";
static const char looking[] = "reads or changes another process of the same user, the gateway perhaps";
static const char machine[] = "administers the machine";
static const char loading[] = "puts code into the kernel";
static const char keys[] = "keyrings are shared by the processes of a user, and the calls have had many faults";
static const char namespaces[] = "a new namespace gives rights to reach kernel code that is otherwise for root";
static const char rings[] = "a ring opens sockets and files without system calls, so past any filter";

static const struct denial denials[] = {
    { "mount", 0, EPERM, RESTRICTED, ALWAYS, mounting },
    { "umount", 0, EPERM, RESTRICTED, ALWAYS, mounting },
    { "umount2", 0, EPERM, RESTRICTED, ALWAYS, mounting },
    { "pivot_root", 0, EPERM, RESTRICTED, ALWAYS, mounting },
    { "chroot", 0, EPERM, RESTRICTED, ALWAYS, "a second one leads out of the first" },
    { "open_tree", 428, EPERM, RESTRICTED, ALWAYS, mounting },
    { "move_mount", 429, EPERM, RESTRICTED, ALWAYS, mounting },
    { "fsopen", 430, EPERM, RESTRICTED, ALWAYS, mounting },
    { "fsconfig", 431, EPERM, RESTRICTED, ALWAYS, mounting },
    { "fsmount", 432, EPERM, RESTRICTED, ALWAYS, mounting },
    { "fspick", 433, EPERM, RESTRICTED, ALWAYS, mounting },
    { "mount_setattr", 442, EPERM, RESTRICTED, ALWAYS, mounting },
    { "open_tree_attr", 467, EPERM, RESTRICTED, ALWAYS, mounting },
    { "open_by_handle_at", 0, EPERM, RESTRICTED, ALWAYS, "opens files by number, past every directory's permission" },

    { "ptrace", 0, EPERM, BOTH, ALWAYS, looking },
    { "process_vm_readv", 0, EPERM, BOTH, ALWAYS, looking },
    { "process_vm_writev", 0, EPERM, BOTH, ALWAYS, looking },
    { "pidfd_getfd", 438, EPERM, BOTH, ALWAYS,
      "takes a descriptor, a socket say, out of another process of the same user" },
    { "prlimit64", 0, EPERM, RESTRICTED, NOT(0, 0), looking }, /* 0 is the caller */
    { "perf_event_open", 0, EPERM, RESTRICTED, ALWAYS, "measures other processes and the kernel; many faults" },
    { "kcmp", 0, EPERM, RESTRICTED, ALWAYS, looking },

    { "kexec_load", 0, EPERM, RESTRICTED, ALWAYS, loading },
    { "kexec_file_load", 0, EPERM, RESTRICTED, ALWAYS, loading },
    { "init_module", 0, EPERM, RESTRICTED, ALWAYS, loading },
    { "finit_module", 0, EPERM, RESTRICTED, ALWAYS, loading },
    { "delete_module", 0, EPERM, RESTRICTED, ALWAYS, loading },
    { "bpf", 0, EPERM, RESTRICTED, ALWAYS, loading },

    { "keyctl", 0, EPERM, RESTRICTED, ALWAYS, keys },
    { "add_key", 0, EPERM, RESTRICTED, ALWAYS, keys },
    { "request_key", 0, EPERM, RESTRICTED, ALWAYS, keys },
    { "userfaultfd", 0, EPERM, RESTRICTED, ALWAYS,
      "stops the kernel in the middle of a copy: a helper of most kernel exploits" },
    { "modify_ldt", 0, EPERM, RESTRICTED, ALWAYS, "16-bit segments: many faults, and no use" },
    { "ioctl", 0, EPERM, RESTRICTED, LOW(1, TIOCSTI), "types into somebody's terminal" },
    { "ioctl", 0, EPERM, RESTRICTED, LOW(1, TIOCLINUX), "pastes into somebody's console" },

    { "unshare", 0, EPERM, RESTRICTED, ALWAYS, namespaces },
    { "setns", 0, EPERM, RESTRICTED, ALWAYS, namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWNS), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWUSER), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWNET), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWPID), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWIPC), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWUTS), namespaces },
    { "clone", 0, EPERM, RESTRICTED, FLAG(CLONE_NEWCGROUP), namespaces },
    { "clone3", 435, ENOSYS, RESTRICTED, ALWAYS,
      "its flags lie in memory, where no filter looks: C libraries then use clone" },

    { "reboot", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "swapon", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "swapoff", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "acct", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "quotactl", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "quotactl_fd", 443, EPERM, RESTRICTED, ALWAYS, machine },
    { "settimeofday", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "clock_settime", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "clock_settime64", 404, EPERM, RESTRICTED, ALWAYS, machine },
    { "sethostname", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "setdomainname", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "syslog", 0, EPERM, RESTRICTED, ALWAYS, "reads the kernel's log, addresses included" },
    { "vhangup", 0, EPERM, RESTRICTED, ALWAYS, machine },
    { "iopl", 0, EPERM, RESTRICTED, ALWAYS, "gives access to the hardware" },
    { "ioperm", 0, EPERM, RESTRICTED, ALWAYS, "gives access to the hardware" },
    { "fanotify_init", 0, EPERM, RESTRICTED, ALWAYS, "watches every file of a file system" },

    { "io_uring_setup", 425, EPERM, BOTH, ALWAYS, rings },
    { "io_uring_enter", 426, EPERM, BOTH, ALWAYS, rings },
    { "io_uring_register", 427, EPERM, BOTH, ALWAYS, rings },

    { "socket", 0, EPERM, NETWORK, NOT(0, AF_UNIX), "network = off" },
    { "socketpair", 0, EPERM, NETWORK, NOT(0, AF_UNIX), "network = off" },
    { "socketcall", 0, EPERM, NETWORK, ALWAYS, "the old way to all of these: its arguments lie in memory" },
};

static int add_denial(scmp_filter_ctx filter, const struct denial *denial)
{
    uint32_t action = SCMP_ACT_ERRNO((uint32_t)denial->error);
    int number = seccomp_syscall_resolve_name(denial->name);
    if (number == __NR_SCMP_ERROR && denial->number == 0)
        return -ENOENT;
    if (number == __NR_SCMP_ERROR)
        number = denial->number;
    /* A call that this architecture has not got is passed over by libseccomp. */
    if (denial->argument.op == 0)
        return seccomp_rule_add(filter, action, number, 0);
    return seccomp_rule_add_array(filter, action, number, 1, &denial->argument);
}

/* The program as the kernel takes it, in memory of ours: libseccomp 2.5 only writes it to a file. */
static int export(scmp_filter_ctx filter, struct sock_fprog *ret)
{
    int fd = memfd_create("seccomp", MFD_CLOEXEC);
    int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    off_t size = rc == 0 ? lseek(fd, 0, SEEK_END) : 0;
    struct sock_filter *program = size > 0 ? malloc((size_t)size) : NULL;
    if (program && pread(fd, program, (size_t)size, 0) == size && size / (off_t)sizeof *program <= BPF_MAXINSNS)
        *ret = (struct sock_fprog){ (unsigned short)(size / (off_t)sizeof *program), program };
    else
        free(program);
    if (fd >= 0)
        close(fd);
    return rc < 0 ? rc : ret->filter ? 0 : -EIO;
}

static int compile(const struct sandbox *sandbox, struct sock_fprog *ret, const char **ret_culprit)
{
    unsigned when = (sandbox->restricted ? RESTRICTED : 0u) | (sandbox->no_network ? NETWORK : 0u);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? 0 : -ENOMEM;
    /* 32-bit calls in a 64-bit process have other numbers: all of them are denied. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    /* A search tree instead of one comparison after the other: every system call pays for it. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < sizeof denials / sizeof *denials && rc == 0; i++)
        if (denials[i].when & when) {
            *ret_culprit = denials[i].name;
            rc = add_denial(filter, &denials[i]);
        }
    if (rc == 0) {
        *ret_culprit = "the whole";
        rc = export(filter, ret);
    }
    if (filter)
        seccomp_release(filter);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

int sandbox_filter_prepare(struct sandbox *sandbox, ngi_error *err)
{
    const char *culprit = "its attributes", *key = sandbox->restricted ? "syscalls" : "network";
    uint32_t action = SECCOMP_RET_ERRNO;
    if (!sandbox->restricted && !sandbox->no_network)
        return NGI_OK;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
        return sandbox_refuse(sandbox, key, NGI_ENOSYS, err,
                              "this kernel has no seccomp filters (%s), which are of Linux 4.14 with "
                              "CONFIG_SECCOMP_FILTER, or a container forbids them: allow them, or leave it out",
                              strerror(errno));
    int rc = compile(sandbox, &sandbox->deny, &culprit);
    if (rc < 0)
        return sandbox_refuse(sandbox, key, NGI_EIO, err,
                              "libseccomp cannot compile %s: %s: install a newer one, or "
                              "leave it out",
                              culprit, strerror(-rc));
    return NGI_OK;
}

/* For all threads at once or for none (TSYNC): should there be another one, it must not stay outside. */
int sandbox_filter_enter(const struct sandbox *sandbox, ngi_error *err)
{
    long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &sandbox->deny);
    if (rc > 0)
        errno = ESRCH; /* the id of a thread that did not follow */
    return rc == 0 ? NGI_OK : sandbox_fail(sandbox, "seccomp", err);
}
