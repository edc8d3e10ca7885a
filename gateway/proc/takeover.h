/* SIGUSR2: the supervisor becomes another binary, by execve(2) in its own process, so that it stays the parent of its
 * workers and holds on to its sockets. What it knows goes along in a sealed file; the other binary makes a generation
 * of its own beside those it finds. One thread. */
#ifndef PROC_TAKEOVER_H
#define PROC_TAKEOVER_H

#include <stdbool.h>

#include "proc/succession.h"

/* At the start of main: which file to run, and with which arguments. argv stays the caller's, and unchanged. */
void takeover_remember(char **argv);

/* Whether this process has been another binary before. */
bool takeover_happened(void);

/* Tries whether the binary runs at all, then becomes it. Returns only if that fails: with the reason. */
int takeover_exec(const struct succession *succession, ngi_error *err);

/* Takes sockets, generations and workers over from who this process was. NGI_OK; NGI_EPARSE or NGI_ENOMEM with the
 * reason: workers that could not be taken over end by themselves. */
int takeover_load(struct succession *succession, ngi_error *err);

#endif
