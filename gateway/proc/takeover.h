/* SIGUSR2: the supervisor becomes another binary, by execve(2) in its own process, so that it stays the parent of its
 * workers and holds on to its sockets. What it knows goes along in a sealed file; the other binary makes a generation
 * of its own beside those it finds. Before, the other binary is run as `postern takeover-check FD ARGV…`, in a process
 * of its own: one that cannot take over, or does not know of it, changes nothing. One thread. */
#ifndef PROC_TAKEOVER_H
#define PROC_TAKEOVER_H

#include <stdbool.h>

#include "proc/succession.h"

/* At the start of main: which file to run, and with which arguments. argv stays the caller's, and unchanged. */
void takeover_remember(char **argv);

/* Whether this process has been another binary before, or would be, in a check. */
bool takeover_happened(void);

/* Tries whether the binary can take over, then becomes it. Returns only if that fails: with the reason, and with
 * nothing changed. */
int takeover_exec(const struct succession *succession, ngi_error *err);

/* Takes sockets, generations and workers over from who this process was. NGI_OK; NGI_EPARSE or NGI_ENOMEM with the
 * reason, and nothing taken: what came along is closed, and the workers end by themselves. */
int takeover_load(struct succession *succession, ngi_error *err);

/* This process is `postern takeover-check`: its command parses its arguments as ever, and then calls takeover_check
 * instead of serving. `number`: of the descriptor of the file; false if it is none. */
bool takeover_begin_check(const char *number);
bool takeover_is_check(void);
/* Whether this binary can read all that it would be left, settings included; says so, or logs why not. */
bool takeover_check(void);

#endif
