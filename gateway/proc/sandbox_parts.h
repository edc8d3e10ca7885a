/* The parts of the sandbox, a file each; for them and sandbox.c alone. A part has at most a `prepare` (in the parent;
 * complains of settings) and an `enter` (in the child; nothing there allocates or takes a lock). */
#ifndef PROC_SANDBOX_PARTS_H
#define PROC_SANDBOX_PARTS_H

#include "proc/sandbox.h"

enum { SANDBOX_WRITABLE_MAX = 64 };

/* Fills `err` with "plugin.NAME.KEY: …" and returns `code`. */
int sandbox_refuse(const struct sandbox *sandbox, const char *key, int code, ngi_error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* In the child: fills `err` with "plugin NAME: its sandbox: WHAT: the words of errno" and returns NGI_EPERM. */
int sandbox_fail(const struct sandbox *sandbox, const char *what, ngi_error *err);

/* sandbox_ids.c: user, group, supplementary groups, capabilities */
int sandbox_ids_prepare(struct sandbox *sandbox, ngi_error *err);
int sandbox_ids_enter(const struct sandbox *sandbox, ngi_error *err);
int sandbox_capabilities_enter(const struct sandbox *sandbox, ngi_error *err);
bool sandbox_has_capability(unsigned capability);

/* sandbox_limits.c */
int sandbox_limits_prepare(const struct sandbox *sandbox, ngi_error *err);
int sandbox_limits_enter(const struct sandbox *sandbox, ngi_error *err);

/* sandbox_process.c: what every host process gets */
void sandbox_process_prepare(struct sandbox *sandbox);
int sandbox_process_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err);
int sandbox_core_enter(const struct sandbox *sandbox, ngi_error *err);
int sandbox_descriptors_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err);

/* sandbox_files.c: chroot, and who makes the file system read-only */
int sandbox_files_prepare(struct sandbox *sandbox, ngi_error *err);
int sandbox_chroot_enter(const struct sandbox *sandbox, ngi_error *err);
/* Opens `path` as the host process will know it, inside the chroot; -1 and errno. */
int sandbox_open_inside(const struct sandbox *sandbox, const char *path, int flags);

/* sandbox_landlock.c */
void sandbox_landlock_probe(struct sandbox *sandbox);
bool sandbox_landlock_can(const struct sandbox *sandbox);
int sandbox_landlock_prepare(struct sandbox *sandbox, ngi_error *err);
int sandbox_landlock_enter(const struct sandbox *sandbox, ngi_error *err);

/* sandbox_mounts.c: 0, or the errno of what does not work here */
int sandbox_mounts_probe(struct sandbox *sandbox);
int sandbox_mounts_enter(const struct sandbox *sandbox, ngi_error *err);

/* sandbox_filter.c: system calls */
int sandbox_filter_prepare(struct sandbox *sandbox, ngi_error *err);
int sandbox_filter_enter(const struct sandbox *sandbox, ngi_error *err);

#endif
