/* What a process that runs a plugin may do. The sandbox is plain data, made of the settings of the plugin's block;
 * sandbox_prepare finds out in the parent whether this machine can do it, and sandbox_enter does it, in the child,
 * right before foreign code is loaded. All or nothing: what was asked for and cannot be had is an error, and the child
 * must not go on. What it protects from whom, and what it does not: doc/THREATS.md. */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "conf/settings.h"
#include "sdk/ngi.h"

/* How a file system is made read-only. */
enum sandbox_means {
    SANDBOX_BEST,     /* Landlock, else mounts, else an error */
    SANDBOX_LANDLOCK, /* needs no privilege; changes of mode, owner and time are not covered */
    SANDBOX_MOUNTS,   /* a mount namespace of its own, and without privilege a user namespace around it */
};

struct sandbox {
    /* What is asked for; the strings are the settings'. NULL, -1, false: nothing. */
    const char *plugin; /* its name, for messages */
    const char *user, *group, *chroot;
    bool readonly;
    char *const *writable; /* under readonly: directories, as they are named inside the chroot */
    size_t writable_count;
    enum sandbox_means means;
    bool no_network;
    bool restricted; /* system calls */
    int64_t memory_limit, cpu_limit, files_limit, processes_limit, file_size_limit;

    /* Whose end is that of the child: 0 in sandbox_prepare: the caller's. Where the child prepares itself, as it has
     * been executed anew, it says here who has started it. */
    pid_t parent;

    /* What sandbox_prepare found. */
    bool changes_ids; /* to the following; else they are those of the process as it is */
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
    bool drops_capabilities;
    bool oom_first;         /* oom_score_adj can be raised */
    int landlock_abi;       /* 0: none */
    int rules;              /* the Landlock ruleset, or -1 */
    bool mounts;            /* readonly is by mounts */
    bool user_namespace;    /* they need one */
    struct sock_fprog deny; /* the seccomp program; no filter: none */
};

/* From a plugin's block; NULL: it has none. The block has to outlive the sandbox. */
void sandbox_from_settings(struct sandbox *sandbox, const char *plugin, const struct plugin_settings *settings);

/* In the process that will fork the child, or that will enter, before it gives up anything, and once: looks up names,
 * opens directories, compiles the filter, and asks the kernel for each mechanism. NGI_OK, or an NGI_E code with the key
 * and the remedy in `err`. sandbox_release in either case. */
int sandbox_prepare(struct sandbox *sandbox, ngi_error *err);

/* In the child. Closes every descriptor but `keep` (0, 1 and 2 become /dev/null instead); none of `keep` may be a
 * directory, which would lead out of every restriction of paths. To be called by the only thread of the process; it
 * allocates nothing and takes no lock, so that the parent may have had several. Once it has failed, the child is
 * neither here nor there, and has to end. What it forks later (a zygote its hosts) inherits all of it but the end with
 * its parent, for which sandbox_end_with_parent is; to be ended as a group, each needs a setpgid of its own. */
int sandbox_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err);

/* The calling process gets SIGKILL when the thread of `parent` that forked it ends; an error if it has already. */
int sandbox_end_with_parent(pid_t parent, ngi_error *err);

/* What is in force, in a line for the log, without a line end; after sandbox_prepare. NGI_OK, NGI_ENOMEM. */
int sandbox_describe(const struct sandbox *sandbox, struct buffer *out);

/* Closes and frees what sandbox_prepare got. The child need not. */
void sandbox_release(struct sandbox *sandbox);

#endif
