/* What host processes leave behind, also in sessions of its own. Orphans come to the zygote (PR_SET_CHILD_SUBREAPER):
 * when a host has ended, it kills all that are in no living host's group. That may be one which a living host has let
 * go of (daemon(3)): nobody can tell whose it was. What init has left there is the plugin's own, for fini to end. Main
 * thread of a zygote, which waits for no other child but its hosts. */
#ifndef PROC_ZYGOTE_STRAYS_H
#define PROC_ZYGOTE_STRAYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A host process. */
struct hosted {
    uint64_t number;
    pid_t pid; /* of its group, too */
    int pidfd;
    bool ended; /* and has not been waited for */
};

struct strays {
    int list;    /* of the children; -1: this kernel has none (CONFIG_PROC_CHILDREN), and nothing here does anything */
    int signals; /* readable: a child has ended */
    sigset_t mask;
    pid_t *own; /* those of init */
    size_t own_count;
    bool ending;  /* some have been killed, and may leave others behind */
    size_t ended; /* since then, of being killed */
};

/* Before the sandbox, which may have no /proc, and is to leave `list` open. */
void strays_open(struct strays *strays);
/* When init has run. The signals of children are blocked from here on. */
void strays_begin(struct strays *strays);
/* In a host: forgets all that. */
void strays_leave(struct strays *strays);

/* A host has ended: kills what it has left. What that leaves behind follows in strays_reap. */
void strays_end(struct strays *strays, const struct hosted *hosts, size_t count);
/* A child has ended, as `signals` tells. How many had to be killed, when the last of them has ended; before that, 0. */
size_t strays_reap(struct strays *strays, const struct hosted *hosts, size_t count);
/* No host is left: waits for the end of what has been killed, but not for ever. As strays_reap. */
size_t strays_await_end(struct strays *strays);

void strays_close(struct strays *strays);

#endif
